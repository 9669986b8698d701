//! Rules about one call → its decision.
//!
//! Found by trying libseccomp 2.5.4, where its manual does not say: a rule without comparisons beats all that
//! have some, whatever the order; of two without, the first counts. What it makes of overlapping comparisons
//! with different answers depends on how its tree came about: here the stricter one counts, with a warning.

use super::seccomp_json::{Comparison, Operator, Rule};
use crate::condition::{self, Condition};
use crate::diagnostic::Diagnostic;
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::origin::Origins;
use crate::parse::report::Report;
use crate::vocab::Arch;
use crate::vocab::parameters::registers;
use std::collections::BTreeMap;

/// Rules with comparisons that one call may have.
pub(super) const RULES: usize = 1024;

/// A rule about one call.
#[derive(Clone)]
pub(super) struct Clause<'a> {
    pub(super) comparisons: Vec<Comparison>,
    pub(super) action: Action,
    pub(super) rule: &'a Rule,
}

/// The decision on one call where no rule says more than `default`; `None` where a fault was reported.
pub(super) fn diagram(
    arch: Arch,
    call: &str,
    clauses: &[Clause<'_>],
    default: &Decision,
    report: &mut Report,
) -> Option<Diagram> {
    if let Some(always) = clauses.iter().find(|clause| clause.comparisons.is_empty()) {
        let other =
            |clause: &&Clause<'_>| clause.action != always.action && !std::ptr::eq(clause.rule, always.rule);
        if let Some(beaten) = clauses.iter().find(other) {
            let both = Contradiction { call, wins: always, loses: beaten };
            both.warn("a rule without comparisons beats the others, of two the first", report);
        }
        let origins = Origins::from([always.rule.origin.clone()]);
        return Some(Diagram::leaf(Decision { action: always.action, origins }));
    }
    if clauses.len() > RULES {
        let message =
            format!("a call has at most {RULES} rules with comparisons; `{call}` has {}", clauses.len());
        report.push(Diagnostic::error(message), &clauses[RULES].rule.origin);
        return None;
    }
    // No rule answers as the default does. The strictest comes last, so that it counts.
    let mut by_action: BTreeMap<Action, Vec<&Clause<'_>>> = BTreeMap::new();
    clauses.iter().for_each(|clause| by_action.entry(clause.action).or_default().push(clause));
    let mut made = Diagram::leaf(default.clone());
    let mut before: Vec<&Clause<'_>> = Vec::new();
    for (action, alike) in by_action.into_iter().rev() {
        let same = |clause: &&&Clause<'_>| before.iter().any(|other| other.comparisons == clause.comparisons);
        if let Some(clause) = alike.iter().find(same) {
            let beaten = before.iter().find(|other| other.comparisons == clause.comparisons);
            beaten.into_iter().for_each(|loses| Contradiction { call, wins: clause, loses }.refuse(report));
            return None;
        }
        let conditions: Vec<Condition> = alike.iter().map(|one| condition(arch, &one.comparisons)).collect();
        let origins = alike.iter().map(|clause| clause.rule.origin.clone()).collect();
        let then = Diagram::leaf(Decision { action, origins });
        let unset = Diagram::leaf(default.clone());
        let holds = any(&conditions);
        let own = Diagram::choose(call, &holds, &then, &unset);
        let next = own.and_then(|own| Ok((Diagram::choose(call, &holds, &then, &made)?, own)));
        let (next, own) = match next {
            Ok(next) => next,
            Err(error) => {
                report.push(Diagnostic::error(error.to_string()), &alike[0].rule.origin);
                return None;
            }
        };
        let both = |own: &Decision, made: &Decision| own.action == action && made.action != default.action;
        if let Some(arguments) = own.find(&made, both) {
            let holding = |clause: &&&Clause<'_>| condition(arch, &clause.comparisons).holds(&arguments);
            if let (Some(wins), Some(loses)) = (alike.iter().find(holding), before.iter().rev().find(holding))
            {
                let both = Contradiction { call, wins, loses };
                both.warn(
                    "what libseccomp makes of it depends on its tree; the stricter one counts here",
                    report,
                );
            }
        }
        made = next;
        before.extend(alike);
    }
    Some(made)
}

/// One of these holds. In halves: what few comparisons make together is small, and few meet what all make.
fn any(conditions: &[Condition]) -> Condition {
    match conditions {
        [one] => one.clone(),
        several => {
            let (left, right) = several.split_at(several.len() / 2);
            let halves = [left, right].into_iter().filter(|half| !half.is_empty());
            Condition::Any(halves.map(any).collect())
        }
    }
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
