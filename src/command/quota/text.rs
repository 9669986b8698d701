//! Quotas for people.

use crate::render;
use stockade_enforcer::quota::{Entry, Judged, Limits, Set, Standing, Usage};

/// One that was set.
pub(super) fn set(set: &Set) -> String {
    let mut rows = vec![];
    for (what, used, most) in lines(&set.usage, &set.limits) {
        rows.push(vec![what.to_owned(), most, format!("{used} in use")]);
    }
    if let Some(id) = set.id {
        rows.push(vec!["id".to_owned(), id.to_string(), format!("on {}", set.filesystem.kind)]);
    }
    render::table(&rows)
}

/// Those that were taken away.
pub(super) fn released(entries: &[Entry]) -> String {
    let lines = entries.iter().map(|entry| format!("no quota any more: {}\n", paths(entry)));
    lines.collect()
}

/// All that there are.
pub(super) fn show(quotas: &[Judged]) -> String {
    let mut rows = vec![head(&["ID", "ON", "SIZE", "USED", "FILES", "USED", "STATE", "DIRECTORIES"])];
    rows.extend(quotas.iter().map(|quota| {
        let state = quota.state.unwrap_or_default();
        let limits = quota.entry.as_ref().map_or(state.limits, |entry| entry.limits);
        vec![
            quota.id.to_string(),
            quota.filesystem.kind.clone(),
            most(limits.size, size),
            size(state.usage.size),
            most(limits.files, |files| files.to_string()),
            state.usage.files.map_or_else(|| "-".to_owned(), |files| files.to_string()),
            said(quota.standing).0.to_owned(),
            named(quota),
        ]
    }));
    render::table(&rows)
}

/// What was done, those that were as they should be left out.
pub(super) fn reconciled(quotas: &[Judged]) -> String {
    let changed = quotas.iter().filter(|quota| quota.standing != Standing::Kept);
    let rows: Vec<Vec<String>> = changed
        .map(|quota| {
            let done = if quota.why.is_some() { "not made right" } else { said(quota.standing).1 };
            vec![quota.id.to_string(), done.to_owned(), named(quota)]
        })
        .collect();
    let kept = quotas.len() - rows.len();
    format!("{}{kept} as they should be\n", render::table(&rows))
}

/// How a number stands, and what is done about it.
fn said(standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Kept => ("kept", "left"),
        Standing::Drifted => ("DRIFT", "limits in force again"),
        Standing::Unused => ("unused", "given back"),
        Standing::Absent => ("not mounted", "not mounted, left"),
        Standing::Unclear => ("NOT ENFORCED", "left"),
        Standing::Moved => ("moved", "its directory is elsewhere, left limited"),
        Standing::Unknown => ("unknown", "in no ledger and in use, left limited"),
    }
}

/// Its directories, and what is wrong.
fn named(quota: &Judged) -> String {
    let paths = quota.entry.as_ref().map(paths).unwrap_or_default();
    quota.why.as_ref().map_or_else(|| paths.clone(), |why| format!("{paths}: {why}"))
}

fn paths(entry: &Entry) -> String {
    let paths: Vec<String> = entry.directories.iter().map(|path| path.display().to_string()).collect();
    paths.join(", ")
}

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn lines(usage: &Usage, limits: &Limits) -> Vec<(&'static str, String, String)> {
    let files = |files: u64| files.to_string();
    let used = usage.files.map(files).unwrap_or_default();
    let all = [
        ("size", size(usage.size), limits.size.map(size)),
        ("soft size", size(usage.size), limits.soft_size.map(size)),
        ("files", used.clone(), limits.files.map(files)),
        ("soft files", used, limits.soft_files.map(files)),
    ];
    all.into_iter().filter_map(|(what, used, most)| Some((what, used, most?))).collect()
}

fn most(limit: Option<u64>, shown: impl Fn(u64) -> String) -> String {
    limit.map_or_else(|| "-".to_owned(), shown)
}

/// In the largest unit that it is a whole number of, as it would be written; else with a tenth.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let whole = UNITS.into_iter().find(|(_, unit)| bytes >= *unit);
    match whole {
        Some((name, unit)) if bytes.is_multiple_of(unit) => format!("{} {name}", bytes / unit),
        Some((name, unit)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        let shown = [0, 1023, 1 << 20, 3 << 29, u64::MAX].map(size);
        assert_eq!(shown, ["0 B", "1023 B", "1 MiB", "1.5 GiB", "16777215.9 TiB"]);
    }
}
