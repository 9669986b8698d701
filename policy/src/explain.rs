//! What a policy says about one subject, and the lines that decide it.

mod path;
mod peer;
mod subject;
mod summary;
mod syscall;

pub use subject::{Argument, Subject, SubjectError};

use crate::lattice::event::{Event, lower};
use crate::lattice::{self, Lattice};
use crate::origin::{Origin, Origins};
use crate::plan::{Gap, Plan};
use crate::policy::{Policy, Section};
use crate::vocab::{Cap, CapSet};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// The answer to "what about this?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The profile's name.
    pub profile: String,
    /// What was asked for; `None`: everything.
    pub subject: Option<String>,
    /// All answers together; `None` where everything was asked for.
    pub verdict: Option<Verdict>,
    /// One for each interface, right or section.
    pub answers: Vec<Answer>,
    /// What this host cannot enforce of it.
    pub gaps: Vec<Gap>,
}

/// Whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may not.
    Denied,
    /// It depends: on arguments, on the interface, on another process.
    Conditional,
    /// It may.
    Allowed,
}

/// A part of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// What it is about: `x86_64, i386`, `read`, `capabilities`.
    pub about: String,
    /// Whether it may.
    pub verdict: Verdict,
    /// What happens, or what is set: `errno(1) EPERM`, `kept`, `512 MiB`.
    pub answer: String,
    /// Arguments for which it happens, where not all have the same answer.
    pub example: Option<String>,
    /// Why, as a clause.
    pub reason: String,
    /// The lines that decide it; empty where nobody wrote any.
    pub origins: Origins,
}

/// What `policy` says about `subject`, or all it says; with what `plan`'s host cannot enforce of it.
pub fn explain(policy: &Policy, plan: Option<&Plan>, subject: Option<&Subject>) -> Explanation {
    let sections;
    let (answers, sections): (Vec<Answer>, &[Section]) = match subject {
        None => (summary::answers(policy, plan), &[]),
        Some(Subject::Syscall { arch, call, arguments }) => {
            let archs = syscall::interfaces(plan, *arch);
            (syscall::answers(policy, &archs, call, arguments), &[Section::Syscalls])
        }
        Some(Subject::Capability(cap)) => (vec![capability(policy, plan, *cap)], &[Section::Capabilities]),
        Some(Subject::Path { rights, path }) => {
            (path::answers(policy, rights, path), &[Section::Files, Section::Mounts, Section::Devices])
        }
        Some(Subject::Peer { direction, address, port, protocol }) => {
            (peer::answers(policy, *direction, *address, *port, *protocol), &[Section::Network])
        }
        Some(Subject::Event(event)) => {
            sections = [event.section()];
            (policy.admits(event).map(|verdict| decided(event, verdict)).into_iter().collect(), &sections)
        }
    };
    let concerns = |gap: &&Gap| subject.is_none() || sections.contains(&gap.section);
    Explanation {
        profile: policy.name.clone(),
        subject: subject.map(ToString::to_string),
        verdict: subject.map(|_| together(&answers)),
        gaps: plan.iter().flat_map(|plan| &plan.gaps).filter(concerns).cloned().collect(),
        answers,
    }
}

/// The verdict that all share; conditional where they differ. Nothing that answers is a denial.
fn together(answers: &[Answer]) -> Verdict {
    let mut verdicts = answers.iter().map(|answer| answer.verdict);
    match verdicts.next() {
        None => Verdict::Denied,
        Some(first) => {
            if verdicts.all(|verdict| verdict == first) {
                first
            } else {
                Verdict::Conditional
            }
        }
    }
}

/// A yes or a no of the lattice.
fn decided(event: &Event, verdict: lattice::Verdict) -> Answer {
    let lattice::Verdict { allowed, origins } = verdict;
    let verdict = if allowed { Verdict::Allowed } else { Verdict::Denied };
    Answer {
        about: lower(&event.section()),
        verdict,
        answer: verdict.to_string(),
        example: None,
        reason: String::new(),
        origins,
    }
}

fn capability(policy: &Policy, plan: Option<&Plan>, cap: Cap) -> Answer {
    let asked = &policy.capabilities;
    let kept = asked.value.contains(cap);
    let (verdict, answer, reason) = match (kept, plan) {
        (true, Some(plan)) if !plan.capabilities.bounding.contains(cap) => (
            Verdict::Denied,
            "not to be had",
            "the profile keeps it, and this host or caller does not have it",
        ),
        (true, _) if asked.value == CapSet::ALL => {
            (Verdict::Allowed, "kept", "the profile does not constrain capabilities")
        }
        (true, _) => (Verdict::Allowed, "kept", "the profile lists it"),
        (false, _) => (Verdict::Denied, "dropped", "the profile does not list it"),
    };
    Answer {
        about: "capability".to_owned(),
        verdict,
        answer: answer.to_owned(),
        example: None,
        reason: reason.to_owned(),
        origins: asked.origins.clone(),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Denied => "denied",
            Verdict::Conditional => "conditional",
            Verdict::Allowed => "allowed",
        })
    }
}

/// Places, one after another; `nobody` where there are none.
fn places(origins: &Origins) -> String {
    if origins.is_empty() {
        return "no line says so".to_owned();
    }
    origins.iter().map(Origin::to_string).collect::<Vec<_>>().join(", ")
}

impl Explanation {
    /// The explanation as lines of text, for a terminal.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = match (&self.subject, self.verdict) {
            (Some(subject), Some(verdict)) => writeln!(out, "{subject}: {verdict} by {}", self.profile),
            _ => writeln!(out, "{}", self.profile),
        };
        let width = self.answers.iter().map(|answer| answer.about.chars().count()).max().unwrap_or(0);
        for Answer { about, answer, example, reason, origins, .. } in &self.answers {
            let example = example.as_ref().map(|example| format!(" for {example}")).unwrap_or_default();
            let _ = writeln!(out, "  {about:width$}  {answer}{example}");
            let why = if reason.is_empty() { String::new() } else { format!("{reason}: ") };
            let _ = writeln!(out, "  {:width$}    {why}{}", "", places(origins));
        }
        for gap in &self.gaps {
            let strength = if gap.optional { "optional" } else { "required" };
            let _ = writeln!(out, "  cannot be enforced here ({strength}): {}", gap.right);
            let _ = writeln!(out, "    {}; {}", gap.why, gap.remedy);
        }
        out
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().trim_end())
    }
}
