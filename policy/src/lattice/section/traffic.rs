//! Traffic in both directions: rates, connections, peers.

use super::limits::amount;
use super::{below_top, confirmed};
use crate::lattice::event::{Direction, Event, Flow, Quantity};
use crate::lattice::ruled::together;
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::{Network, Rate, Traffic};

impl Lattice for Network {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Network { egress, ingress } = self;
        Ok(Network {
            egress: traffic(egress, &other.egress, toward),
            ingress: traffic(ingress, &other.ingress, toward),
        })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        let rate = |direction: &Direction, flow: &Flow| self.of(*direction).rate_of(*flow);
        match event {
            Event::Amount(Quantity::Rate(direction, flow), used) => {
                Some(below_top(rate(direction, flow), |rate| used.is_some_and(|n| n <= rate.per_second)))
            }
            Event::Amount(Quantity::Burst(direction, flow), used) => {
                Some(below_top(rate(direction, flow), |rate| used.is_some_and(|n| n <= rate.burst)))
            }
            Event::Amount(Quantity::OpenConnections(direction), used) => {
                Some(amount(self.of(*direction).open_connections.as_ref(), *used))
            }
            Event::Peer { direction, address, protocol, port } => {
                Some(below_top(self.of(*direction).peers.as_ref(), |peers| {
                    peers.contains(*address, *protocol, *port)
                }))
            }
            Event::AnyPeer(direction) => Some(below_top(self.of(*direction).peers.as_ref(), |_| false)),
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let candidates = [Direction::Egress, Direction::Ingress]
            .into_iter()
            .flat_map(|direction| candidates(direction, self.of(direction), other.of(direction)));
        confirmed(self, other, candidates)
    }
}

impl Network {
    fn of(&self, direction: Direction) -> &Traffic {
        match direction {
            Direction::Egress => &self.egress,
            Direction::Ingress => &self.ingress,
        }
    }
}

impl Traffic {
    fn rate_of(&self, flow: Flow) -> Option<&Ruled<Rate>> {
        match flow {
            Flow::Bits => self.rate.as_ref(),
            Flow::Packets => self.packets.as_ref(),
            Flow::NewConnections => self.new_connections.as_ref(),
            Flow::NewConnectionsOfSource => self.per_source_new_connections.as_ref(),
        }
    }
}

fn traffic(left: &Traffic, right: &Traffic, toward: Toward) -> Traffic {
    let Traffic { rate, packets, new_connections, per_source_new_connections, open_connections, peers } =
        left;
    let rates = |left: &Option<Ruled<Rate>>, right: &Option<Ruled<Rate>>| {
        toward.below_top(left.as_ref(), right.as_ref(), |left, right| componentwise(left, right, toward))
    };
    Traffic {
        rate: rates(rate, &right.rate),
        packets: rates(packets, &right.packets),
        new_connections: rates(new_connections, &right.new_connections),
        per_source_new_connections: rates(per_source_new_connections, &right.per_source_new_connections),
        open_connections: toward.limit(open_connections.as_ref(), right.open_connections.as_ref()),
        peers: toward.below_top(peers.as_ref(), right.peers.as_ref(), |left, right| {
            together(left, right, left.value.combine(&right.value, toward))
        }),
    }
}

fn componentwise(left: &Ruled<Rate>, right: &Ruled<Rate>, toward: Toward) -> Ruled<Rate> {
    let pick = match toward {
        Toward::Strict => u64::min,
        Toward::Loose => u64::max,
    };
    let (a, b) = (left.value, right.value);
    let value = Rate { per_second: pick(a.per_second, b.per_second), burst: pick(a.burst, b.burst) };
    together(left, right, value)
}

fn candidates(direction: Direction, mine: &Traffic, theirs: &Traffic) -> Vec<Event> {
    let flows = [Flow::Bits, Flow::Packets, Flow::NewConnections, Flow::NewConnectionsOfSource];
    let rates = flows.into_iter().flat_map(|flow| {
        let rate = mine.rate_of(flow).map(|rate| rate.value);
        [
            Event::Amount(Quantity::Rate(direction, flow), rate.map(|rate| rate.per_second)),
            Event::Amount(Quantity::Burst(direction, flow), rate.map(|rate| rate.burst)),
        ]
    });
    let open = mine.open_connections.as_ref().map(|limit| limit.value);
    let peer = match (&mine.peers, &theirs.peers) {
        (Some(mine), Some(theirs)) => mine
            .value
            .minus(&theirs.value)
            .first()
            .map(|(address, protocol, port)| Event::Peer { direction, address, protocol, port }),
        _ => Some(Event::AnyPeer(direction)),
    };
    rates.chain([Event::Amount(Quantity::OpenConnections(direction), open)]).chain(peer).collect()
}
