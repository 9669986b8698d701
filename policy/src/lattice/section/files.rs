//! The view of the file system: the tree, a private `/tmp`, `/proc`.

use super::{confirmed, verdict};
use crate::lattice::event::Event;
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::policy::Files;

impl Lattice for Files {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Files { tree, tmp, proc } = self;
        let tmp = match (toward, tmp, &other.tmp) {
            (_, Some(left), Some(right)) => Some(toward.chain(left, right)),
            // Unlike a limit, an absent `/tmp` is the strict side.
            (Toward::Strict, _, _) => None,
            (Toward::Loose, one, None) | (Toward::Loose, None, one) => one.clone(),
        };
        Ok(Files { tree: tree.combine(&other.tree, toward)?, tmp, proc: toward.chain(proc, &other.proc) })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Tmp(bytes) => {
                Some(self.tmp.as_ref().map_or_else(Verdict::absent, |tmp| verdict(*bytes <= tmp.value, tmp)))
            }
            Event::Proc(view) => Some(verdict(*view <= self.proc.value, &self.proc)),
            _ => self.tree.admits(event),
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let tmp = self.tmp.as_ref().map(|tmp| Event::Tmp(tmp.value));
        let proc = Event::Proc(self.proc.value);
        let mut witnesses = self.tree.looser(&other.tree);
        witnesses.extend(confirmed(self, other, tmp.into_iter().chain([proc])));
        witnesses
    }
}
