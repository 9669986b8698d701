//! Sections whose layers do not exist yet: they stand in the plan, each with a gap.

use super::gaps::{Gaps, Obstacle};
use crate::origin::Origins;
use crate::policy::{Label, Lsm, Network, Policy, Section, Traffic};

/// Notes that no layer enforces `right` of `section` yet.
pub(super) fn no_layer(section: Section, right: &str, origins: &Origins, gaps: &mut Gaps<'_>) {
    let obstacle =
        Obstacle::new("no layer enforces it yet", "leave the section out, or mark it `optional: true`");
    gaps.add(section, right, obstacle, origins);
}

/// Traffic in both directions.
pub(super) fn traffic(policy: &Policy, gaps: &mut Gaps<'_>) -> Option<Network> {
    let directions = [("egress", &policy.network.egress), ("ingress", &policy.network.ingress)];
    let mut any = false;
    for (direction, asked) in directions {
        for (limit, origins) in limits(asked) {
            no_layer(Section::Network, &format!("network: {direction} {limit}"), origins, gaps);
            any = true;
        }
    }
    any.then(|| policy.network.clone())
}

/// The limits that are set, by the name that a profile gives them.
pub(crate) fn limits(traffic: &Traffic) -> impl Iterator<Item = (&'static str, &Origins)> {
    let Traffic { rate, packets, new_connections, per_source_new_connections, open_connections, peers } =
        traffic;
    let rates = [
        ("rate", rate),
        ("packets", packets),
        ("new_connections", new_connections),
        ("per_source.new_connections", per_source_new_connections),
    ];
    let rates = rates.into_iter().filter_map(|(name, limit)| Some((name, &limit.as_ref()?.origins)));
    let open = open_connections.as_ref().map(|limit| ("open_connections", &limit.origins));
    let peers = peers.as_ref().map(|peers| ("peers", &peers.origins));
    rates.chain(open).chain(peers)
}

/// Labels of the security modules.
pub(super) fn lsm(policy: &Policy, gaps: &mut Gaps<'_>) -> Option<Lsm> {
    let Lsm { apparmor, selinux, trusted_paths } = &policy.lsm;
    let mut any = false;
    for (right, label) in [("lsm: apparmor", apparmor), ("lsm: selinux", selinux)] {
        // Unconfined is what a process is without any layer.
        if let Some(label) = label.as_ref().filter(|label| label.value != Label::Unconfined) {
            no_layer(Section::Lsm, right, &label.origins, gaps);
            any = true;
        }
    }
    if trusted_paths.value {
        no_layer(Section::Lsm, "lsm: trusted_paths", &trusted_paths.origins, gaps);
        any = true;
    }
    any.then(|| policy.lsm.clone())
}
