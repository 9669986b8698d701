//! A plan for people: what is put around the process, a line a layer.

use crate::render::table;
use serde::Serialize;
use stockade_policy::plan::{MountKind, Plan};
use stockade_policy::vocab::CapSet;

/// The overview of a plan.
pub(super) fn text(plan: &Plan) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |layer: &str, text: String| rows.push(vec![layer.to_owned(), text]);

    row("profile", format!("{}, for {}", plan.profile, plan.arch));
    let identity = &plan.identity;
    row(
        "user",
        format!("{}:{} {}", identity.uid, identity.gid, list(&identity.groups)).trim_end().to_owned(),
    );
    if let Some(maps) = &identity.user_namespace {
        let map =
            |map: &stockade_policy::plan::IdMap| format!("{}→{} ×{}", map.inside, map.outside, map.count);
        let uids: Vec<String> = maps.uids.iter().map(map).collect();
        let gids: Vec<String> = maps.gids.iter().map(map).collect();
        row("id maps", format!("uids {}, gids {}", uids.join(" "), gids.join(" ")));
    }
    let kinds: Vec<String> = plan.namespaces.private.iter().map(word).collect();
    row("namespaces", kinds.join(" "));
    if let Some(path) = &plan.namespaces.network_path {
        row("network", path.clone());
    }
    mounts(plan, &mut row);
    row("capabilities", capabilities(plan.capabilities.bounding));
    let process = &plan.process;
    let switches = [
        (process.no_new_privileges, "no_new_privileges"),
        (process.write_xor_execute, "write_xor_execute"),
        (process.environment.is_some(), "cleared environment"),
    ];
    row(
        "process",
        switches.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect::<Vec<_>>().join(", "),
    );
    for (limit, value) in &process.limits {
        row("limit", format!("{} {value}", word(limit)));
    }
    row(
        "landlock",
        match &plan.landlock {
            Some(landlock) => format!("ABI {}, {} rules", landlock.abi, landlock.rules.len()),
            None => "none".to_owned(),
        },
    );
    row(
        "seccomp",
        match &plan.seccomp {
            Some(seccomp) => format!("{} instructions", seccomp.program.len()),
            None => "none".to_owned(),
        },
    );
    for hierarchy in plan.cgroup.iter().flat_map(|cgroup| &cgroup.hierarchies) {
        let values: Vec<String> =
            hierarchy.values.iter().map(|(file, value)| format!("{file}={value}")).collect();
        row("cgroup", format!("{}: {}", hierarchy.parent, values.join(" ")));
    }
    for gap in &plan.gaps {
        let optional = if gap.optional { "optional" } else { "REQUIRED" };
        row("gap", format!("{} ({optional}): {}; {}", gap.right, gap.why, gap.remedy));
    }
    table(&rows)
}

fn mounts(plan: &Plan, row: &mut impl FnMut(&str, String)) {
    let mounts = &plan.mounts;
    let access = if mounts.read_only { "read-only" } else { "writable" };
    row("root", format!("{}, {access}, /proc {}", mounts.root, word(&mounts.proc)));
    if let Some(bytes) = mounts.tmp {
        row("tmp", format!("{bytes} bytes"));
    }
    for entry in &mounts.entries {
        let exec = |exec: &bool| if *exec { "" } else { " noexec" };
        let what = match &entry.what {
            MountKind::Hide => "hidden".to_owned(),
            MountKind::Writable { exec: may } => format!("writable{}", exec(may)),
            MountKind::ReadOnly { exec: may } => format!("read-only{}", exec(may)),
            MountKind::Bind { from, write, exec: may, .. } => {
                format!("{} from {from}{}", if *write { "writable" } else { "read-only" }, exec(may))
            }
        };
        row("mount", format!("{} {what}", entry.at));
    }
}

fn capabilities(kept: CapSet) -> String {
    let names: Vec<&str> = kept.iter().map(|cap| cap.name()).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(" ") }
}

fn list(groups: &[u32]) -> String {
    groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// The word that a value has in JSON: there is one vocabulary, whatever the format.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}
