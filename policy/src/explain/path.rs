//! What may be done at a path: the tree, and what the other sections put into it.

use super::{Answer, Verdict};
use crate::compile::implied::{self, Implied};
use crate::compile::paths;
use crate::lattice::files::Rights;
use crate::origin::Origins;
use crate::policy::{Policy, ProcView};

/// One answer a right asked for.
pub(super) fn answers(policy: &Policy, rights: &[Rights], path: &str) -> Vec<Answer> {
    rights.iter().map(|right| answer(policy, *right, path)).collect()
}

/// The name of one right, as a subject takes it.
pub(super) fn right_name(right: Rights) -> &'static str {
    match right {
        Rights::VISIBLE => "see",
        Rights::READ => "read",
        Rights::WRITE => "write",
        Rights::EXECUTE => "execute",
        _ => "use",
    }
}

/// The rights of a set, by name.
pub(super) fn right_names(rights: Rights) -> String {
    let names: Vec<&str> =
        Rights::EACH.into_iter().filter(|right| rights.contains(*right)).map(right_name).collect();
    if names.is_empty() { "hidden".to_owned() } else { names.join(", ") }
}

fn answer(policy: &Policy, right: Rights, path: &str) -> Answer {
    let Ruling { allowed, reason, origins } = rule(policy, right, path);
    let verdict = if allowed { Verdict::Allowed } else { Verdict::Denied };
    Answer {
        about: right_name(right).to_owned(),
        verdict,
        answer: verdict.to_string(),
        example: None,
        reason,
        origins,
    }
}

struct Ruling {
    allowed: bool,
    reason: String,
    origins: Origins,
}

fn ruling(allowed: bool, reason: impl Into<String>, origins: &Origins) -> Ruling {
    Ruling { allowed, reason: reason.into(), origins: origins.clone() }
}

/// Decides as the plan does: a mask withholds; a hidden path is hidden; else the tree and the section that
/// stands nearest above the path add up, bounded by what that section's mount allows.
fn rule(policy: &Policy, right: Rights, path: &str) -> Ruling {
    let proc = &policy.files.proc;
    if let Some(mask) = implied::mask(policy, path)
        && mask.withheld().contains(right)
    {
        return ruling(
            false,
            format!("the view of /proc masks {}, which {}", mask.path, mask.reason),
            &proc.origins,
        );
    }
    let tree = &policy.files.tree;
    let (granted, by) = tree.decide(path, right);
    let own = |reason: &str| ruling(granted, reason, by);
    let below = |at: &str| -> Vec<Rights> {
        let entries = tree.entries().filter(|(entry, _)| paths::is_within(entry, at));
        entries.filter(|(entry, _)| paths::is_within(path, entry)).map(|(_, rights)| rights.value).collect()
    };
    if proc.value == ProcView::None && paths::is_within(path, "/proc") && below("/proc").is_empty() {
        return ruling(false, "the profile shows no /proc", &proc.origins);
    }
    let Some(Implied { at, kind, rights, ceiling, origins, noexec }) = implied::nearest(policy, path) else {
        return own("the tree");
    };
    let what = kind.name();
    let between = below(&at);
    if between.last() == Some(&Rights::NONE) {
        return own("hidden");
    }
    let fresh = between.contains(&Rights::NONE);
    if !ceiling.contains(right) {
        return ruling(false, format!("{what} at {at} does not allow it"), &origins);
    }
    if noexec && right == Rights::EXECUTE && !between.last().is_some_and(|rights| rights.contains(right)) {
        return ruling(false, format!("{what} at {at} is mounted noexec"), &origins);
    }
    if !fresh && rights.contains(right) && !granted {
        return ruling(true, format!("{what} at {at}"), &origins);
    }
    own("the tree")
}
