//! `stockade doctor`

use super::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::render;
use serde::Serialize;
use stockade_enforcer::probe::{self, LayerReport, State};
use stockade_policy::host::Host;

/// Show what this host can enforce, layer by layer, and what is missing
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Report<'a> {
    host: &'a Host,
    layers: Vec<LayerReport>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let host = host::here()?;
    let report = Report { host: &host, layers: probe::report(&host) };
    render::result(args.output.format, "doctor", &report, || text(&report))?;
    Ok(Exit::FINE)
}

fn text(report: &Report<'_>) -> String {
    let mut rows = vec![vec!["kernel".to_owned(), "".to_owned(), report.host.kernel.clone()]];
    for layer in &report.layers {
        let state = match layer.state {
            State::Full => "full",
            State::Partial => "partial",
            State::Missing => "missing",
            State::NotBuilt => "not built",
        };
        rows.push(vec![layer.layer.clone(), state.to_owned(), layer.detail.clone()]);
        for missing in &layer.missing {
            rows.push(vec![String::new(), String::new(), format!("without {missing}")]);
        }
        if let Some(remedy) = &layer.remedy {
            rows.push(vec![String::new(), String::new(), format!("to change that: {remedy}")]);
        }
    }
    render::table(&rows)
}
