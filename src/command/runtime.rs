//! `stockade runtime …`, also by the name `stockade-runtime`: an OCI runtime that makes every container at least as
//! strict as its policy, and leaves the making to another one.
//!
//! `create`, `run`, `exec` and `update` are met with the policy; `restore` too, and what it restores is verified before it
//! goes on; everything else is handed on as it is. `delete` too: what is kept of the container is taken away by a later
//! `create`. What is handed on becomes the inner runtime: arguments, descriptors, signals and exit code are its own.

mod arguments;
mod create;
mod exec;
mod kept_meet;
mod log;
mod restore;
mod rules;
mod update;

use crate::exit::Exit;
use crate::failure::Failure;
use arguments::{ArgumentError, Invocation};
pub(crate) use restore::hold;
use rules::Administered;
use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use stockade_enforcer::oci::bundle::BundleError;
use stockade_enforcer::oci::claims::ClaimsError;
use stockade_enforcer::oci::init::InitError;
use stockade_enforcer::oci::inner::{Inner, InnerError};
use stockade_enforcer::oci::record::{RecordError, STATE, State};
use stockade_enforcer::oci::restored::RestoredError;
use stockade_enforcer::oci::sources::SourceError;
use stockade_policy::oci::OciError;
use stockade_policy::rules::Denied;

/// The names by which the program is this command alone; the second for engines that start whatever is called so.
pub(crate) const NAMES: [&str; 2] = ["stockade-runtime", "runc"];

/// The name by which it is what criu starts.
pub(crate) const HOLD: &str = stockade_enforcer::oci::restored::hold::NAME;

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
    Source(#[from] SourceError),
    #[error(transparent)]
    Inner(#[from] InnerError),
    #[error("the container {0} was not made by stockade, so that nothing says what it is under")]
    NotOurs(String),
    #[error("the container {0} has taken the init away that puts its policy around a command")]
    NoInit(String),
    #[error(
        "{} is not known to give processes that are added the filter: under it a container takes `no_new_privileges: true`, with which \
         the init does",
        .0.display()
    )]
    Unfiltered(PathBuf),
    #[error("`restore` is refused: {0}")]
    Restore(String),
    #[error("what was restored is not under its policy, and was ended: {0}")]
    Drift(String),
    #[error("`restore` is refused: {0}")]
    Restored(#[from] RestoredError),
    #[error("cannot hand a file on to the inner runtime: {0}")]
    HandOn(io::Error),
    #[error("cannot take on the limits of the container: {0}")]
    Limits(io::Error),
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
        Ok(exit) => exit,
        Err(error) => log::refused(&invocation, &error),
    }
}

fn hand_on(mut invocation: Invocation) -> Result<Exit, RuntimeError> {
    let never: Infallible = match invocation.command.as_str() {
        "create" | "run" => create::create(&invocation)?,
        "restore" => return restore::restore(&mut invocation),
        "exec" => exec::exec(&mut invocation)?,
        "update" => update::update(&mut invocation)?,
        _ => become_inner(&inner(&invocation)?, &invocation)?,
    };
    match never {}
}

/// The inner runtime that made the container; that of the rules where nobody knows, or else the usual one. A container
/// must be ended where the rules cannot be read, or name another runtime meanwhile.
fn inner(invocation: &Invocation) -> Result<Inner, RuntimeError> {
    let rules = Administered::read(invocation).ok();
    let root = invocation.global("root").map(Path::new);
    let named = Inner::find(rules.as_ref().map_or(USUAL, Administered::inner));
    // The container's name is among these, between options that differ from runtime to runtime.
    let words = || {
        let words = invocation.arguments.iter().skip(invocation.global_arguments().len() + 1);
        words.filter_map(|word| word.to_str())
    };
    if named.as_ref().is_ok_and(|named| words().any(|word| named.keeps(root, word))) {
        return Ok(named?);
    }
    let state = rules.map_or_else(|| State::existing(Path::new(STATE)), |rules| rules.existing_state());
    Ok(words().find_map(|word| Inner::of_container(&state, root, word)).map_or(named, Ok)?)
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
fn inner_state(inner: &Inner, invocation: &Invocation) -> Result<PathBuf, InnerError> {
    invocation.global("root").map_or_else(|| inner.usual_state(), |root| Ok(PathBuf::from(root)))
}
