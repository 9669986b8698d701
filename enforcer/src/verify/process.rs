//! Attributes of the process that /proc shows.

use super::Read;
use crate::status::Verdict;
use stockade_observe::Task;
use stockade_observe::status::Status;
use stockade_policy::plan::{Capabilities, Process};
use stockade_policy::vocab::CapSet;

/// The five sets, each on its own.
pub(super) fn capabilities(plan: &Capabilities, status: &Status) -> (Verdict, String) {
    let sets = [
        ("bounding", plan.bounding, status.bounding),
        ("permitted", plan.permitted, status.permitted),
        ("effective", plan.effective, status.effective),
        ("inheritable", plan.inheritable, status.inheritable),
        ("ambient", plan.ambient, status.ambient),
    ];
    let verdict = sets
        .iter()
        .map(|(name, planned, actual)| set(name, *planned, *actual))
        .fold(Verdict::Exact, Verdict::and);
    (verdict, format!("bounding {:#x}, effective {:#x}", status.bounding.0, status.effective.0))
}

fn set(name: &str, planned: CapSet, actual: CapSet) -> Verdict {
    let (more, fewer) = (actual.minus(planned), planned.minus(actual));
    if !more.is_empty() {
        Verdict::looser(format!("{name} has {}", names(more)))
    } else if planned == CapSet::ALL || fewer.is_empty() {
        Verdict::Exact
    } else {
        Verdict::stricter(format!("{name} lacks {}", names(fewer)))
    }
}

fn names(set: CapSet) -> String {
    let named: CapSet = set.iter().collect();
    let unnamed = (0..64).filter(|bit| set.minus(named).0 >> bit & 1 == 1).map(|bit| format!("#{bit}"));
    set.iter().map(|cap| cap.name().to_owned()).chain(unnamed).collect::<Vec<_>>().join(", ")
}

/// `no_new_privs`, which cannot be taken back.
pub(super) fn no_new_privileges(plan: &Process, status: &Status) -> (Verdict, String) {
    let verdict = match (plan.no_new_privileges, status.no_new_privileges) {
        (true, false) => Verdict::looser("an exec can gain privileges"),
        (false, true) => Verdict::stricter("no exec can gain privileges"),
        _ => Verdict::Exact,
    };
    (verdict, format!("NoNewPrivs {}", u8::from(status.no_new_privileges)))
}

/// Hard and soft limits alike.
pub(super) fn limits(plan: &Process, task: &Task) -> Read {
    let actual = task.limits()?.0;
    let mut verdict = Verdict::Exact;
    for (kind, planned) in &plan.limits {
        let Some(limit) = actual.get(kind) else {
            verdict = verdict.and(Verdict::not_visible(format!("{kind:?} is not shown")));
            continue;
        };
        for (which, value) in [("soft", limit.soft), ("hard", limit.hard)] {
            // The plan's own "none" is the largest number, as in RLIM_INFINITY.
            let value = value.unwrap_or(u64::MAX);
            verdict = verdict.and(match value.cmp(planned) {
                std::cmp::Ordering::Equal => Verdict::Exact,
                std::cmp::Ordering::Less => {
                    Verdict::stricter(format!("{which} {kind:?} is {value}, planned {planned}"))
                }
                std::cmp::Ordering::Greater => {
                    Verdict::looser(format!("{which} {kind:?} is {value}, planned {planned}"))
                }
            });
        }
    }
    Ok((verdict, format!("{} limits", plan.limits.len())))
}

/// umask: more bits are stricter. The process may change it at any time, so that a looser one is told
/// as what it is.
pub(super) fn umask(plan: &Process, status: &Status) -> (Verdict, String) {
    let Some(actual) = status.umask else {
        return (Verdict::not_visible("a process that has ended has no umask"), String::new());
    };
    let verdict = match (plan.umask & !actual, actual & !plan.umask) {
        (0, 0) => Verdict::Exact,
        (0, _) => Verdict::stricter(format!("is {actual:04o}, planned {:04o}", plan.umask)),
        _ => Verdict::looser(format!("is {actual:04o}, planned {:04o}", plan.umask)),
    };
    (verdict, format!("{actual:04o}"))
}
