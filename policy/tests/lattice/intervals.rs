//! Interval sets agree with sets of their members.

use crate::generate::intervals;
use proptest::prelude::*;
use std::collections::BTreeSet;
use stockade_policy::lattice::intervals::IntervalSet;

/// Members among the values that the tests use, both ends of the type included.
fn members(set: &IntervalSet<u16>) -> BTreeSet<u16> {
    values().filter(|value| set.contains(*value)).collect()
}

fn values() -> impl Iterator<Item = u16> {
    (0..40).chain(u16::MAX - 20..=u16::MAX)
}

fn value() -> impl Strategy<Value = u16> + Clone {
    prop_oneof![0..40u16, u16::MAX - 20..=u16::MAX]
}

proptest! {
    #[test]
    fn operations_are_those_of_sets(a in intervals(value()), b in intervals(value())) {
        let (x, y) = (members(&a), members(&b));
        prop_assert_eq!(members(&a.union(&b)), &x | &y);
        prop_assert_eq!(members(&a.intersection(&b)), &x & &y);
        prop_assert_eq!(members(&a.minus(&b)), &x - &y);
        prop_assert_eq!(members(&a.complement()), values().filter(|v| !x.contains(v)).collect::<BTreeSet<_>>());
        prop_assert_eq!(a.is_subset(&b), a.union(&b) == b);
        prop_assert_eq!(a.complement().complement(), a);
    }

    #[test]
    fn the_form_is_canonical(a in intervals(value()), b in intervals(value())) {
        for set in [a.union(&b), a.intersection(&b), a.minus(&b), a.complement()] {
            let ranges: Vec<_> = set.ranges().collect();
            prop_assert!(ranges.iter().all(|(first, last)| first <= last));
            prop_assert!(ranges.windows(2).all(|pair| u32::from(pair[0].1) + 1 < u32::from(pair[1].0)));
            let mut shuffled: Vec<(u16, u16)> = ranges.iter().map(|(f, l)| (*f, *f.max(&(l - (l - f) / 2)))).collect();
            shuffled.extend(ranges.iter().rev());
            prop_assert_eq!(shuffled.into_iter().collect::<IntervalSet<u16>>(), set);
        }
    }
}

#[test]
fn ends_and_texts() {
    assert!(IntervalSet::<u32>::full().complement().is_empty());
    assert!(IntervalSet::<u128>::empty().complement().is_full());
    assert_eq!(IntervalSet::single(7u32).value(), Some(7));
    assert_eq!(IntervalSet::range(7u32, 8).value(), None);
    assert!(IntervalSet::range(8u32, 7).is_empty());
    let set: IntervalSet<u32> = [(101, 101), (0, 50), (40, 99)].into_iter().collect();
    assert_eq!(set.to_string(), "0-99, 101");
    assert_eq!(IntervalSet::<u16>::full().to_string(), "any");
    let read: IntervalSet<u16> = serde_json::from_str("[[5,9],[1,4],[20,3]]").unwrap();
    assert_eq!(read, IntervalSet::range(1, 9));
    assert_eq!(serde_json::to_string(&read).unwrap(), "[[1,9]]");
}
