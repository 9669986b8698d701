//! `stockade verify PID|CONTAINER`, `stockade verify --all [--watch]`

mod container;
mod text;
mod watch;

pub(crate) use text::{drift, summary};

use super::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::plan_file;
use crate::render;
use crate::stages::{self, Floors};
use std::path::PathBuf;
use stockade_enforcer::verify::{self, Maker, Options, Scope, Tracing, VerifyError};
use stockade_observe::ObserveError;
use stockade_policy::plan::Plan;

/// Compare what the kernel enforces on a running process or container with what its profile says
///
/// A number is a process. Anything else is a container of Docker, podman or containerd, by its name or the beginning
/// of its id: it is frozen while all of its processes are compared with the plan that `stockade runtime` kept when it
/// made the container. Exit 1: something is looser than its plan, or a container is not under stockade.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The process, or the container
    #[arg(value_name = "PID|CONTAINER", required_unless_present = "all", conflicts_with = "all")]
    target: Option<String>,
    /// Every container of every engine, those that came around stockade too
    #[arg(long, conflicts_with_all = ["profile", "plan", "container", "floor"])]
    all: bool,
    /// Go on, and print what changes as the engines start and end containers, until SIGINT or SIGTERM
    #[arg(long, requires = "all")]
    watch: bool,
    /// The profile it should be under; where none is named, the plan that its launcher declares
    #[arg(long, value_name = "P", conflicts_with = "plan")]
    profile: Option<String>,
    /// The plan it should be under, instead of a profile
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Every process of the container that the process is in, not this one alone
    #[arg(long)]
    container: bool,
    /// The directory that became `/`
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// A policy that the profile may not be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
    #[command(flatten)]
    places: container::Places,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    match args.target.as_deref() {
        None if args.watch => watch::run(&args.places, args.output.format),
        None => container::all(&args.places, args.output.format),
        Some(target) => match target.parse() {
            Ok(pid) => process(args, pid),
            Err(_) => container::one(&args.places, target, expected(args)?, args.output.format),
        },
    }
}

fn process(args: &Args, pid: u32) -> Result<Exit, Failure> {
    let fault = |source: VerifyError| match source {
        VerifyError::Observe(ObserveError::Vanished { .. }) => Failure::Argument {
            what: "process",
            value: pid.to_string(),
            why: "there is none of this number".to_owned(),
        },
        source => Failure::Observe { operation: "read the state of the process", source: Box::new(source) },
    };
    let declared = verify::declared(pid).map_err(fault)?;
    let plan = match expected(args)? {
        Some(plan) => plan,
        None => match &declared {
            Some(declared) => declared.plan.clone(),
            None => return Err(Failure::NotDeclared { pid }),
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
    let status = verify::verify(&plan, pid, &options).map_err(fault)?;
    render::result(args.output.format, "status", &status, || text::layers(&status))?;
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
