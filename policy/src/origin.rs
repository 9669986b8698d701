//! Where in the text a value stands.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// A place in a profile, a floor or on the command line. Lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The file as the user named it, `builtin:NAME` for a built-in profile, `--FLAG` for an override.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The places that decided something: the strictly stricter side of a meet, the looser of a join, both
/// in a tie.
pub type Origins = BTreeSet<Origin>;

/// A value as written, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub origin: Origin,
}

impl<T> At<T> {
    /// The same place, another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { value: f(self.value), origin: self.origin }
    }
}

/// A resolved value with everyone who decided it. Equality ignores the origins, as the lattice does.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub struct Ruled<T> {
    /// The value.
    pub value: T,
    /// Those who decided it; empty only for what no one wrote (the top of the lattice).
    pub origins: Origins,
}

impl<T: PartialEq> PartialEq for Ruled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Ruled<T> {
    /// A value that nobody wrote: the top of the order, or a default.
    pub fn unwritten(value: T) -> Self {
        Ruled { value, origins: Origins::new() }
    }

    /// A value written at one place.
    pub fn at(value: T, origin: Origin) -> Self {
        Ruled { value, origins: Origins::from([origin]) }
    }
}

impl<T> From<At<T>> for Ruled<T> {
    fn from(at: At<T>) -> Self {
        Ruled::at(at.value, at.origin)
    }
}
