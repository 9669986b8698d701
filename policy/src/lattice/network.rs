//! Peers: address ranges × protocol × port ranges, canonical.

use super::intervals::IntervalSet;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

/// The peers admitted: per family and protocol, disjoint address ranges in order with their ports;
/// neighbouring ranges with equal ports are one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// IPv4, addresses as numbers in host order.
    pub v4: BTreeMap<Protocol, Vec<(u32, u32, IntervalSet<u16>)>>,
    /// IPv6, addresses as numbers in host order.
    pub v6: BTreeMap<Protocol, Vec<(u128, u128, IntervalSet<u16>)>>,
}
