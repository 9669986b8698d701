//! The report as a table, for a terminal.

use super::{Counts, Drilled, Report};
use crate::render;
use stockade_enforcer::drill::Probe;
use stockade_enforcer::drill::judge::{Finding, Verdict};
use stockade_enforcer::drill::report::Outcome;

pub(super) fn text(report: &Report) -> String {
    let rows: Vec<Vec<String>> = match report.targets.as_slice() {
        [alone] => alone.probes.iter().map(row).collect(),
        several => side_by_side(several),
    };
    let mut text = render::table(&rows);
    for drilled in &report.targets {
        let told = if report.targets.len() > 1 { format!("{}: ", drilled.target) } else { String::new() };
        text.push_str(&format!("{told}{}\n", summary(&drilled.counts)));
        for finding in drilled.probes.iter().filter(|finding| finding.contradicts()) {
            let profile = drilled.profile.as_deref().unwrap_or_default();
            text.push_str(&format!(
                "{told}{} is {}, and the profile `{profile}` says that it is stopped: it {}, which gives {}\n",
                finding.name, finding.verdict, finding.tries, finding.gains
            ));
        }
    }
    text
}

/// What each probe tries, and what whoever obtains it has.
pub(super) fn listing(probes: &[&Probe]) -> String {
    let row =
        |probe: &&Probe| [probe.family, probe.name, probe.tries, probe.gains].map(str::to_owned).to_vec();
    render::table(&probes.iter().map(row).collect::<Vec<_>>())
}

/// A probe, what is to be said of it, by what, and where that is written.
fn row(finding: &Finding) -> Vec<String> {
    let verdict = match finding.verdict {
        Verdict::Open if finding.contradicts() => "OPEN".to_owned(),
        verdict => verdict.to_string(),
    };
    let by = match (finding.verdict, finding.layer) {
        (Verdict::Stopped, Some(layer)) => format!("{layer}: {}", finding.inside),
        (Verdict::Stopped, None) => finding.inside.to_string(),
        (Verdict::Absent, _) if finding.inside == Outcome::Nothing => finding.inside.to_string(),
        (Verdict::Absent, _) => finding.outside.to_string(),
        (Verdict::Undecided, _) => finding.inside.to_string(),
        (Verdict::Open | Verdict::NotTried, _) => String::new(),
    };
    let places: Vec<String> = finding.origins.iter().map(ToString::to_string).collect();
    vec![finding.family.to_owned(), finding.name.to_owned(), verdict, by, places.join(", ")]
}

/// The same probe in one row, by target.
fn side_by_side(several: &[Drilled]) -> Vec<Vec<String>> {
    let head = ["", ""].into_iter().chain(several.iter().map(|drilled| drilled.target.as_str()));
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    let Some(first) = several.first() else { return rows };
    for (index, finding) in first.probes.iter().enumerate() {
        let mut row = vec![finding.family.to_owned(), finding.name.to_owned()];
        row.extend(several.iter().filter_map(|drilled| drilled.probes.get(index)).map(cell));
        rows.push(row);
    }
    rows
}

fn cell(finding: &Finding) -> String {
    match (finding.verdict, finding.layer) {
        (Verdict::Open, _) if finding.contradicts() => "OPEN".to_owned(),
        (Verdict::Stopped, Some(layer)) => format!("stopped: {layer}"),
        (Verdict::Stopped, None) => format!("stopped: {}", finding.inside),
        (verdict, _) => verdict.to_string(),
    }
}

/// `81 probes: 74 stopped, 0 open, 7 not on this host`
fn summary(counts: &Counts) -> String {
    let always = [(counts.stopped, "stopped"), (counts.open, "open"), (counts.absent, "not on this host")];
    let else_none = [(counts.not_tried, "not tried"), (counts.undecided, "undecided")];
    let told: Vec<String> = always
        .into_iter()
        .chain(else_none.into_iter().filter(|(count, _)| *count > 0))
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    format!("{} probes: {}", counts.probes, told.join(", "))
}
