//! What happens to a system call, by interface and by arguments.

use super::subject::Argument;
use super::{Answer, Verdict};
use crate::lattice::action::{Action, Class};
use crate::lattice::diagram::{Decision, Diagram, Node};
use crate::plan::Plan;
use crate::policy::Policy;
use crate::vocab::{Arch, constants, syscalls};
use std::collections::BTreeSet;

/// The interfaces to answer for: the one asked for, the host's family, or all.
pub(super) fn interfaces(plan: Option<&Plan>, asked: Option<Arch>) -> Vec<Arch> {
    match (asked, plan) {
        (Some(arch), _) => vec![arch],
        (None, Some(plan)) => plan.arch.family().to_vec(),
        (None, None) => Arch::ALL.to_vec(),
    }
}

/// One answer for each outcome that the arguments leave open; interfaces with the same outcomes together.
pub(super) fn answers(policy: &Policy, archs: &[Arch], call: &str, arguments: &[Argument]) -> Vec<Answer> {
    let mut found: Vec<(Vec<Arch>, Vec<Outcome>)> = Vec::new();
    for arch in archs {
        let Some(number) = syscalls::number(*arch, call).or_else(|| call.parse().ok()) else { continue };
        let diagram = policy.syscalls.table(*arch).diagram(number);
        let outcomes = outcomes(diagram, &registers(*arch, arguments));
        match found.iter_mut().find(|(_, known)| *known == outcomes) {
            Some((archs, _)) => archs.push(*arch),
            None => found.push((vec![*arch], outcomes)),
        }
    }
    found.into_iter().flat_map(|(archs, outcomes)| render(&archs, call, outcomes)).collect()
}

fn render(archs: &[Arch], call: &str, outcomes: Vec<Outcome>) -> Vec<Answer> {
    let about: Vec<&str> = archs.iter().map(|arch| arch.name()).collect();
    let several = outcomes.len() > 1;
    let answer = |outcome: Outcome| {
        let Decision { action, origins } = outcome.decision;
        let verdict = verdict(action);
        Answer {
            about: about.join(", "),
            verdict,
            answer: action_text(action),
            example: several.then(|| example(call, &outcome.registers)),
            reason: reason(action, several).to_owned(),
            origins,
        }
    };
    outcomes.into_iter().map(answer).collect()
}

/// What an action means for the caller.
pub(super) fn verdict(action: Action) -> Verdict {
    match action.class() {
        Class::Denied => Verdict::Denied,
        Class::Referred => Verdict::Conditional,
        Class::Done => Verdict::Allowed,
    }
}

fn reason(action: Action, several: bool) -> &'static str {
    match (action.class(), several) {
        (Class::Referred, _) => "another process decides",
        (_, true) => "the arguments decide",
        (Class::Denied, false) => "whatever its arguments",
        (Class::Done, false) => "",
    }
}

/// errno(3); only those that profiles answer with.
const ERRNOS: [(u16, &str); 7] = [
    (1, "EPERM"),
    (13, "EACCES"),
    (22, "EINVAL"),
    (25, "ENOTTY"),
    (38, "ENOSYS"),
    (95, "EOPNOTSUPP"),
    (97, "EAFNOSUPPORT"),
];

/// The action as text, an errno with its name.
pub(super) fn action_text(action: Action) -> String {
    match action {
        Action::Errno(errno) => match ERRNOS.iter().find(|(number, _)| *number == errno) {
            Some((_, name)) => format!("{action} {name}"),
            None => action.to_string(),
        },
        other => other.to_string(),
    }
}

/// A decision that some arguments lead to, and the smallest such ones.
#[derive(PartialEq)]
struct Outcome {
    decision: Decision,
    registers: [u64; 6],
}

/// Registers whose value is known. A constant that the interface does not have is not.
fn registers(arch: Arch, arguments: &[Argument]) -> [Option<u64>; 6] {
    let mut out = [None; 6];
    for (register, argument) in out.iter_mut().zip(arguments) {
        *register = match argument {
            Argument::Any => None,
            Argument::Number(number) => Some(*number),
            Argument::Constant(name) => constants::value(arch, name),
        };
    }
    out
}

/// Every decision that the diagram can come to with the registers known, clear bits first.
fn outcomes(diagram: &Diagram, known: &[Option<u64>; 6]) -> Vec<Outcome> {
    let mut found: Vec<Outcome> = Vec::new();
    let mut seen = BTreeSet::new();
    let start: [u64; 6] = known.map(Option::unwrap_or_default);
    let mut open = vec![(0u32, start)];
    while let Some((at, registers)) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        match usize::try_from(at).ok().and_then(|at| diagram.nodes().get(at)) {
            None => {}
            Some(Node::Leaf(decision)) => {
                found.push(Outcome { decision: decision.clone(), registers });
            }
            Some(Node::Test { argument, bit, clear, set }) => {
                let index = usize::from(*argument);
                match known[index] {
                    Some(value) => open.push((if value >> bit & 1 == 1 { *set } else { *clear }, registers)),
                    None => {
                        let mut with = registers;
                        with[index] |= 1 << bit;
                        open.extend([(*set, with), (*clear, registers)]);
                    }
                }
            }
        }
    }
    found
}

fn example(call: &str, registers: &[u64; 6]) -> String {
    let count = registers.iter().rposition(|register| *register != 0).map_or(1, |last| last + 1);
    let written: Vec<String> =
        registers[..count].iter().map(|register| Argument::Number(*register).to_string()).collect();
    format!("{call}({})", written.join(", "))
}
