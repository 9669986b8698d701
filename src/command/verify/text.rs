//! What was read back, for people.

use super::container::{Finding, Report};
use crate::render;
use stockade_enforcer::status::{Status, Verdict};
use stockade_observe::engine::Container;

/// The kind of a verdict in one word.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Exact => "exact",
        Verdict::Stricter { .. } => "stricter",
        Verdict::Attested { .. } => "attested",
        Verdict::NotVisible { .. } => "not visible",
        Verdict::Looser { .. } => "LOOSER",
    }
}

/// A line a layer and gap, and the summary.
pub(super) fn layers(status: &Status) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for layer in &status.layers {
        let what = if layer.verdict.text().is_empty() { layer.detail.as_str() } else { layer.verdict.text() };
        rows.push(vec![layer.layer.to_string(), word(&layer.verdict).to_owned(), what.to_owned()]);
    }
    for gap in &status.gaps {
        rows.push(vec![gap.right.clone(), "gap".to_owned(), gap.why.clone()]);
    }
    format!("{}{}\n", render::table(&rows), summary(status))
}

/// How many layers stand how, in one line.
pub(crate) fn summary(status: &Status) -> String {
    let order = ["exact", "stricter", "attested", "not visible", "LOOSER"];
    let count = |kind: &str| status.layers.iter().filter(|layer| word(&layer.verdict) == kind).count();
    let counts: Vec<String> = order
        .into_iter()
        .filter_map(|kind| {
            Some(count(kind)).filter(|count| *count > 0).map(|count| format!("{count} {kind}"))
        })
        .collect();
    let more =
        if status.processes > 1 { format!(" and {} more", status.processes - 1) } else { String::new() };
    format!("{} (pid {}{more}): {}", status.profile, status.pid, counts.join(", "))
}

/// What is looser than the plan.
pub(crate) fn drift(status: &Status) -> String {
    let looser: Vec<String> = status
        .layers
        .iter()
        .filter(|layer| matches!(layer.verdict, Verdict::Looser { .. }))
        .map(|layer| format!("{} is looser than the plan: {}", layer.layer, layer.verdict.text()))
        .collect();
    looser.join("; ")
}

/// `ENGINE NAME (ID)`
pub(super) fn short(container: &Container) -> String {
    let id: String = container.id.chars().take(12).collect();
    let name = if container.name == container.id { "" } else { container.name.as_str() };
    [container.engine.to_string(), name.to_owned(), format!("({id})")]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What came out of one, in one line.
pub(super) fn outcome(finding: &Finding) -> String {
    match finding {
        Finding::Verified { status, observed, .. } => {
            let observed = if *observed { " (its rule only observes)" } else { "" };
            let drift = drift(status);
            let more = if drift.is_empty() { String::new() } else { format!("; {drift}") };
            format!("{}{observed}{more}", summary(status))
        }
        Finding::NotUnderStockade { why } => format!("NOT UNDER STOCKADE: {why}"),
        Finding::Unknown { why } => format!("UNKNOWN: {why}"),
        Finding::Starting => "created, and not yet started".to_owned(),
        Finding::Ended => "ended".to_owned(),
    }
}

/// The same without how many processes there were: those of health checks come and go.
pub(super) fn lasting(finding: &Finding) -> String {
    match finding {
        Finding::Verified { status, observed, .. } => {
            let verdicts: Vec<_> =
                status.layers.iter().map(|layer| (layer.layer, word(&layer.verdict))).collect();
            format!("{} {} {observed} {verdicts:?} {}", status.profile, status.pid, drift(status))
        }
        other => outcome(other),
    }
}

/// One container, with all layers.
pub(super) fn container(report: &Report) -> String {
    let layers = match &report.finding {
        Finding::Verified { status, .. } => layers(status),
        other => format!("{}\n", outcome(other)),
    };
    let stood = match &report.finding {
        Finding::Verified { stood, .. } => format!(", {stood}"),
        _ => String::new(),
    };
    format!("{}{stood}\n{layers}", render::one_line(&short(&report.container)))
}

/// A line a container.
pub(super) fn containers(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "no container runs\n".to_owned();
    }
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|report| {
            vec![render::one_line(&short(&report.container)), render::one_line(&outcome(&report.finding))]
        })
        .collect();
    render::table(&rows)
}
