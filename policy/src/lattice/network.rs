//! Peers: address ranges × protocol × port ranges, canonical.

mod ranges;

pub use ranges::{AddressRange, AddressRangeError, Ranges};

use super::intervals::IntervalSet;
use super::{Toward, intervals::Bound};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP
    Tcp,
    /// UDP
    Udp,
    /// Everything else; has no ports, so its port set is full or empty.
    Other,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Other];
}

/// The peers admitted: per family and protocol, disjoint address ranges in order with their ports;
/// neighbouring ranges with equal ports are one. A protocol or range that admits nothing is not there.
/// Addresses are taken as they stand in the packet: a mapped one (`::ffff:10.0.0.1`) travels as IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// IPv4, addresses as numbers in host order.
    pub v4: BTreeMap<Protocol, Ranges<u32>>,
    /// IPv6, addresses as numbers in host order.
    pub v6: BTreeMap<Protocol, Ranges<u128>>,
}

impl Addresses {
    /// Nobody.
    pub fn none() -> Self {
        Addresses::default()
    }

    /// Everybody, by every protocol.
    pub fn all() -> Self {
        Protocol::ALL.into_iter().fold(Addresses::none(), |sum, protocol| {
            sum.union(&Addresses::new(AddressRange::Any, protocol, IntervalSet::full()))
        })
    }

    /// The peers in a range, by one protocol, at these ports. [`Protocol::Other`] has no ports: any port
    /// means all of it.
    pub fn new(range: AddressRange, protocol: Protocol, ports: IntervalSet<u16>) -> Self {
        let ports =
            if protocol == Protocol::Other && !ports.is_empty() { IntervalSet::full() } else { ports };
        let mut addresses = Addresses::none();
        if ports.is_empty() {
            return addresses;
        }
        let (v4, v6) = match range {
            AddressRange::Any => (Some((u32::MIN, u32::MAX)), Some((u128::MIN, u128::MAX))),
            AddressRange::V4(first, last) => (Some((first, last)), None),
            AddressRange::V6(first, last) => (None, Some((first, last))),
        };
        if let Some((first, last)) = v4.filter(|(first, last)| first <= last) {
            addresses.v4.insert(protocol, vec![(first, last, ports.clone())]);
        }
        if let Some((first, last)) = v6.filter(|(first, last)| first <= last) {
            addresses.v6.insert(protocol, vec![(first, last, ports)]);
        }
        addresses
    }

    /// Whether this peer is admitted. The port of [`Protocol::Other`] does not matter.
    pub fn contains(&self, address: IpAddr, protocol: Protocol, port: u16) -> bool {
        match address {
            IpAddr::V4(address) => ranges::contains(self.v4.get(&protocol), address.to_bits(), port),
            IpAddr::V6(address) => ranges::contains(self.v6.get(&protocol), address.to_bits(), port),
        }
    }

    /// Whether nobody is admitted.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Who is admitted by either.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, Toward::Loose)
    }

    /// Who is admitted by both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, Toward::Strict)
    }

    /// The intersection or the union.
    #[must_use]
    pub fn combine(&self, other: &Self, toward: Toward) -> Self {
        let overlay = |a: &IntervalSet<u16>, b: &IntervalSet<u16>| match toward {
            Toward::Strict => a.intersection(b),
            Toward::Loose => a.union(b),
        };
        Addresses { v4: overlaid(&self.v4, &other.v4, overlay), v6: overlaid(&self.v6, &other.v6, overlay) }
    }

    /// Who is admitted by this and not by `other`.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        Addresses {
            v4: overlaid(&self.v4, &other.v4, IntervalSet::minus),
            v6: overlaid(&self.v6, &other.v6, IntervalSet::minus),
        }
    }

    /// The first peer admitted.
    pub fn first(&self) -> Option<(IpAddr, Protocol, u16)> {
        let v4 = first(&self.v4).map(|(bits, to, port)| (IpAddr::V4(Ipv4Addr::from_bits(bits)), to, port));
        let v6 = || first(&self.v6).map(|(bits, to, port)| (IpAddr::V6(Ipv6Addr::from_bits(bits)), to, port));
        v4.or_else(v6)
    }
}

fn overlaid<T: Bound>(
    left: &BTreeMap<Protocol, Ranges<T>>,
    right: &BTreeMap<Protocol, Ranges<T>>,
    overlay: impl Fn(&IntervalSet<u16>, &IntervalSet<u16>) -> IntervalSet<u16>,
) -> BTreeMap<Protocol, Ranges<T>> {
    Protocol::ALL
        .into_iter()
        .map(|protocol| (protocol, ranges::overlaid(left.get(&protocol), right.get(&protocol), &overlay)))
        .filter(|(_, ranges)| !ranges.is_empty())
        .collect()
}

fn first<T: Bound>(ranges: &BTreeMap<Protocol, Ranges<T>>) -> Option<(T, Protocol, u16)> {
    let (protocol, ranges) = ranges.iter().next()?;
    let (address, _, ports) = ranges.first()?;
    Some((*address, *protocol, ports.first()?))
}
