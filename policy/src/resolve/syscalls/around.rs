//! Ways around a condition: a rule on `clone` holds nothing while `clone3` is open.
//!
//! A way that an entry opens by name and with a `because:` is open on purpose: a profile that must decide
//! as another tool's does can say so, in a line that stands for it. A group never does.

use super::entries::Rules;
use crate::diagnostic::Diagnostic;
use crate::lattice::action::Action;
use crate::lattice::diagram::Diagram;
use crate::origin::Origin;
use crate::parse::read::quoted;
use crate::parse::report::Report;
use crate::vocab::{Arch, bypass, syscalls};
use std::collections::BTreeMap;

/// Reports conditional rules whose call can be made in another way that is open whatever its arguments.
pub(super) fn check(arch: Arch, numbers: &BTreeMap<u32, Diagram>, rules: &Rules<'_>, report: &mut Report) {
    for (number, call) in syscalls::table(arch) {
        if numbers.get(number).is_none_or(|diagram| diagram.constant().is_some()) {
            continue;
        }
        let mut conditions = rules.allow(call).iter().chain(rules.deny(call));
        let Some(condition) = conditions.rfind(|statement| statement.when.is_some()) else {
            continue;
        };
        let ways: Vec<_> = bypass::ways_around(arch, call)
            .into_iter()
            .filter_map(|other| {
                let diagram = numbers.get(&syscalls::number(arch, other)?)?;
                let open = diagram.constant()?;
                if rules.allow(other).iter().any(|statement| statement.named && statement.reasoned) {
                    return None;
                }
                matches!(open.action, Action::Allow | Action::Log).then_some((other, open))
            })
            .collect();
        if ways.is_empty() {
            continue;
        }
        let names: Vec<&str> = ways.iter().map(|(other, _)| *other).collect();
        let message = format!("the condition on `{call}` can be walked around with {}", quoted(&names));
        let help = names.iter().map(|other| format!("`- {other}: enosys`")).collect::<Vec<_>>().join(", ");
        let diagnostic = Diagnostic::error(message)
            .help(format!("write under `deny`: {help}"))
            .help(format!("or, if it is meant, under `allow`: `- {{call: {}, because: …}}`", names[0]));
        let mut places: BTreeMap<&Origin, Vec<&str>> = BTreeMap::new();
        for (other, open) in &ways {
            if let Some(place) = open.origins.first() {
                places.entry(place).or_default().push(other);
            }
        }
        let related = places
            .into_iter()
            .map(|(place, names)| (report.place(place), format!("allowed here: {}", quoted(&names))))
            .collect();
        report.push(Diagnostic { related, ..diagnostic }, &condition.origin);
    }
}
