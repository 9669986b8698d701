//! Rights by path: a trie of normalised absolute paths.

use crate::origin::{Origin, Origins, Ruled};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A set of rights on a path and everything below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub u8);

impl Rights {
    /// Nothing: the path is hidden.
    pub const NONE: Rights = Rights(0);
    /// It appears in the view.
    pub const VISIBLE: Rights = Rights(1);
    /// Files are read and directories listed. Implies visible.
    pub const READ: Rights = Rights(2);
    /// Files and directories are created, changed and removed. Implies visible.
    pub const WRITE: Rights = Rights(4);
    /// Programs are started. Implies visible.
    pub const EXECUTE: Rights = Rights(8);
    /// Every right.
    pub const ALL: Rights = Rights(15);

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }
}

/// Canonical: the root always has an entry, no other entry has the rights of its nearest ancestor entry.
/// Paths are absolute and normalised (no `.`, `..`, empty part, trailing slash); the lattice is lexical.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FileTree {
    entries: BTreeMap<String, Ruled<Rights>>,
}

/// A path that is not absolute and normalised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not an absolute path without `.`, `..` and empty parts")]
pub struct PathError {
    /// The path.
    pub path: String,
}

/// One line of a profile about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Absolute path.
    pub path: String,
    /// What is granted; [`Rights::NONE`] hides.
    pub rights: Rights,
    /// Where it is written.
    pub origin: Origin,
}

impl FileTree {
    /// Every right everywhere.
    pub fn unconstrained() -> Self {
        FileTree { entries: BTreeMap::from([("/".to_owned(), Ruled::unwritten(Rights::ALL))]) }
    }

    /// The tree that these statements mean: grants add to what the path inherits, a hidden path loses
    /// everything inherited, and a grant below a hidden path starts again from nothing. Where one path
    /// is both granted and hidden, hidden wins. Read, write and execute make a path visible; write
    /// and execute imply read. `/` is visible unless hidden, by `root`.
    pub fn from_statements(statements: &[Statement], root: &Origins) -> Result<Self, PathError> {
        let _ = (statements, root);
        unimplemented!()
    }

    /// The rights at `path` and who decided them.
    pub fn rights(&self, path: &str) -> &Ruled<Rights> {
        let _ = path;
        unimplemented!()
    }

    /// The entries, parents before children.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Ruled<Rights>)> {
        self.entries.iter().map(|(path, rights)| (path.as_str(), rights))
    }
}
