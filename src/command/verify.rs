//! `stockade verify PID`

use super::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::plan_file;
use crate::render;
use crate::stages::{self, Floors};
use std::path::PathBuf;
use stockade_enforcer::status::{Status, Verdict};
use stockade_enforcer::verify::{self, Maker, Options, Scope, Tracing, VerifyError};
use stockade_observe::ObserveError;
use stockade_policy::plan::Plan;

/// Compare what the kernel enforces on a running process with what its profile says
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The process
    pid: u32,
    /// The profile it should be under; where none is named, the plan that its launcher declares
    #[arg(long, value_name = "P", conflicts_with = "plan")]
    profile: Option<String>,
    /// The plan it should be under, instead of a profile
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Every process of its container, not this one alone
    #[arg(long)]
    container: bool,
    /// The directory that became `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// A policy that the profile may not be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let fault = |source: VerifyError| match source {
        VerifyError::Observe(ObserveError::Vanished { .. }) => Failure::Argument {
            what: "process",
            value: args.pid.to_string(),
            why: "there is none of this number".to_owned(),
        },
        source => Failure::Observe { operation: "read the state of the process", source: Box::new(source) },
    };
    let declared = verify::declared(args.pid).map_err(fault)?;
    let plan = match expected(args)? {
        Some(plan) => plan,
        None => match &declared {
            Some(declared) => declared.plan.clone(),
            None => return Err(Failure::NotDeclared { pid: args.pid }),
        },
    };
    let options = Options {
        scope: if args.container { Scope::Container } else { Scope::Process },
        tracing: Tracing::Attach,
        maker: Maker::Launch,
        // What the kernel does not show is believed of a launcher that was given this very plan.
        attested_by: declared
            .filter(|declared| declared.plan == plan)
            .map(|declared| format!("its launcher, process {}", declared.launcher)),
    };
    let status = verify::verify(&plan, args.pid, &options).map_err(fault)?;
    render::result(args.output.format, "status", &status, || text(&status))?;
    Ok(if status.is_drift() { Exit::NO } else { Exit::FINE })
}

/// The plan that the arguments name; `None` where they name none.
fn expected(args: &Args) -> Result<Option<Plan>, Failure> {
    let context = Context::new(&args.root)?;
    let floors = Floors::read(&context, &args.floor)?;
    if let Some(file) = &args.plan {
        return plan_file::read(file, &floors.hash).map(Some);
    }
    let Some(name) = &args.profile else { return Ok(None) };
    let policy = floors.policy(&context, name)?;
    let host = host::here()?;
    stages::plan(&context, &policy, &host, &floors).map(Some)
}

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

fn text(status: &Status) -> String {
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
