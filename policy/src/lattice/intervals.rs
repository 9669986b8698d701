//! Sets of integers as disjoint, non-adjacent intervals in order.

use serde::{Deserialize, Serialize};

/// An unsigned integer that intervals are made of.
pub trait Bound: Copy + Ord + std::fmt::Debug + std::fmt::Display {
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
#[serde(transparent)]
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
}
