//! What the outcomes mean: against what this kernel has, and against what a policy says.

use super::report::Outcome;
use super::{Probe, probes};
use crate::status::Layer;
use crate::sys::Errno;
use serde::Serialize;
use std::fmt;
use stockade_policy::explain::{self, Argument, Subject, explain};
use stockade_policy::lattice::action::{Action, Class};
use stockade_policy::lattice::event::{Event, Quantity, Switch};
use stockade_policy::origin::Origins;
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;
use stockade_policy::vocab::{constants, syscalls};

/// What the container should be under.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    /// What it means.
    pub policy: &'a Policy,
    /// What it comes to on this host.
    pub plan: &'a Plan,
}

/// What is to be said of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It obtained what it was after.
    Open,
    /// Something inside stopped it that does not stop it outside.
    Stopped,
    /// This kernel, or this caller, does not have it: it fails without any confinement too.
    Absent,
    /// It could not be tried, or is tried only behind a limit.
    NotTried,
    /// It came to no end that says something.
    Undecided,
}

/// One probe, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name.
    pub name: &'static str,
    /// Its family.
    pub family: &'static str,
    /// What it tries.
    pub tries: &'static str,
    /// What obtaining it would mean.
    pub gains: &'static str,
    /// What is to be said of it.
    pub verdict: Verdict,
    /// The kernel's answer inside.
    pub inside: Outcome,
    /// The kernel's answer without confinement.
    pub outside: Outcome,
    /// What stopped it; `None` where nothing that the policy says gives this answer.
    pub layer: Option<Layer>,
    /// What of the policy stopped it, as `explain` takes it.
    pub subject: Option<String>,
    /// The lines that say so.
    pub origins: Origins,
    /// Whether the policy says that it is stopped; `None`: there is none.
    pub declared_stopped: Option<bool>,
}

impl Finding {
    /// Whether it is not stopped, or not known to be, and the policy says that it is.
    pub fn contradicts(&self) -> bool {
        matches!(self.verdict, Verdict::Open | Verdict::Undecided) && self.declared_stopped == Some(true)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verdict::Open => "open",
            Verdict::Stopped => "stopped",
            Verdict::Absent => "absent",
            Verdict::NotTried => "not tried",
            Verdict::Undecided => "undecided",
        })
    }
}

/// Judges what came out `inside`, in the order of [`probes`], by what the same program could do `outside`.
pub fn judge(inside: &[Outcome], outside: &[Outcome], declared: Option<Declared<'_>>) -> Vec<Finding> {
    let outcomes = inside.iter().zip(outside);
    probes().zip(outcomes).map(|(probe, (inside, outside))| one(probe, *inside, *outside, declared)).collect()
}

fn one(probe: &'static Probe, inside: Outcome, outside: Outcome, declared: Option<Declared<'_>>) -> Finding {
    let verdict = verdict(inside, outside);
    let gates: Option<Vec<Gate>> = declared.map(|declared| gates(probe, declared));
    let mut finding = Finding {
        name: probe.name,
        family: probe.family,
        tries: probe.tries,
        gains: probe.gains,
        verdict,
        inside,
        outside,
        layer: None,
        subject: None,
        origins: Origins::new(),
        declared_stopped: gates.as_ref().map(|gates| gates.iter().any(|gate| gate.needed)),
    };
    if verdict != Verdict::Stopped {
        return finding;
    }
    finding.layer = match inside {
        Outcome::Own => Some(Layer::Namespaces),
        Outcome::Masked => Some(Layer::Mounts),
        _ => None,
    };
    for gate in gates.into_iter().flatten() {
        if let Some(layer) = gate.stops.layer(inside) {
            finding.layer = Some(layer);
            finding.subject = Some(gate.subject);
            finding.origins = gate.origins;
            break;
        }
    }
    finding
}

fn verdict(inside: Outcome, outside: Outcome) -> Verdict {
    match (inside, outside) {
        (Outcome::Open, _) => Verdict::Open,
        (Outcome::NotTried, _) => Verdict::NotTried,
        (Outcome::Unfinished | Outcome::NotStarted(_), _) => Verdict::Undecided,
        (Outcome::Own, _) => Verdict::Stopped,
        // What cannot be tried outside may be there.
        (
            Outcome::Refused(_) | Outcome::Killed(_) | Outcome::Masked,
            Outcome::Open | Outcome::Own | Outcome::NotTried,
        ) => Verdict::Stopped,
        (Outcome::Nothing, _)
        | (_, Outcome::Refused(_) | Outcome::Killed(_) | Outcome::Masked | Outcome::Nothing) => {
            Verdict::Absent
        }
        (_, Outcome::Unfinished | Outcome::NotStarted(_)) => Verdict::Undecided,
    }
}

/// Something that the policy denies and that the probe goes through, or may.
struct Gate {
    needed: bool,
    subject: String,
    stops: Stops,
    origins: Origins,
}

/// How the kernel answers where a gate is closed.
enum Stops {
    /// As the filter says.
    Filter(Action),
    /// With one of these.
    With(Layer, &'static [Errno]),
    /// By what is not there, or by a ruleset.
    Path { landlock: bool },
    /// With any answer: the object is another one.
    Any(Layer),
    /// With one of these, or by killing.
    Limit(Layer, &'static [Errno]),
}

impl Stops {
    /// The layer, where the outcome is one that it gives.
    fn layer(&self, outcome: Outcome) -> Option<Layer> {
        const GONE: [Errno; 4] = [Errno::ENOENT, Errno::ENOTDIR, Errno::ENXIO, Errno::EROFS];
        match (self, outcome) {
            (Stops::Filter(Action::Errno(answer)), Outcome::Refused(errno)) => {
                (i32::from(*answer) == errno.0).then_some(Layer::Seccomp)
            }
            (
                Stops::Filter(Action::KillProcess | Action::KillThread | Action::Trap(_)),
                Outcome::Killed(libc::SIGSYS),
            ) => Some(Layer::Seccomp),
            (Stops::With(layer, errnos) | Stops::Limit(layer, errnos), Outcome::Refused(errno)) => {
                errnos.contains(&errno).then_some(*layer)
            }
            (Stops::Limit(layer, _), Outcome::Killed(libc::SIGKILL)) => Some(*layer),
            (Stops::Path { .. }, Outcome::Masked) => Some(Layer::Mounts),
            (Stops::Path { .. }, Outcome::Refused(errno)) if GONE.contains(&errno) => Some(Layer::Mounts),
            (Stops::Path { landlock: true }, Outcome::Refused(Errno::EACCES)) => Some(Layer::Landlock),
            (Stops::Any(layer), Outcome::Refused(_)) => Some(*layer),
            _ => None,
        }
    }
}

/// The closed gates of a probe, those of the filter first: it answers before all else.
fn gates(probe: &Probe, declared: Declared<'_>) -> Vec<Gate> {
    let mut closed: Vec<Gate> = probe.gates.iter().filter_map(|gate| closed(gate, declared)).collect();
    closed.sort_by_key(|gate| !matches!(gate.stops, Stops::Filter(_)));
    closed
}

/// The gate, where the policy closes it.
fn closed(text: &str, declared: Declared<'_>) -> Option<Gate> {
    let Declared { policy, plan } = declared;
    let (needed, text) = match text.strip_prefix('?') {
        Some(rest) => (false, rest),
        None => (true, text),
    };
    // Every gate of the table is one, as a test says.
    let subject: Subject = text.parse().ok()?;
    let gate = |stops, origins| Some(Gate { needed, subject: text.to_owned(), stops, origins });
    if let Subject::Syscall { arch, call, arguments } = &subject {
        let arch = arch.unwrap_or(plan.arch);
        let number = syscalls::number(arch, call).filter(|_| plan.arch.family().contains(&arch))?;
        let mut registers = [0; 6];
        for (register, argument) in registers.iter_mut().zip(arguments) {
            *register = match argument {
                Argument::Any => 0,
                Argument::Number(number) => *number,
                Argument::Constant(name) => constants::value(arch, name)?,
            };
        }
        let decision = policy.syscalls.decide(arch, number, &registers);
        if decision.action.class() != Class::Denied {
            return None;
        }
        return gate(Stops::Filter(decision.action), decision.origins.clone());
    }
    let explanation = explain(policy, Some(plan), Some(&subject));
    if explanation.verdict != Some(explain::Verdict::Denied) {
        return None;
    }
    let origins = explanation.answers.into_iter().flat_map(|answer| answer.origins).collect();
    gate(stops(&subject, plan), origins)
}

fn stops(subject: &Subject, plan: &Plan) -> Stops {
    match subject {
        Subject::Syscall { .. } | Subject::Peer { .. } => Stops::With(Layer::Traffic, &[]),
        Subject::Capability(_) => Stops::With(Layer::Capabilities, &[Errno::EPERM, Errno::EACCES]),
        Subject::Path { .. } => Stops::Path { landlock: plan.landlock.is_some() },
        Subject::Event(event) => match event {
            Event::Without(Switch::NoNewPrivileges) => Stops::With(Layer::NoNewPrivileges, &[Errno::EPERM]),
            Event::Without(Switch::WriteXorExecute) => Stops::With(Layer::WriteXorExecute, &[Errno::EACCES]),
            Event::Namespace(..) => Stops::Any(Layer::Namespaces),
            Event::User(_) => Stops::Any(Layer::Identity),
            Event::Proc(_) => Stops::Any(Layer::Mounts),
            Event::Amount(Quantity::Rlimit(_), _) => {
                Stops::Limit(Layer::Limits, &[Errno::EAGAIN, Errno::EMFILE, Errno::ENOMEM])
            }
            Event::Amount(..) => Stops::Limit(Layer::Cgroup, &[Errno::EAGAIN, Errno::ENOMEM]),
            _ => Stops::Path { landlock: false },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_gate_is_a_subject() {
        for probe in probes() {
            for gate in probe.gates {
                let gate = gate.trim_start_matches('?');
                let subject: Result<Subject, _> = gate.parse();
                let subject = subject.unwrap_or_else(|error| panic!("{}: {error}", probe.name));
                let Subject::Syscall { arch, call, arguments } = subject else { continue };
                let arch = arch.unwrap_or(stockade_policy::vocab::Arch::X86_64);
                assert!(syscalls::number(arch, &call).is_some(), "{}: {arch} has no {call}", probe.name);
                for argument in arguments {
                    if let Argument::Constant(name) = argument {
                        assert!(constants::value(arch, &name).is_some(), "{}: {name}", probe.name);
                    }
                }
            }
        }
    }

    #[test]
    fn what_fails_outside_too_is_not_stopped() {
        let refused = Outcome::Refused(Errno::EPERM);
        assert_eq!(verdict(refused, Outcome::Open), Verdict::Stopped);
        assert_eq!(verdict(refused, Outcome::Refused(Errno::ENOSYS)), Verdict::Absent);
        assert_eq!(verdict(refused, Outcome::Unfinished), Verdict::Undecided);
        assert_eq!(verdict(Outcome::Open, refused), Verdict::Open);
        assert_eq!(verdict(Outcome::Nothing, Outcome::Open), Verdict::Absent);
        assert_eq!(verdict(Outcome::Unfinished, Outcome::Open), Verdict::Undecided);
        assert_eq!(verdict(Outcome::NotTried, Outcome::NotTried), Verdict::NotTried);
        assert_eq!(verdict(Outcome::Refused(Errno::EMFILE), Outcome::NotTried), Verdict::Stopped);
    }

    #[test]
    fn a_filter_is_named_only_for_its_own_answer() {
        let filter = Stops::Filter(Action::Errno(38));
        assert_eq!(filter.layer(Outcome::Refused(Errno::ENOSYS)), Some(Layer::Seccomp));
        assert_eq!(filter.layer(Outcome::Refused(Errno::EPERM)), None);
        assert_eq!(filter.layer(Outcome::Killed(libc::SIGSYS)), None);
        let filter = Stops::Filter(Action::KillProcess);
        assert_eq!(filter.layer(Outcome::Killed(libc::SIGSYS)), Some(Layer::Seccomp));
        assert_eq!(filter.layer(Outcome::Killed(libc::SIGKILL)), None);
    }
}
