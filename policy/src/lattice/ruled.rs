//! Meets and joins of single values with their origins.
//!
//! Where the order is a chain, the side that decides keeps its origins alone, both in a tie. Where it is
//! not (sets, pairs), a value has one set of origins for all its parts, and no side decides alone: the
//! origins of both stay. Anything else would depend on the order in which floors are met.

use super::Toward;
use crate::origin::{Origins, Ruled};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

impl Toward {
    /// On a chain whose [`Ord`] puts the strict side first.
    pub(super) fn chain<T: Ord + Clone>(self, left: &Ruled<T>, right: &Ruled<T>) -> Ruled<T> {
        match self.prefers(left.value.cmp(&right.value)) {
            Ordering::Less => left.clone(),
            Ordering::Greater => right.clone(),
            Ordering::Equal => together(left, right, left.value.clone()),
        }
    }

    /// On a protective switch, whose strict side is `true`.
    pub(super) fn switch(self, left: &Ruled<bool>, right: &Ruled<bool>) -> Ruled<bool> {
        match self {
            Toward::Strict => Toward::Loose.chain(left, right),
            Toward::Loose => Toward::Strict.chain(left, right),
        }
    }

    /// On sets of what is allowed.
    pub(super) fn set<T: Ord + Clone>(
        self,
        left: &Ruled<BTreeSet<T>>,
        right: &Ruled<BTreeSet<T>>,
    ) -> Ruled<BTreeSet<T>> {
        let value = match self {
            Toward::Strict => left.value.intersection(&right.value).cloned().collect(),
            Toward::Loose => left.value.union(&right.value).cloned().collect(),
        };
        together(left, right, value)
    }

    /// On bits of which more is stricter.
    pub(super) fn protective_bits(self, left: &Ruled<u32>, right: &Ruled<u32>) -> Ruled<u32> {
        let value = match self {
            Toward::Strict => left.value | right.value,
            Toward::Loose => left.value & right.value,
        };
        together(left, right, value)
    }

    /// Below a top written as `None`, with `both` for two values.
    pub(super) fn below_top<T: Clone>(
        self,
        left: Option<&T>,
        right: Option<&T>,
        both: impl FnOnce(&T, &T) -> T,
    ) -> Option<T> {
        match (self, left, right) {
            (_, Some(left), Some(right)) => Some(both(left, right)),
            (Toward::Strict, one, None) | (Toward::Strict, None, one) => one.cloned(),
            (Toward::Loose, _, _) => None,
        }
    }

    /// On a limit, absent at the top.
    pub(super) fn limit<T: Ord + Clone>(
        self,
        left: Option<&Ruled<T>>,
        right: Option<&Ruled<T>>,
    ) -> Option<Ruled<T>> {
        self.below_top(left, right, |left, right| self.chain(left, right))
    }

    /// On limits by name, absent at the top.
    pub(super) fn limits<K: Ord + Clone, T: Ord + Clone>(
        self,
        left: &BTreeMap<K, Ruled<T>>,
        right: &BTreeMap<K, Ruled<T>>,
    ) -> BTreeMap<K, Ruled<T>> {
        let names: BTreeSet<&K> = left.keys().chain(right.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| Some((name.clone(), self.limit(left.get(name), right.get(name))?)))
            .collect()
    }
}

/// A value that both sides decided.
pub(super) fn together<T, U>(left: &Ruled<T>, right: &Ruled<T>, value: U) -> Ruled<U> {
    Ruled { value, origins: left.origins.union(&right.origins).cloned().collect() }
}

/// A value with its places, for an error: `101 (web.yaml:3:5)`.
pub(super) fn written(value: &impl std::fmt::Display, origins: &Origins) -> String {
    let places: Vec<String> = origins.iter().map(ToString::to_string).collect();
    if places.is_empty() { value.to_string() } else { format!("{value} ({})", places.join(", ")) }
}
