//! What seccomp JSON means: runc's reading of it (libcontainer/seccomp/seccomp_linux.go) and libseccomp's of that.
//!
//! Found by trying libseccomp 2.5.4, where its manual does not say: a rule without comparisons beats all that
//! have some, whatever the order; of two without, the first counts. What it makes of overlapping comparisons
//! with different answers depends on how its tree came about: here the stricter one counts, with a warning.

use super::document::{Comparison, Document, Operator, Rule};
use super::selection::Container;
use super::{multiplexed, selection};
use crate::condition::{self, Condition};
use crate::diagnostic::Diagnostic;
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::{Origin, Origins};
use crate::parse::report::Report;
use crate::vocab::parameters::registers;
use crate::vocab::{Arch, syscalls};
use std::collections::{BTreeMap, BTreeSet};

/// Rules with comparisons that one call may have.
const RULES: usize = 1024;
/// Decisions that all of them may take together.
const DECISIONS: usize = 200_000;

/// The decisions, and the interfaces that there are.
pub(super) struct Meaning {
    pub(super) interfaces: Vec<Arch>,
    pub(super) syscalls: Syscalls,
}

/// A rule about one call.
#[derive(Clone)]
struct Clause<'a> {
    comparisons: Vec<Comparison>,
    action: Action,
    rule: &'a Rule,
}

/// What `document` decides in `container`; faults are reported.
pub(super) fn decide(
    document: &Document,
    container: &Container,
    notes: &mut Vec<String>,
    report: &mut Report,
) -> Option<Meaning> {
    let interfaces = interfaces(document, container.host, notes);
    flags(document, notes, report);
    let rules = selection::rules(document, container, report);
    unknown_names(&rules, notes);
    let calls = clauses(&rules, document.default.value);
    let mut tables = BTreeMap::new();
    let mut decisions = 0;
    for arch in &interfaces {
        let mut numbers = BTreeMap::new();
        for (call, clauses) in on_interface(*arch, &calls) {
            let Some(number) = syscalls::number(*arch, call) else { continue };
            let diagram = diagram(*arch, call, &clauses, document, report)?;
            decisions += diagram.nodes().len();
            if decisions > DECISIONS {
                let message =
                    format!("the comparisons of a file need at most {DECISIONS} decisions together");
                report.push(Diagnostic::error(message), &clauses[0].rule.origin);
                return None;
            }
            numbers.insert(number, diagram);
        }
        tables.insert(*arch, Table::new(numbers, decision(document.default.value, &document.default.origin)));
    }
    let begin = report.start();
    let syscalls = Syscalls::new(tables, &decision(Action::KillProcess, &begin));
    let mut others = container.host.family().iter().filter(|arch| !interfaces.contains(arch)).peekable();
    if others.peek().is_some() {
        let names: Vec<&str> = others.map(|arch| arch.name()).collect();
        notes.push(format!(
            "a call through {} kills the process, where libseccomp kills the thread",
            names.join(" or ")
        ));
    }
    notes.push(
        "runc answers ENOSYS to numbers above the largest that the file names, whatever the file says; the profile \
         has the file's answer"
            .to_owned(),
    );
    Some(Meaning { interfaces, syscalls })
}

fn decision(action: Action, origin: &Origin) -> Decision {
    Decision { action, origins: Origins::from([origin.clone()]) }
}

/// The host's own interface, which libseccomp always has, and those that the document adds.
fn interfaces(document: &Document, host: Arch, notes: &mut Vec<String>) -> Vec<Arch> {
    let mapped = document.by_host.iter().find(|(own, _)| own.value == Some(host));
    let named = mapped.into_iter().flat_map(|(_, more)| more).chain(&document.architectures);
    let named: BTreeSet<Arch> = named.filter_map(|arch| arch.value).collect();
    let here = |arch: &&Arch| **arch == host || named.contains(arch);
    if named.iter().any(|arch| !host.family().contains(arch)) {
        notes.push(format!("interfaces that a host of {host} does not have are left out"));
    }
    host.family().iter().filter(here).copied().collect()
}

/// Flags of seccomp(2), which are not about what is allowed.
fn flags(document: &Document, notes: &mut Vec<String>, report: &mut Report) {
    for flag in &document.flags {
        match flag.value.as_str() {
            "SECCOMP_FILTER_FLAG_TSYNC" => {}
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => {
                notes.push(format!(
                    "{} is left out: the flag is the plan's, where the kernel has it",
                    flag.value
                ));
            }
            other => {
                let diagnostic = Diagnostic::error(format!("the flag `{other}` cannot be said in a profile"));
                report.push(
                    diagnostic.help("take it out: it changes nothing of what is allowed"),
                    &flag.origin,
                );
            }
        }
    }
}

fn unknown_names(rules: &[&Rule], notes: &mut Vec<String>) {
    let names = rules.iter().flat_map(|rule| &rule.names).map(|name| name.value.as_str());
    let unknown: BTreeSet<&str> = names.filter(|name| !syscalls::exists(name)).collect();
    if !unknown.is_empty() {
        let names: Vec<&str> = unknown.into_iter().collect();
        notes.push(format!("left out, because no interface here has them: {}", names.join(", ")));
    }
}

type Clauses<'a> = BTreeMap<&'a str, Vec<Clause<'a>>>;

/// What runc makes of the rules: one that answers as the default is none; of a rule that asks about a
/// register twice every comparison becomes a rule of its own.
fn clauses<'a>(rules: &[&'a Rule], default: Action) -> Clauses<'a> {
    let mut calls = Clauses::new();
    for rule in rules.iter().filter(|rule| rule.action != default) {
        let arguments: BTreeSet<u8> = rule.comparisons.iter().map(|one| one.argument).collect();
        let parts: Vec<Vec<Comparison>> = if arguments.len() < rule.comparisons.len() {
            rule.comparisons.iter().map(|one| vec![one.clone()]).collect()
        } else {
            vec![rule.comparisons.clone()]
        };
        for name in &rule.names {
            let clause = |comparisons: &Vec<Comparison>| Clause {
                comparisons: comparisons.clone(),
                action: rule.action,
                rule,
            };
            calls.entry(name.value.as_str()).or_default().extend(parts.iter().map(clause));
        }
    }
    calls
}

/// The same for one interface.
fn on_interface<'a>(arch: Arch, calls: &Clauses<'a>) -> Clauses<'a> {
    let mut here = calls.clone();
    if arch != Arch::I386 {
        return here;
    }
    for (call, clauses) in calls {
        let direct = syscalls::number(arch, call).is_some();
        for clause in clauses {
            if let Some((through, comparisons)) = multiplexed::also(call, &clause.comparisons, direct) {
                here.entry(through).or_default().push(Clause { comparisons, ..clause.clone() });
            }
        }
    }
    here
}

/// The decision on one call; `None` where a fault was reported.
fn diagram(
    arch: Arch,
    call: &str,
    clauses: &[Clause<'_>],
    document: &Document,
    report: &mut Report,
) -> Option<Diagram> {
    if let Some(always) = clauses.iter().find(|clause| clause.comparisons.is_empty()) {
        let other =
            |clause: &&Clause<'_>| clause.action != always.action && !std::ptr::eq(clause.rule, always.rule);
        if let Some(beaten) = clauses.iter().find(other) {
            let both = Contradiction { call, wins: always, loses: beaten };
            both.warn("a rule without comparisons beats the others, of two the first", report);
        }
        return Some(Diagram::leaf(decision(always.action, &always.rule.origin)));
    }
    if clauses.len() > RULES {
        let message =
            format!("a call has at most {RULES} rules with comparisons; `{call}` has {}", clauses.len());
        report.push(Diagnostic::error(message), &clauses[RULES].rule.origin);
        return None;
    }
    // The strictest last, so that it counts.
    let mut ordered: Vec<&Clause<'_>> = clauses.iter().collect();
    ordered.sort_by(|a, b| b.action.cmp(&a.action));
    let mut made = Diagram::leaf(decision(document.default.value, &document.default.origin));
    for (index, clause) in ordered.iter().enumerate() {
        if let Some(beaten) = overlapped(arch, call, clause, &made, document, &ordered[..index]) {
            let both = Contradiction { call, wins: clause, loses: beaten };
            if beaten.comparisons == clause.comparisons {
                both.refuse(report);
                return None;
            }
            both.warn(
                "what libseccomp makes of it depends on its tree; the stricter one counts here",
                report,
            );
        }
        let then = Diagram::leaf(decision(clause.action, &clause.rule.origin));
        match Diagram::choose(call, &condition(arch, &clause.comparisons), &then, &made) {
            Ok(diagram) => made = diagram,
            Err(error) => {
                report.push(Diagnostic::error(error.to_string()), &clause.rule.origin);
                return None;
            }
        }
    }
    Some(made)
}

/// Two rules for the same arguments that answer differently.
struct Contradiction<'a, 'd> {
    call: &'a str,
    wins: &'a Clause<'d>,
    loses: &'a Clause<'d>,
}

impl Contradiction<'_, '_> {
    fn warn(&self, why: &str, report: &mut Report) {
        let Contradiction { call, wins, loses } = self;
        let message =
            format!("two rules answer `{call}` differently: {} wins over {}", wins.action, loses.action);
        let diagnostic = Diagnostic::warning(message)
            .label("this one counts")
            .related(report.place(&loses.rule.origin), "and not this one")
            .help(why);
        report.push(diagnostic, &wins.rule.origin);
    }

    fn refuse(&self, report: &mut Report) {
        let Contradiction { call, wins, loses } = self;
        let message = format!(
            "two rules answer `{call}` differently for the same arguments, {} and {}: libseccomp refuses the second",
            loses.action, wins.action
        );
        let diagnostic =
            Diagnostic::error(message).related(report.place(&loses.rule.origin), "the other one");
        report.push(diagnostic.help("drop one of the two"), &wins.rule.origin);
    }
}

/// One of the rules `before` that answers some of the arguments of `clause` otherwise; they decide `made`.
fn overlapped<'c, 'd>(
    arch: Arch,
    call: &str,
    clause: &Clause<'_>,
    made: &Diagram,
    document: &Document,
    before: &[&'c Clause<'d>],
) -> Option<&'c Clause<'d>> {
    let same =
        |other: &&&Clause<'_>| other.action != clause.action && other.comparisons == clause.comparisons;
    if let Some(same) = before.iter().find(same) {
        return Some(same);
    }
    let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
    let (yes, no) = (leaf(Action::Allow), leaf(Action::KillProcess));
    // A diagram that grows too large is refused where it is made.
    let holds = Diagram::choose(call, &condition(arch, &clause.comparisons), &yes, &no).ok()?;
    // No rule answers as the default does.
    let others = |action| action != clause.action && action != document.default.value;
    let arguments = holds.find(made, |holds, made| holds.action == Action::Allow && others(made.action))?;
    let decision = made.decide(&arguments);
    before.iter().find(|other| decision.origins.contains(&other.rule.origin)).copied()
}

/// All comparisons of a rule, of as much of the registers as libseccomp compares on an interface.
fn condition(arch: Arch, comparisons: &[Comparison]) -> Condition {
    let raw = registers(arch);
    let each = comparisons.iter().map(|comparison| {
        let parameter = &raw[usize::from(comparison.argument)];
        let (mask, operator, value) = match comparison.operator {
            Operator::Plain(operator) => (u64::MAX, operator, comparison.value),
            // Bits of the value outside the mask do not count.
            Operator::MaskedEqual => {
                (comparison.value, condition::Operator::Equal, comparison.value_two & comparison.value)
            }
        };
        Condition::Compare(condition::Comparison {
            argument: comparison.argument,
            width: parameter.width.unwrap_or(condition::Width::U64),
            mask: mask & parameter.bits,
            operator,
            value: value & parameter.bits,
        })
    });
    Condition::All(each.collect())
}
