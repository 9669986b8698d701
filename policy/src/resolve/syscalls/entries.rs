//! Entries → statements about single calls.

use super::CONDITIONS;
use crate::diagnostic::Diagnostic;
use crate::expression::Expression;
use crate::lattice::action::Action;
use crate::origin::Origin;
use crate::parse::read::unknown;
use crate::parse::report::Report;
use crate::profile::{Entry, Subject, Syscalls};
use crate::vocab::{groups, syscalls};
use std::collections::BTreeMap;

/// What one entry says about one call.
#[derive(Clone, Debug)]
pub(super) struct Statement<'a> {
    /// Where the entry stands.
    pub(super) origin: Origin,
    /// When it holds; `None`: always.
    pub(super) when: Option<&'a Expression>,
    /// The answer; of `deny` only.
    pub(super) action: Option<Action>,
    /// Whether it names the call itself, and not a group.
    pub(super) named: bool,
    /// Whether it says why.
    pub(super) reasoned: bool,
}

type Statements<'a> = BTreeMap<&'a str, Vec<Statement<'a>>>;

/// Statements by call, parents' first.
#[derive(Debug, Default)]
pub(super) struct Rules<'a> {
    allow: Statements<'a>,
    deny: Statements<'a>,
}

impl Rules<'_> {
    /// What allows `call`.
    pub(super) fn allow(&self, call: &str) -> &[Statement<'_>] {
        self.allow.get(call).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every call that something denies.
    pub(super) fn denied(&self) -> impl Iterator<Item = &str> {
        self.deny.keys().copied()
    }

    /// What denies `call`.
    pub(super) fn deny(&self, call: &str) -> &[Statement<'_>] {
        self.deny.get(call).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The statements of a section.
pub(super) fn read<'a>(written: Option<&'a Syscalls>, report: &mut Report) -> Rules<'a> {
    let mut rules = Rules::default();
    let Some(written) = written else { return rules };
    for entry in written.allow.iter().flat_map(|list| &list.items) {
        add(&entry.value.0, &entry.origin, &mut rules.allow, report);
    }
    for entry in written.deny.iter().flat_map(|list| &list.items) {
        add(&entry.value.0, &entry.origin, &mut rules.deny, report);
    }
    effective(&rules.allow, report);
    for statements in rules.allow.values().chain(rules.deny.values()) {
        let conditional = || statements.iter().filter(|statement| statement.when.is_some());
        if conditional().count() > CONDITIONS {
            let place = conditional().next_back().map(|statement| statement.origin.clone());
            let diagnostic = Diagnostic::error(format!("a call has at most {CONDITIONS} conditions"));
            report.push(diagnostic, &place.unwrap_or_else(|| report.start()));
        }
    }
    rules
}

fn add<'a>(entry: &'a Entry, origin: &Origin, statements: &mut Statements<'a>, report: &mut Report) {
    let action = entry.action.as_ref().map(|action| action.value);
    let mut push = |call: &'a str, when, named| {
        let reasoned = entry.because.is_some();
        let statement = Statement { origin: origin.clone(), when, action, named, reasoned };
        statements.entry(call).or_default().push(statement);
    };
    match &entry.subject {
        Subject::Rule(rule) if syscalls::exists(&rule.call.value) => {
            push(&rule.call.value, rule.when.as_ref(), true);
        }
        Subject::Rule(rule) => {
            let names: Vec<&str> = syscalls::all_names().collect();
            let diagnostic = unknown("system call", &rule.call.value, &names);
            let diagnostic = match groups::group(&rule.call.value) {
                Some(group) => {
                    diagnostic.help(format!("the group of that name is written `\"@{}\"`", group.name))
                }
                None => diagnostic,
            };
            report.push_word(diagnostic, &rule.call.origin);
        }
        Subject::Group(name) => match groups::group(&name.value) {
            Some(group) => group.members.iter().for_each(|call| push(call, None, false)),
            None => {
                let names: Vec<&str> = groups::names().collect();
                report.push(unknown("group", &name.value, &names), &name.origin);
            }
        },
    }
}

/// Reports conditions that do nothing, because their call is allowed whatever its arguments: whoever
/// wrote them relies on them. A child may drop a parent's condition, not the other way round.
fn effective(allow: &Statements<'_>, report: &mut Report) {
    for (call, statements) in allow {
        let named = || statements.iter().enumerate().filter(|(_, statement)| statement.named);
        for (index, conditional) in named().filter(|(_, statement)| statement.when.is_some()) {
            let beaten = named().find(|(other, always)| {
                always.when.is_none() && (*other < index || always.origin.file == conditional.origin.file)
            });
            if let Some((_, always)) = beaten {
                let diagnostic = Diagnostic::error(format!("this condition on `{call}` has no effect"))
                    .related(report.place(&always.origin), "allowed here whatever the arguments")
                    .help("drop one of the two, or start the list anew with `replace:`")
                    .help("or write what is refused under `deny`, which beats `allow`");
                report.push(diagnostic, &conditional.origin);
            }
        }
    }
}
