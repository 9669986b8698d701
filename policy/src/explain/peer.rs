//! Whether a peer may be talked to.

use super::{Answer, Verdict};
use crate::lattice::event::Direction;
use crate::lattice::network::Protocol;
use crate::policy::{NamespaceKind, NamespaceMode, Policy};
use std::net::IpAddr;

/// What the network section says, and what the namespace makes of it.
pub(super) fn answers(
    policy: &Policy,
    direction: Direction,
    address: IpAddr,
    port: u16,
    protocol: Protocol,
) -> Vec<Answer> {
    let (about, traffic) = match direction {
        Direction::Egress => ("egress", &policy.network.egress),
        Direction::Ingress => ("ingress", &policy.network.ingress),
    };
    let (verdict, reason) = match &traffic.peers {
        None => (Verdict::Allowed, "no section names peers"),
        Some(peers) if peers.value.contains(address, protocol, port) => (Verdict::Allowed, "listed"),
        Some(_) => (Verdict::Denied, "not listed"),
    };
    let origins = traffic.peers.as_ref().map(|peers| peers.origins.clone()).unwrap_or_default();
    let answer = Answer {
        about: about.to_owned(),
        verdict,
        answer: verdict.to_string(),
        example: None,
        reason: reason.to_owned(),
        origins,
    };
    std::iter::once(answer).chain(isolated(policy, address)).collect()
}

/// A private network holds its loopback and what someone puts into it.
fn isolated(policy: &Policy, address: IpAddr) -> Option<Answer> {
    let mode = policy.namespaces.modes.get(&NamespaceKind::Network)?;
    let alone = mode.value != NamespaceMode::Host && policy.namespaces.network_path.is_none();
    (alone && !address.is_loopback()).then(|| Answer {
        about: "namespace".to_owned(),
        verdict: Verdict::Denied,
        answer: "unreachable".to_owned(),
        example: None,
        reason: "its network is its own, and nothing leads out of it unless an engine connects it".to_owned(),
        origins: mode.origins.clone(),
    })
}
