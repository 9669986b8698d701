//! Sets of integers as disjoint, non-adjacent intervals in order.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An unsigned integer that intervals are made of.
pub trait Bound: Copy + Ord + fmt::Debug + fmt::Display {
    /// The smallest value.
    const MIN: Self;
    /// The largest value.
    const MAX: Self;
    /// The next larger value; `None` at the maximum.
    fn next(self) -> Option<Self>;
    /// The next smaller value; `None` at the minimum.
    fn previous(self) -> Option<Self>;
}

macro_rules! bound {
    ($($integer:ty),*) => {$(
        impl Bound for $integer {
            const MIN: Self = <$integer>::MIN;
            const MAX: Self = <$integer>::MAX;
            fn next(self) -> Option<Self> { self.checked_add(1) }
            fn previous(self) -> Option<Self> { self.checked_sub(1) }
        }
    )*};
}
bound!(u16, u32, u64, u128);

/// A canonical set: inclusive intervals, in order, none touching the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(T, T)>", bound(deserialize = "T: Bound + Deserialize<'de>"))]
pub struct IntervalSet<T>(Vec<(T, T)>);

impl<T: Bound> IntervalSet<T> {
    /// Nothing.
    pub fn empty() -> Self {
        IntervalSet(Vec::new())
    }

    /// Everything.
    pub fn full() -> Self {
        IntervalSet(vec![(T::MIN, T::MAX)])
    }

    /// One value.
    pub fn single(value: T) -> Self {
        IntervalSet(vec![(value, value)])
    }

    /// From `first` to `last`, both included; nothing where `last` is smaller.
    pub fn range(first: T, last: T) -> Self {
        if first <= last { IntervalSet(vec![(first, last)]) } else { Self::empty() }
    }

    /// The intervals, both ends included, in order.
    pub fn ranges(&self) -> impl Iterator<Item = (T, T)> {
        self.0.iter().copied()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether everything is in it.
    pub fn is_full(&self) -> bool {
        self.0.as_slice() == [(T::MIN, T::MAX)]
    }

    /// The one value, where there is exactly one.
    pub fn value(&self) -> Option<T> {
        match self.0.as_slice() {
            [(first, last)] if first == last => Some(*first),
            _ => None,
        }
    }

    /// The smallest value.
    pub fn first(&self) -> Option<T> {
        self.0.first().map(|(first, _)| *first)
    }

    /// Whether `value` is in it.
    pub fn contains(&self, value: T) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= value);
        after > 0 && value <= self.0[after - 1].1
    }

    /// What is in either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.ranges().chain(other.ranges()).collect()
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.as_slice(), other.0.as_slice());
        let mut both = Vec::new();
        while let ([(a, b), more_left @ ..], [(c, d), more_right @ ..]) = (left, right) {
            let (first, last) = (*a.max(c), *b.min(d));
            if first <= last {
                both.push((first, last));
            }
            if b <= d { left = more_left } else { right = more_right }
        }
        IntervalSet(both)
    }

    /// What is not in it.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut gaps = Vec::new();
        let mut from = Some(T::MIN);
        for (first, last) in self.ranges() {
            if let (Some(from), Some(before)) = (from, first.previous())
                && from <= before
            {
                gaps.push((from, before));
            }
            from = last.next();
        }
        gaps.extend(from.map(|from| (from, T::MAX)));
        IntervalSet(gaps)
    }

    /// What is in it and not in `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.intersection(&other.complement())
    }

    /// Whether all of it is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.minus(other).is_empty()
    }
}

/// Inclusive ranges in any order, overlapping or not; a range that ends before it begins is empty.
impl<T: Bound> FromIterator<(T, T)> for IntervalSet<T> {
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(first, last)| first <= last).collect();
        ranges.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if end.next().is_none_or(|after| first <= after) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        IntervalSet(merged)
    }
}

impl<T: Bound> From<Vec<(T, T)>> for IntervalSet<T> {
    fn from(ranges: Vec<(T, T)>) -> Self {
        ranges.into_iter().collect()
    }
}

/// `0-99, 101`; `none` and `any` for the two ends.
impl<T: Bound> fmt::Display for IntervalSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        if self.is_full() {
            return f.write_str("any");
        }
        for (index, (first, last)) in self.ranges().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
        }
        Ok(())
    }
}
