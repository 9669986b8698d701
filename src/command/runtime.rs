//! `stockade runtime …`, also by the name `stockade-runtime`: an OCI runtime that makes every container at least as
//! strict as its policy, and leaves the making to another one.
//!
//! `create`, `run`, `exec` and `update` are met with the policy; `restore` is refused; everything else is handed on as
//! it is. `delete` too: what is kept of the container is taken away by a later `create`. What is handed on becomes the inner runtime: arguments, descriptors, signals and exit code are its own.

mod arguments;
mod create;
mod exec;
mod kept_meet;
mod log;
mod rules;
mod update;

use crate::exit::Exit;
use crate::failure::Failure;
use arguments::{ArgumentError, Invocation};
use rules::Administered;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use stockade_enforcer::oci::bundle::BundleError;
use stockade_enforcer::oci::claims::ClaimsError;
use stockade_enforcer::oci::init::InitError;
use stockade_enforcer::oci::inner::{Inner, InnerError};
use stockade_enforcer::oci::record::{RecordError, STATE};
use stockade_policy::oci::OciError;
use stockade_policy::rules::Denied;

/// The name by which the program is this command alone.
pub(crate) const NAME: &str = "stockade-runtime";

/// The inner runtime where the rules cannot be read, for what is handed on.
const USUAL: &str = "runc";

/// Stand between a container engine and its OCI runtime: every container gets its policy, or does not start
///
/// Takes the command line of runc and crun. An engine registers it (`stockade install`); the rules in
/// /etc/stockade/runtime.yaml, or in the file that --rules names, say which container gets which profile.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// [--rules FILE] and what the inner runtime takes
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    arguments: Vec<OsString>,
}

/// Why the inner runtime was not started.
#[derive(Debug, thiserror::Error)]
enum RuntimeError {
    #[error(transparent)]
    Arguments(#[from] ArgumentError),
    #[error("no container is started without rules: {why} ({})", path.display())]
    Rules { path: PathBuf, why: String },
    #[error("this container may not be started: {0}")]
    Denied(#[from] Denied),
    #[error("{0}")]
    Policy(String),
    #[error(transparent)]
    Oci(#[from] OciError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Inner(#[from] InnerError),
    #[error("the container {0} was not made by stockade, so that nothing says what it is under")]
    NotOurs(String),
    #[error("the container {0} has taken the init away that puts its policy around a command")]
    NoInit(String),
    #[error("`restore` is refused: nobody has looked at the memory of what would go on running")]
    Restore,
    #[error("cannot hand a file on to the inner runtime: {0}")]
    HandOn(io::Error),
    #[error("cannot write the log {}: {source}", path.display())]
    Log { path: PathBuf, source: io::Error },
}

impl From<Failure> for RuntimeError {
    fn from(failure: Failure) -> Self {
        RuntimeError::Policy(log::whole(&failure))
    }
}

/// Becomes the inner runtime; returns only where that must not be, or cannot.
pub(crate) fn run(args: &Args) -> Exit {
    start(args.arguments.clone())
}

/// The same for arguments that no definition has read.
pub(crate) fn start(arguments: Vec<OsString>) -> Exit {
    let invocation = match Invocation::parse(arguments) {
        Ok(invocation) => invocation,
        Err(error) => return log::refused(&Invocation::default(), &error.into()),
    };
    match hand_on(invocation.clone()) {
        Ok(never) => match never {},
        Err(error) => log::refused(&invocation, &error),
    }
}

fn hand_on(mut invocation: Invocation) -> Result<Infallible, RuntimeError> {
    match invocation.command.as_str() {
        "create" | "run" => create::create(&invocation),
        "restore" => Err(RuntimeError::Restore),
        "exec" => exec::exec(&mut invocation),
        "update" => update::update(&mut invocation),
        _ => become_inner(&inner(&invocation)?, &invocation),
    }
}

/// The inner runtime of the rules; the usual one where they cannot be read: a container must be ended all the same.
fn inner(invocation: &Invocation) -> Result<Inner, RuntimeError> {
    let name = Administered::read(invocation).map(|rules| rules.inner().to_owned());
    Ok(Inner::find(name.as_deref().unwrap_or(USUAL))?)
}

fn become_inner(inner: &Inner, invocation: &Invocation) -> Result<Infallible, RuntimeError> {
    Err(inner.become_it(&invocation.arguments).into())
}

/// Where the state of containers is kept by the usual rules.
pub(crate) fn usual_state() -> PathBuf {
    Administered::read(&Invocation::default())
        .map_or_else(|_| PathBuf::from(STATE), |rules| rules.state_path().to_owned())
}

/// Where the inner runtime keeps its state of containers.
fn inner_state(inner: &Inner, invocation: &Invocation) -> PathBuf {
    invocation.global("root").map_or_else(|| inner.usual_state(), PathBuf::from)
}
