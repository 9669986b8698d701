//! What seccomp JSON means: runc's reading of it (libcontainer/seccomp/seccomp_linux.go) and libseccomp's of that.

use super::clauses::{Clause, RULES, diagram};
use super::seccomp_json::{Comparison, Rule, SeccompJson};
use super::selection::Container;
use super::{multiplexed, selection};
use crate::diagnostic::Diagnostic;
use crate::lattice::action::Action;
use crate::lattice::diagram::Decision;
use crate::lattice::syscalls::{Syscalls, Table};
use crate::origin::{Origin, Origins, Ruled};
use crate::parse::report::Report;
use crate::policy::Filter;
use crate::vocab::{Arch, syscalls};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that all calls may take together. Docker's default profile takes some hundreds.
const DECISIONS: usize = 200_000;

/// The decisions, and the interfaces that there are.
pub(super) struct Meaning {
    pub(super) interfaces: Vec<Arch>,
    pub(super) syscalls: Syscalls,
    pub(super) filter: Filter,
}

/// What `document` decides in `container`; faults are reported.
pub(super) fn decide(
    document: &SeccompJson,
    container: &Container,
    notes: &mut Vec<String>,
    report: &mut Report,
) -> Option<Meaning> {
    let interfaces = interfaces(document, container.host, notes);
    let filter = filter(document, report);
    let rules = selection::rules(document, container, report);
    unknown_names(&rules, notes);
    let calls = clauses(&rules, document.default.value);
    let mut tables = BTreeMap::new();
    let default = decision(document.default.value, &document.default.origin);
    let mut decisions = 0;
    for arch in &interfaces {
        let mut numbers = BTreeMap::new();
        for (call, clauses) in on_interface(*arch, &calls) {
            let Some(number) = syscalls::number(*arch, call) else { continue };
            let diagram = diagram(*arch, call, &clauses, &default, report)?;
            decisions += diagram.nodes().len();
            if decisions > DECISIONS {
                let message =
                    format!("the comparisons of a file need at most {DECISIONS} decisions together");
                report.push(Diagnostic::error(message), &clauses[0].rule.origin);
                return None;
            }
            numbers.insert(number, diagram);
        }
        tables.insert(*arch, Table::new(numbers, default.clone()));
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
    Some(Meaning { interfaces, syscalls, filter })
}

fn decision(action: Action, origin: &Origin) -> Decision {
    Decision { action, origins: Origins::from([origin.clone()]) }
}

/// The host's own interface, which libseccomp always has, and those that the document adds.
fn interfaces(document: &SeccompJson, host: Arch, notes: &mut Vec<String>) -> Vec<Arch> {
    let mapped = document.by_host.iter().find(|(own, _)| own.value == Some(host));
    let named = mapped.into_iter().flat_map(|(_, more)| more).chain(&document.architectures);
    let named: BTreeSet<Arch> = named.filter_map(|arch| arch.value).collect();
    let here = |arch: &&Arch| **arch == host || named.contains(arch);
    if named.iter().any(|arch| !host.family().contains(arch)) {
        notes.push(format!("interfaces that a host of {host} does not have are left out"));
    }
    host.family().iter().filter(here).copied().collect()
}

/// Flags of seccomp(2). Where none are written, runc asks for `SPEC_ALLOW`; where some are, for those.
fn filter(document: &SeccompJson, report: &mut Report) -> Filter {
    let mut filter =
        Filter { mitigate_speculation: Ruled::unwritten(false), log_denied: Ruled::unwritten(false) };
    let Some(flags) = &document.flags else { return filter };
    filter.mitigate_speculation.value = true;
    for flag in flags {
        match flag.value.as_str() {
            "SECCOMP_FILTER_FLAG_TSYNC" => {}
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => filter.mitigate_speculation.value = false,
            "SECCOMP_FILTER_FLAG_LOG" => filter.log_denied.value = true,
            other => {
                let diagnostic = Diagnostic::error(format!("the flag `{other}` cannot be said in a profile"));
                report.push(
                    diagnostic.help("take it out: it changes nothing of what is allowed"),
                    &flag.origin,
                );
            }
        }
    }
    filter
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
        for name in rule.names.iter().map(|name| name.value.as_str()).collect::<BTreeSet<_>>() {
            let clause = |comparisons: &Vec<Comparison>| Clause {
                comparisons: comparisons.clone(),
                action: rule.action,
                rule,
            };
            let clauses = calls.entry(name).or_default();
            // One too many is enough for the error about them.
            let room =
                if rule.comparisons.is_empty() { 1 } else { (RULES + 1).saturating_sub(clauses.len()) };
            clauses.extend(parts.iter().take(room).map(clause));
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
        for clause in clauses {
            if let Some((through, comparisons)) = multiplexed::also(call, &clause.comparisons) {
                here.entry(through).or_default().push(Clause { comparisons, ..clause.clone() });
            }
        }
    }
    here
}
