//! What tells two policies apart: in meaning, not in text.
//!
//! "Looser" speaks of kinds of answers: denied, referred to another process, done. Inside a kind the
//! answers only differ: a program sees another errno, an administrator another line in a log. The order of
//! the lattice is finer and puts both in one line; see [`crate::lattice::action::Class`].

mod groups;
mod text;

use crate::lattice::event::Event;
use crate::lattice::{Lattice, Witness};
use crate::origin::Origins;
use crate::policy::{Policy, Section};
use crate::vocab::Arch;
use serde::{Serialize, Serializer};

/// What tells `b` apart from `a`, with an event for each difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The name of the one.
    pub a: String,
    /// The name of the other.
    pub b: String,
    /// What `b` allows and `a` denies.
    pub looser: Vec<Difference>,
    /// What `b` denies and `a` allows.
    pub stricter: Vec<Difference>,
    /// What both answer in the same kind, with other answers.
    pub answers: Vec<Difference>,
}

/// An event on which two policies differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The section that decides it.
    pub section: Section,
    /// What happens.
    #[serde(serialize_with = "question")]
    pub event: Event,
    /// Whether other arguments of the system call are answered otherwise.
    pub conditional: bool,
    /// What `a` says.
    pub a: Side,
    /// What `b` says.
    pub b: Side,
}

/// What one policy says of an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Side {
    /// `allowed` or `denied`; of a system call the action.
    pub answer: String,
    /// Who decided it; empty where nobody wrote it.
    pub origins: Origins,
}

/// Compares two policies; each is called by the name that stands before it.
pub fn diff(a: (&str, &Policy), b: (&str, &Policy)) -> Diff {
    let ((a_name, a), (b_name, b)) = (a, b);
    let pair = Pair { a, b };
    let answers = a.syscalls.looser_in_answer(&b.syscalls);
    let mut answers: Vec<_> =
        answers.into_iter().chain(b.syscalls.looser_in_answer(&a.syscalls)).map(|it| pair.call(it)).collect();
    answers.sort_by(|left, right| left.event.cmp(&right.event));
    Diff {
        a: a_name.to_owned(),
        b: b_name.to_owned(),
        looser: looser(b, a).map(|witness| pair.difference(witness, Loose::B)).collect(),
        stricter: looser(a, b).map(|witness| pair.difference(witness, Loose::A)).collect(),
        answers,
    }
}

/// What `left` allows and `right` denies, section by section as the lattice goes through them.
fn looser(left: &Policy, right: &Policy) -> impl Iterator<Item = Witness> {
    let calls = left.syscalls.looser_in_class(&right.syscalls);
    let others = left.looser(right).into_iter();
    calls.into_iter().chain(others.filter(|witness| !matches!(witness.event, Event::Syscall { .. })))
}

/// Which side allows.
#[derive(Clone, Copy)]
enum Loose {
    A,
    B,
}

struct Pair<'a> {
    a: &'a Policy,
    b: &'a Policy,
}

impl Pair<'_> {
    fn difference(&self, witness: Witness, loose: Loose) -> Difference {
        if matches!(witness.event, Event::Syscall { .. }) {
            return self.call(witness);
        }
        let Witness { event, allowed_by, denied_by } = witness;
        let allowed = Side { answer: "allowed".to_owned(), origins: allowed_by };
        let denied = Side { answer: "denied".to_owned(), origins: denied_by };
        let (a, b) = match loose {
            Loose::A => (allowed, denied),
            Loose::B => (denied, allowed),
        };
        Difference { section: event.section(), event, conditional: false, a, b }
    }

    /// A system call, with the answers of both sides.
    fn call(&self, witness: Witness) -> Difference {
        let event = witness.event;
        let side = |policy: &Policy| match &event {
            Event::Syscall { arch, number, arguments, .. } => {
                let diagram = policy.syscalls.table(*arch).diagram(*number);
                let decision = diagram.decide(arguments);
                let side = Side { answer: decision.action.to_string(), origins: decision.origins.clone() };
                (side, diagram.constant().is_none())
            }
            // Only system calls come here; anything else would be shown without an answer.
            _ => (Side { answer: String::new(), origins: Origins::new() }, false),
        };
        let ((a, a_tests), (b, b_tests)) = (side(self.a), side(self.b));
        Difference { section: event.section(), event, conditional: a_tests || b_tests, a, b }
    }
}

/// The event as `explain` takes it: with the interface, which `explain` would else take for every one.
fn subject(event: &Event) -> String {
    let text = event.to_string();
    match event {
        Event::Syscall { arch: Arch::X86_64, .. } => match text.split_once(" answered by ") {
            Some((call, answer)) => format!("{call} on {} answered by {answer}", Arch::X86_64),
            None => format!("{text} on {}", Arch::X86_64),
        },
        _ => text,
    }
}

fn question<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&subject(event))
}

impl Diff {
    /// Whether both allow and deny the same things, in the same way.
    pub fn is_empty(&self) -> bool {
        self.looser.is_empty() && self.stricter.is_empty() && self.answers.is_empty()
    }
}
