//! `stockade run … -- CMD`

use crate::context::{Context, DEFAULT_PROFILE};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::overrides::Overrides;
use crate::plan_cache::{PlanCache, Request};
use crate::plan_file;
use crate::render;
use crate::stages::{self, Floors};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::path::PathBuf;
use stockade_enforcer::launch::{AtExec, Launch, launch};
use stockade_enforcer::probe;
use stockade_enforcer::verify::{self, Options, Scope, Tracing};
use stockade_policy::plan::Plan;

/// Launch a command confined by a profile
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    #[arg(long, value_name = "P", default_value = DEFAULT_PROFILE)]
    profile: String,
    /// The directory that becomes `/`; the host's own tree where none is named
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// A policy that the profile may not be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
    /// A plan compiled before (`stockade compile --format json`), instead of a profile
    #[arg(long, value_name = "FILE", conflicts_with_all = ["profile", "root", "Overrides"])]
    plan: Option<PathBuf>,
    #[command(flatten)]
    start: Start,
    #[command(flatten)]
    overrides: Overrides,
}

/// How the command is started, whatever confines it.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Start {
    /// Compare what the kernel enforces with the plan before the command's first instruction; refuse it
    /// where that is less
    #[arg(long)]
    pub(crate) verify: bool,
    /// Give the command a terminal of its own
    #[arg(long)]
    pub(crate) tty: bool,
    /// Write one line of JSON for every stage to this descriptor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(RawFd).range(0..))]
    pub(crate) status_fd: Option<RawFd>,
    /// Pass this descriptor on; may be given several times
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(RawFd).range(3..))]
    pub(crate) pass_fd: Vec<RawFd>,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// A launch of a compiled plan under no floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlanRun {
    /// The file that holds it.
    pub(crate) plan: PathBuf,
    /// How the command is started.
    pub(crate) start: Start,
}

#[cfg(test)]
impl Args {
    /// These arguments as a launch of a plan under no floor, if that is what they ask for.
    pub(crate) fn plan_run(&self) -> Option<PlanRun> {
        let plan = self.plan.clone().filter(|_| self.floor.is_empty())?;
        Some(PlanRun { plan, start: self.start.clone() })
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut context = Context::new(&args.root)?;
    let plan = match &args.plan {
        Some(file) => plan_file::read(file, &Floors::read(&context, &args.floor)?.hash)?,
        None => compiled(args, &mut context)?,
    };
    start(stages::enforceable(plan)?, &args.start, args.overrides.values())
}

/// The plan of the profile, from the cache where nothing that it depends on has changed.
fn compiled(args: &Args, context: &mut Context) -> Result<Plan, Failure> {
    let name = context.with_overrides(&args.profile, &args.overrides);
    let host = probe::host()
        .map_err(|source| Failure::Observe { operation: "describe this host", source: Box::new(source) })?;
    let cache = PlanCache::open(&Request {
        profile: &name,
        overrides: context.overrides(),
        floors: &args.floor,
        root: context.root(),
        host: &host,
    });
    if let Some(plan) = cache.as_ref().and_then(|cache| cache.read(context)) {
        return Ok(plan);
    }
    let floors = Floors::read(context, &args.floor)?;
    let policy = floors.meet(stages::policy(context, &name)?)?;
    let plan = stages::plan(context, &policy, &host, &floors)?;
    if let Some(cache) = cache {
        cache.write(context, &plan);
    }
    Ok(plan)
}

/// Launches a compiled plan, with nothing else to decide.
pub(crate) fn run_plan(run: &PlanRun) -> Result<Exit, Failure> {
    let plan = plan_file::read(&run.plan, "")?;
    start(stages::enforceable(plan)?, &run.start, std::iter::empty())
}

fn start<'a>(
    plan: Plan,
    start: &Start,
    values: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<Exit, Failure> {
    for gap in &plan.gaps {
        render::note("warning", &format!("without {}: {}", gap.right, gap.why));
    }
    let mut environment: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    environment.extend(values.map(|(name, value)| (name.into(), value.into())));
    let environment: Vec<(OsString, OsString)> = environment.into_iter().collect();

    // The process ends with the launch: nothing is won by taking the plan apart.
    let plan = ManuallyDrop::new(plan);
    let mut check = |pid: u32| at_exec(&plan, pid);
    let outcome = launch(Launch {
        plan: &plan,
        command: &start.command,
        environment: &environment,
        pass_fds: &start.pass_fd,
        tty: start.tty,
        status_fd: start.status_fd,
        at_exec: start.verify.then_some(&mut check as AtExec<'_>),
    })?;
    Ok(Exit(outcome.exit_code()))
}

/// Compares what the kernel enforces on the stopped command with its plan.
fn at_exec(plan: &Plan, pid: u32) -> Result<(), String> {
    let options = Options {
        scope: Scope::Process,
        tracing: Tracing::Stopped,
        attested_by: Some("this launch".to_owned()),
    };
    let status = verify::verify(plan, pid, &options).map_err(|error| error.to_string())?;
    if status.is_drift() {
        return Err(super::verify::drift(&status));
    }
    render::note("verified", &super::verify::summary(&status));
    Ok(())
}
