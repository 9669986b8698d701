//! Peers agree with their members, whatever way they were put together.

use crate::generate::{address, addresses, port};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::network::{AddressRange, AddressRangeError, Addresses, Protocol};

fn peer() -> impl Strategy<Value = (IpAddr, Protocol, u16)> {
    let ip = prop_oneof![
        address().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        address().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 96))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
    ];
    (ip, prop::sample::select(Protocol::ALL.to_vec()), port())
}

proptest! {
    #[test]
    fn operations_are_those_of_sets(a in addresses(), b in addresses(), peers in prop::collection::vec(peer(), 30)) {
        let (union, intersection, minus) = (a.union(&b), a.intersection(&b), a.minus(&b));
        for (ip, protocol, port) in peers {
            let (x, y) = (a.contains(ip, protocol, port), b.contains(ip, protocol, port));
            prop_assert_eq!(union.contains(ip, protocol, port), x || y);
            prop_assert_eq!(intersection.contains(ip, protocol, port), x && y);
            prop_assert_eq!(minus.contains(ip, protocol, port), x && !y);
        }
        match minus.first() {
            Some((ip, protocol, port)) => {
                prop_assert!(a.contains(ip, protocol, port) && !b.contains(ip, protocol, port));
            }
            None => prop_assert_eq!(&union, &b),
        }
    }

    #[test]
    fn equal_meaning_is_equal_form(a in addresses(), b in addresses(), c in addresses()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.minus(&b).union(&a.intersection(&b)), a.clone());
        prop_assert_eq!(a.intersection(&Addresses::all()), a.clone());
        prop_assert_eq!(Addresses::all().minus(&Addresses::all().minus(&a)), a);
    }
}

#[test]
fn ranges_are_read() {
    assert_eq!("10.0.0.0/8".parse(), Ok(AddressRange::V4(0x0a00_0000, 0x0aff_ffff)));
    assert_eq!("0.0.0.0/0".parse(), Ok(AddressRange::V4(0, u32::MAX)));
    assert_eq!("10.0.0.1".parse(), Ok(AddressRange::V4(0x0a00_0001, 0x0a00_0001)));
    assert_eq!("::/0".parse(), Ok(AddressRange::V6(0, u128::MAX)));
    assert_eq!("any".parse(), Ok(AddressRange::Any));
    let network = 0x2001_0db8 << 96;
    assert_eq!("2001:db8::/32".parse(), Ok(AddressRange::V6(network, network | ((1 << 96) - 1))));
    for text in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/x"] {
        assert!(matches!(text.parse::<AddressRange>(), Err(AddressRangeError::Prefix(_))), "{text}");
    }
    for text in ["", "10.0.0", "host", "10.0.0.0.0/8"] {
        assert!(matches!(text.parse::<AddressRange>(), Err(AddressRangeError::Address(_))), "{text}");
    }
    let meant = "10.1.2.3/8".parse::<AddressRange>().unwrap_err();
    assert_eq!(meant.to_string(), "`10.1.2.3/8` has bits below its prefix; the network is `10.0.0.0/8`");
}

#[test]
fn a_protocol_without_ports_is_admitted_whole() {
    let icmp = Addresses::new(AddressRange::Any, Protocol::Other, IntervalSet::single(1));
    assert!(icmp.contains(IpAddr::V4(Ipv4Addr::LOCALHOST), Protocol::Other, 0));
    assert!(!icmp.contains(IpAddr::V4(Ipv4Addr::LOCALHOST), Protocol::Tcp, 1));
}
