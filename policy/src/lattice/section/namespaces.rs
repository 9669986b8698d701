//! Namespaces: private, decided at compile, the host's.

use super::{confirmed, first, verdict};
use crate::lattice::event::Event;
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::{NamespaceKind, NamespaceMode, Namespaces};
use std::collections::BTreeSet;

impl Namespaces {
    /// Whose namespace of this kind it is: a joined one counts as private, one that nobody names is the
    /// host's.
    pub fn mode(&self, kind: NamespaceKind) -> Ruled<NamespaceMode> {
        let mode = self.modes.get(&kind);
        let Some(path) = self.network_path.as_ref().filter(|_| kind == NamespaceKind::Network) else {
            return mode.cloned().unwrap_or_else(|| Ruled::unwritten(NamespaceMode::Host));
        };
        let said = mode.filter(|mode| mode.value == NamespaceMode::Private);
        let by_mode = said.iter().flat_map(|mode| mode.origins.iter());
        Ruled {
            value: NamespaceMode::Private,
            origins: path.origins.iter().chain(by_mode).cloned().collect(),
        }
    }

    fn kinds(&self) -> impl Iterator<Item = NamespaceKind> {
        let joined = self.network_path.is_some().then_some(NamespaceKind::Network);
        self.modes.keys().copied().chain(joined)
    }
}

impl Lattice for Namespaces {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let kinds: BTreeSet<NamespaceKind> = self.kinds().chain(other.kinds()).collect();
        let modes = kinds
            .into_iter()
            .map(|kind| (kind, toward.chain(&self.mode(kind), &other.mode(kind))))
            .filter(|(_, mode)| mode.value != NamespaceMode::Host || !mode.origins.is_empty())
            .collect();
        let mut both = Namespaces { modes, network_path: None };
        // A path to join means nothing once the network may be the host's.
        if both.mode(NamespaceKind::Network).value == NamespaceMode::Private {
            both.network_path = first(self.network_path.as_ref(), other.network_path.as_ref());
        }
        Ok(both)
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Namespace(kind, mode) => {
                let mine = self.mode(*kind);
                Some(verdict(*mode <= mine.value, &mine))
            }
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        // Kinds that the other side does not name are the host's there: nothing is looser.
        let kinds: BTreeSet<NamespaceKind> = other.kinds().collect();
        confirmed(self, other, kinds.into_iter().map(|kind| Event::Namespace(kind, self.mode(kind).value)))
    }
}
