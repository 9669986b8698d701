//! `network` and `lsm`.

use super::process::most;
use super::{Resolver, origins};
use crate::lattice::intervals::IntervalSet;
use crate::lattice::network::{AddressRange, Addresses, Protocol};
use crate::origin::{At, Ruled};
use crate::parse::list::List;
use crate::policy::{Lsm, Network, Rate, Traffic};
use crate::profile::{self, Egress, Ingress, Limit, Peer};
use crate::units::{BitRate, EventRate};

impl Resolver<'_> {
    pub(super) fn network(&mut self, written: Option<&profile::Network>, network: &mut Network) {
        let Some(profile::Network { origin: _, egress, ingress, monitor: _, optional: _ }) = written else {
            return;
        };
        if let Some(egress) = egress {
            let Egress { origin: _, rate, packets, new_connections, open_connections, to } = egress;
            network.egress = Traffic {
                rate: bits(rate.as_ref()),
                packets: events(packets.as_ref()),
                new_connections: events(new_connections.as_ref()),
                per_source_new_connections: None,
                open_connections: most(open_connections.as_ref(), |count| count.0),
                peers: to.as_ref().map(peers),
            };
        }
        if let Some(ingress) = ingress {
            let Ingress { origin: _, rate, packets, new_connections, open_connections, per_source, from } =
                ingress;
            let per_source = per_source.as_ref().and_then(|limits| limits.new_connections.as_ref());
            network.ingress = Traffic {
                rate: bits(rate.as_ref()),
                packets: events(packets.as_ref()),
                new_connections: events(new_connections.as_ref()),
                per_source_new_connections: events(per_source),
                open_connections: most(open_connections.as_ref(), |count| count.0),
                peers: from.as_ref().map(peers),
            };
        }
    }

    pub(super) fn lsm(&mut self, written: Option<&profile::Lsm>, lsm: &mut Lsm) {
        let Some(profile::Lsm { origin: _, apparmor, selinux, trusted_paths, monitor: _, optional: _ }) =
            written
        else {
            return;
        };
        lsm.apparmor = apparmor.clone().map(|label| label.map(|label| label.0).into());
        lsm.selinux = selinux.clone().map(|label| label.map(|label| label.0).into());
        if let Some(flag) = trusted_paths {
            lsm.trusted_paths = flag.clone().into();
        }
    }
}

fn rate(per_second: u64, burst: Option<u64>) -> Rate {
    Rate { per_second, burst: burst.unwrap_or(u64::MAX) }
}

fn bits(limit: Option<&At<Limit<BitRate>>>) -> Option<Ruled<Rate>> {
    let limit = limit?;
    match limit.value {
        Limit::Unlimited => None,
        Limit::Most(most) => Some(Ruled::at(rate(most.per_second, most.burst), limit.origin.clone())),
    }
}

fn events(limit: Option<&At<Limit<EventRate>>>) -> Option<Ruled<Rate>> {
    let limit = limit?;
    match limit.value {
        Limit::Unlimited => None,
        Limit::Most(most) => Some(Ruled::at(rate(most.per_second, most.burst), limit.origin.clone())),
    }
}

/// The peers of a list; an empty list admits nobody.
fn peers(list: &List<Peer>) -> Ruled<Addresses> {
    // Joined pairwise: one after the other the work would grow with the square of the list.
    let mut sets: Vec<Addresses> = list.items.iter().map(|peer| addresses(&peer.value)).collect();
    while sets.len() > 1 {
        sets = sets
            .chunks(2)
            .map(|pair| pair.iter().skip(1).fold(pair[0].clone(), |sum, next| sum.union(next)))
            .collect();
    }
    Ruled { value: sets.pop().unwrap_or_else(Addresses::none), origins: origins(list) }
}

fn addresses(peer: &Peer) -> Addresses {
    let range = match peer.network {
        None => AddressRange::Any,
        // The parser admits no bits behind the mask; without a range nobody is admitted.
        Some((address, bits)) => match AddressRange::cidr(address, bits) {
            Some(range) => range,
            None => return Addresses::none(),
        },
    };
    match peer.protocol {
        Some((protocol, first, last)) => Addresses::new(range, protocol, IntervalSet::range(first, last)),
        None => Protocol::ALL.into_iter().fold(Addresses::none(), |sum, protocol| {
            sum.union(&Addresses::new(range, protocol, IntervalSet::full()))
        }),
    }
}
