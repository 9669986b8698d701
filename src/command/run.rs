//! `stockade run … -- CMD`

use crate::context::{Context, DEFAULT_PROFILE};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
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
use stockade_enforcer::verify::{self, Maker, Options, Scope, Tracing};
use stockade_policy::plan::Plan;

/// The root where none is named.
const DEFAULT_ROOT: &str = "/";

/// Launch a command confined by a profile
#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    #[arg(long, value_name = "P", default_value = DEFAULT_PROFILE)]
    profile: String,
    /// The directory that becomes `/`; the host's own tree where none is named
    #[arg(long, value_name = "DIR", default_value = DEFAULT_ROOT)]
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

/// What is launched, where it is neither under a floor nor with overrides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The compiled plan in this file.
    Plan(PathBuf),
    /// A profile in a root; the defaults where none are named.
    Profile { profile: Option<String>, root: Option<PathBuf> },
}

impl Args {
    /// These arguments alone.
    pub(crate) fn plain(what: What, start: Start) -> Args {
        let (plan, profile, root) = match what {
            What::Plan(plan) => (Some(plan), None, None),
            What::Profile { profile, root } => (None, profile, root),
        };
        Args {
            profile: profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
            root: root.unwrap_or_else(|| PathBuf::from(DEFAULT_ROOT)),
            floor: Vec::new(),
            plan,
            start,
            overrides: Overrides::default(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    // A plan under no floor: with nothing else to look up or to decide.
    if let (Some(file), []) = (&args.plan, args.floor.as_slice()) {
        return start(stages::enforceable(plan_file::read(file, "")?)?, &args.start, std::iter::empty());
    }
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
    let host = host::here()?;
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
        maker: Maker::Launch,
        attested_by: Some("this launch".to_owned()),
    };
    let status = verify::verify(plan, pid, &options).map_err(|error| error.to_string())?;
    if status.is_drift() {
        return Err(super::verify::drift(&status));
    }
    render::note("verified", &super::verify::summary(&status));
    Ok(())
}
