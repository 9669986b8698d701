//! Peers → networks.

use crate::lattice::network::{Addresses, Ranges};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The networks that hold every address at which some port of some protocol is admitted.
pub(super) fn list(addresses: &Addresses) -> Vec<String> {
    let v4 = ranges(addresses.v4.values(), u128::from);
    let v6 = ranges(addresses.v6.values(), |bits| bits);
    let v4 = networks(v4, 32).into_iter().filter_map(|(base, prefix)| {
        let base = u32::try_from(base).ok()?;
        Some(format!("{}/{prefix}", Ipv4Addr::from_bits(base)))
    });
    let v6 =
        networks(v6, 128).into_iter().map(|(base, prefix)| format!("{}/{prefix}", Ipv6Addr::from_bits(base)));
    v4.chain(v6).collect()
}

/// First and last of each range, in order, joined where they touch.
fn ranges<'a, T: Copy + 'a>(
    protocols: impl Iterator<Item = &'a Ranges<T>>,
    bits: impl Fn(T) -> u128,
) -> Vec<(u128, u128)> {
    let mut all: Vec<(u128, u128)> =
        protocols.flatten().map(|(first, last, _)| (bits(*first), bits(*last))).collect();
    all.sort_unstable();
    let mut joined: Vec<(u128, u128)> = Vec::new();
    for (first, last) in all {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    joined
}

/// The fewest networks that make up the ranges: base and prefix, of addresses of `width` bits.
fn networks(ranges: Vec<(u128, u128)>, width: u32) -> Vec<(u128, u32)> {
    let mut found = Vec::new();
    for (first, last) in ranges {
        let mut next = Some(first);
        while let Some(base) = next.filter(|base| *base <= last) {
            // The largest network that begins here and does not reach beyond.
            let size = |bits: u32| 1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1);
            let aligned = base.trailing_zeros().min(width);
            let bits =
                (0..=aligned).rev().find(|bits| base.checked_add(size(*bits)).is_some_and(|end| end <= last));
            let bits = bits.unwrap_or(0);
            found.push((base, width - bits));
            next = base.checked_add(size(bits)).and_then(|end| end.checked_add(1));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_networks() {
        assert_eq!(networks(vec![(0, u128::from(u32::MAX))], 32), [(0, 0)]);
        assert_eq!(networks(vec![(0, u128::MAX)], 128), [(0, 0)]);
        assert_eq!(networks(vec![(5, 5)], 32), [(5, 32)]);
        assert_eq!(networks(vec![(1, 6)], 32), [(1, 32), (2, 31), (4, 31), (6, 32)]);
        assert_eq!(networks(vec![(u128::MAX - 1, u128::MAX)], 128), [(u128::MAX - 1, 127)]);
    }
}
