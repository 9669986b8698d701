//! Ways around a condition: a rule on `clone` holds nothing while `clone3` is open.
//!
//! A way is open where some of its arguments get through that could do what the condition is about, also
//! where only another process decides them: it sees a pointer, or nothing. What closes a way is a denial of
//! it as a whole, or of a multiplexer for the one call.
//!
//! A way that an entry opens by name and with a `because:` is open on purpose: a profile that must decide
//! as another tool's does can say so, in a line that stands for it. A group never does.

use super::entries::{Rules, Statement};
use crate::condition::{Comparison, Condition, Operator, Width};
use crate::diagnostic::Diagnostic;
use crate::lattice::action::{Action, Class};
use crate::lattice::diagram::{Decision, Diagram};
use crate::origin::Origins;
use crate::parse::read::quoted;
use crate::parse::report::Report;
use crate::vocab::{Arch, bypass, syscalls};
use std::collections::BTreeMap;

/// Reports conditional rules whose call can be made in another way that is open, and warns of calls that are
/// denied by name and can.
pub(super) fn check(arch: Arch, numbers: &BTreeMap<u32, Diagram>, rules: &Rules<'_>, report: &mut Report) {
    for (number, call) in syscalls::table(arch) {
        let Some(diagram) = numbers.get(number) else { continue };
        let mut statements = rules.allow(call).iter().chain(rules.deny(call));
        let (closed, message) = match diagram.constant() {
            None => (
                statements.rfind(|statement| statement.when.is_some()),
                format!("the condition on `{call}` can be walked around with"),
            ),
            Some(decision) if decision.action.class() == Class::Denied => (
                rules.deny(call).iter().rfind(|statement| statement.named && statement.when.is_none()),
                format!("`{call}` is denied, and can still be made with"),
            ),
            Some(_) => continue,
        };
        let Some(statement) = closed else { continue };
        let ways: Vec<_> = bypass::ways_around(arch, call)
            .into_iter()
            .filter(|other| !on_purpose(rules, other))
            .filter_map(|other| {
                Some((other, open(numbers.get(&syscalls::number(arch, other)?)?, other, call)?))
            })
            .collect();
        if !ways.is_empty() {
            tell(statement, &message, &ways, report);
        }
    }
}

/// Whether an entry that lets a call through, or leaves it to another process, names it and says why.
fn on_purpose(rules: &Rules<'_>, call: &str) -> bool {
    let said = |one: &Statement<'_>| one.named && one.reasoned;
    let referred = |one: &Statement<'_>| one.action.is_some_and(|action| action.class() > Class::Denied);
    rules.allow(call).iter().any(said) || rules.deny(call).iter().any(|one| said(one) && referred(one))
}

/// The decision that lets `other` through where it does what `call` does.
pub(crate) fn open<'a>(diagram: &'a Diagram, other: &str, call: &str) -> Option<&'a Decision> {
    let passes = |decision: &Decision| decision.action.class() > Class::Denied;
    let arguments = match bypass::selector(other, call).and_then(|selector| chosen(call, selector)) {
        Some(chosen) => diagram.find(&chosen, |decision, chosen| passes(decision) && passes(chosen)),
        None => diagram.find(diagram, |decision, _| passes(decision)),
    };
    arguments.map(|arguments| diagram.decide(&arguments))
}

/// Passes where the first argument has this value under this mask.
fn chosen(call: &str, (mask, value): (u64, u64)) -> Option<Diagram> {
    let condition = Condition::Compare(Comparison {
        argument: 0,
        width: Width::U32,
        mask,
        operator: Operator::Equal,
        value,
    });
    let leaf = |action| Diagram::leaf(Decision { action, origins: Origins::new() });
    Diagram::choose(call, &condition, &leaf(Action::Allow), &leaf(Action::KillProcess)).ok()
}

/// Reports a condition; warns of a denial, which denies its own call all the same.
fn tell(statement: &Statement<'_>, message: &str, ways: &[(&str, &Decision)], report: &mut Report) {
    let names: Vec<&str> = ways.iter().map(|(other, _)| *other).collect();
    let message = format!("{message} {}", quoted(&names));
    let help = names.iter().map(|other| format!("`- {other}: enosys`")).collect::<Vec<_>>().join(", ");
    let new = if statement.when.is_some() { Diagnostic::error } else { Diagnostic::warning };
    let diagnostic = new(message)
        .help(format!("write under `deny`: {help}"))
        .help(format!("or, if it is meant, under `allow`: `- {{call: {}, because: …}}`", names[0]));
    let mut places: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for (other, decision) in ways {
        let how = match decision.action.class() {
            Class::Referred => "left to another process here",
            Class::Denied | Class::Done => "allowed here",
        };
        if let Some(place) = decision.origins.first() {
            places.entry((place, how)).or_default().push(other);
        }
    }
    let related = places
        .into_iter()
        .map(|((place, how), names)| (report.place(place), format!("{how}: {}", quoted(&names))))
        .collect();
    report.push(Diagnostic { related, ..diagnostic }, &statement.origin);
}
