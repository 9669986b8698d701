//! `stockade explain P [SUBJECT]`

use super::{Output, Sources};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::render;
use crate::stages::{self, Floors};
use stockade_policy::explain::{Subject, explain};
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;

/// Show what a profile allows, and the line that decides it
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    profile: String,
    /// syscall:mount, cap:net_admin, path:/etc/shadow, connect:10.0.0.1:443/tcp, or what `diff` prints;
    /// everything where none is named
    subject: Option<String>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let subject = args.subject.as_deref().map(parse).transpose()?;
    let (context, floors) = args.sources.open()?;
    let policy = floors.policy(&context, &args.profile)?;
    let plan = here(&context, &policy, &floors);
    let explanation = explain(&policy, plan.as_ref(), subject.as_ref());
    render::result(args.output.format, "explain", &explanation, || render::harmless(&explanation.text()))?;
    Ok(Exit::FINE)
}

fn parse(subject: &str) -> Result<Subject, Failure> {
    subject.parse().map_err(|error: stockade_policy::explain::SubjectError| Failure::Argument {
        what: "the subject",
        value: subject.to_owned(),
        why: error.to_string(),
    })
}

/// The plan for this host, which says what of the policy cannot be enforced here. Where there is none
/// the policy is explained alone, and that is said.
fn here(context: &Context, policy: &Policy, floors: &Floors) -> Option<Plan> {
    let plan = host::here().and_then(|host| stages::plan(context, policy, &host, floors));
    plan.inspect_err(|failure| render::note("note", &format!("not for this host: {failure}"))).ok()
}
