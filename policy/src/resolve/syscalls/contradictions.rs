//! Entries that say less than they seem to: warned of, as what they mean is decided all the same.
//!
//! `deny` beats `allow`, and of two entries of `deny` the later one decides. Both is how a child changes
//! what its parents say; inside one text it is more likely a mistake.

use super::entries::{Rules, Statement};
use crate::diagnostic::Diagnostic;
use crate::expression::Stance;
use crate::lattice::action::Action;
use crate::origin::Origin;
use crate::parse::report::Report;
use std::collections::{BTreeMap, BTreeSet};

/// Conditions by place, with what each comes to on the interfaces where it was read: `None` where the
/// arguments decide.
#[derive(Debug, Default)]
pub(in crate::resolve) struct Settled(BTreeMap<Origin, Outcome>);

#[derive(Debug)]
struct Outcome {
    call: String,
    stance: Stance,
    comes_to: BTreeSet<Option<bool>>,
}

impl Settled {
    /// Notes what the condition at `origin` comes to on one more interface.
    pub(super) fn note(&mut self, origin: &Origin, call: &str, stance: Stance, comes_to: Option<bool>) {
        let outcome = self.0.entry(origin.clone()).or_insert_with(|| Outcome {
            call: call.to_owned(),
            stance,
            comes_to: BTreeSet::new(),
        });
        outcome.comes_to.insert(comes_to);
    }

    /// Warns of conditions that come to the same on every interface, whatever the arguments.
    pub(super) fn warn(&self, report: &mut Report) {
        for (origin, Outcome { call, stance, comes_to }) in &self.0 {
            let mut each = comes_to.iter();
            let (Some(Some(holds)), None) = (each.next(), each.next()) else { continue };
            let diagnostic = match (holds, stance) {
                (true, Stance::Allow) => Diagnostic::warning(format!(
                    "this condition always holds: `{call}` is allowed whatever its arguments"
                ))
                .help(format!("write `{call}` alone, if that is meant")),
                (true, Stance::Deny) => Diagnostic::warning(format!(
                    "this condition always holds: `{call}` is denied whatever its arguments"
                ))
                .help(format!("write `{call}` alone, if that is meant")),
                (false, Stance::Allow) => {
                    Diagnostic::warning(format!("this condition never holds: it allows no call of `{call}`"))
                }
                (false, Stance::Deny) => {
                    Diagnostic::warning(format!("this condition never holds: it denies no call of `{call}`"))
                }
            };
            report.push(diagnostic, origin);
        }
    }
}

/// Warns of entries of one text that contradict each other. `denied` is the answer of an entry of `deny`
/// that names none.
pub(super) fn warn(rules: &Rules<'_>, denied: Action, report: &mut Report) {
    for call in rules.denied() {
        let named: Vec<&Statement<'_>> =
            rules.deny(call).iter().filter(|statement| statement.named).collect();
        let Some(last) = named.iter().rposition(|statement| statement.when.is_none()) else { continue };
        let winner = named[last];
        for allowed in rules.allow(call).iter().filter(|allowed| allowed.named && allowed.when.is_none()) {
            let beaten = named.iter().rfind(|deny| deny.when.is_none() && same_text(deny, allowed));
            if let Some(deny) = beaten {
                let diagnostic =
                    Diagnostic::warning(format!("`{call}` is both allowed and denied: `deny` wins"))
                        .related(report.place(&deny.origin), "denied here")
                        .help("drop one of the two");
                report.push(diagnostic, &allowed.origin);
            }
        }
        let answer = |statement: &Statement<'_>| statement.action.unwrap_or(denied);
        for loser in &named[..last] {
            if same_text(loser, winner) && answer(loser) != answer(winner) {
                let message =
                    format!("`{call}` is never answered by {}: the later entry wins", answer(loser));
                let diagnostic = Diagnostic::warning(message)
                    .related(report.place(&winner.origin), format!("answered by {} here", answer(winner)))
                    .help("drop one of the two, or write the one with a condition behind the one without");
                report.push(diagnostic, &loser.origin);
            }
        }
    }
}

fn same_text(one: &Statement<'_>, other: &Statement<'_>) -> bool {
    one.origin.file == other.origin.file
}
