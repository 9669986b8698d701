//! The order of strictness: `a ≤ b` means that `a` allows nothing that `b` denies.
//!
//! Every section of a [`crate::policy::Policy`] is a point in a lattice of its own; the policy is their
//! product. The laws are property tests in `policy/tests/lattice.rs`.

pub mod action;
pub mod diagram;
pub mod event;
pub mod files;
pub mod intervals;
pub mod network;
mod policy;
mod ruled;
mod section;
pub mod syscalls;

use crate::origin::Origins;
use event::Event;
use serde::Serialize;
use std::cmp::Ordering;

/// An event that one policy allows and another denies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// What happens.
    pub event: Event,
    /// Who allows it.
    pub allowed_by: Origins,
    /// Who denies it.
    pub denied_by: Origins,
}

/// What a policy says of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it allows the event.
    pub allowed: bool,
    /// Who decided that; empty where nobody wrote it.
    pub origins: Origins,
}

impl Verdict {
    /// Allowed, as nobody wrote a constraint.
    fn unwritten() -> Self {
        Verdict { allowed: true, origins: Origins::new() }
    }

    /// Denied, as nobody wrote that it is there.
    fn absent() -> Self {
        Verdict { allowed: false, origins: Origins::new() }
    }
}

/// Why two points have no meet or join, or none that can be written down.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LatticeError {
    /// Nothing satisfies both; a container must have some user, some label.
    #[error("nothing satisfies both {what}: {left} and {right}")]
    Empty {
        /// What has no value.
        what: &'static str,
        /// One side, with its places.
        left: String,
        /// The other side, with its places.
        right: String,
    },
    /// No profile can ask for both: one path takes one mount.
    #[error("no profile can hold both {what}: {left} and {right}")]
    Clash {
        /// What cannot be two things.
        what: &'static str,
        /// One side, with its places.
        left: String,
        /// The other side, with its places.
        right: String,
    },
    /// A decision diagram outgrew its limit.
    #[error("the conditions on {call} need more than {limit} decisions; write them with fewer distinct bits")]
    TooLarge {
        /// The system call.
        call: String,
        /// The limit in nodes.
        limit: usize,
    },
}

/// Which of the two bounds is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// The meet: the stricter side decides.
    Strict,
    /// The join: the looser side decides.
    Loose,
}

impl Toward {
    /// `Less` where the left side decides, `Greater` where the right one does, given how strict the left
    /// side is beside the right one.
    pub fn prefers(self, strictness: Ordering) -> Ordering {
        match self {
            Toward::Strict => strictness,
            Toward::Loose => strictness.reverse(),
        }
    }
}

/// A lattice ordered by strictness.
pub trait Lattice: Sized {
    /// The meet or the join.
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError>;
    /// What is said of `event`; `None` where it is about another section.
    fn admits(&self, event: &Event) -> Option<Verdict>;
    /// Events that `self` allows and `other` denies: none exactly where `self ≤ other`. One a section,
    /// one a system call; not every event there is.
    fn looser(&self, other: &Self) -> Vec<Witness>;
    /// The loosest point at least as strict as both.
    fn meet(&self, other: &Self) -> Result<Self, LatticeError> {
        self.combine(other, Toward::Strict)
    }
    /// The strictest point that allows what either allows.
    fn join(&self, other: &Self) -> Result<Self, LatticeError> {
        self.combine(other, Toward::Loose)
    }
    /// Whether `self` allows nothing that `other` denies.
    fn le(&self, other: &Self) -> bool {
        self.looser(other).is_empty()
    }
}
