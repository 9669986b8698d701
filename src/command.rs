//! The command line: one definition gives parsing, help, completions and manual pages.

pub(crate) mod check;
pub(crate) mod compile;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod install;
pub(crate) mod man;
pub(crate) mod profile;
pub(crate) mod prove;
pub(crate) mod quota;
pub(crate) mod run;
pub(crate) mod runtime;
pub(crate) mod verify;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::Format;
use crate::stages::Floors;
use std::path::PathBuf;

/// Security hardening and policy enforcement for Linux containers.
#[derive(Debug, clap::Parser)]
#[command(name = "stockade", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 fine; 1 the answer is \"no\"; 2 usage or bad input; 3 this host cannot enforce what was
asked; 70 internal error. `run` gives 2 or 3 before the command starts, else the command's own code,
128+N for signal N, 125 stockade's own failure, 126 not executable, 127 not found.";

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Run(Box<run::Args>),
    Check(check::Args),
    Compile(compile::Args),
    Explain(explain::Args),
    Diff(diff::Args),
    Import(import::Args),
    Install(install::Args),
    Prove(prove::Args),
    Profile(profile::Args),
    Quota(quota::Args),
    Runtime(runtime::Args),
    Verify(verify::Args),
    Doctor(doctor::Args),
    Drill(drill::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Does it.
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match self {
            Command::Run(args) => run::run(args),
            Command::Check(args) => check::run(args),
            Command::Compile(args) => compile::run(args),
            Command::Explain(args) => explain::run(args),
            Command::Diff(args) => diff::run(args),
            Command::Import(args) => import::run(args),
            Command::Install(args) => install::run(args),
            Command::Prove(args) => prove::run(args),
            Command::Profile(args) => profile::run(args),
            Command::Quota(args) => quota::run(args),
            Command::Runtime(args) => Ok(runtime::run(args)),
            Command::Verify(args) => verify::run(args),
            Command::Doctor(args) => doctor::run(args),
            Command::Drill(args) => drill::run(args),
            Command::Completions(args) => completions::run(args),
            Command::Man(args) => man::run(args),
        }
    }
}

/// How the result is printed.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Output {
    /// How results are printed
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
}

/// Where names in a profile are looked up, and what no profile may be looser than.
#[derive(Debug, clap::Args)]
pub(crate) struct Sources {
    /// The directory that becomes `/`; the host's own tree where none is named
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// A policy that no profile may be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
}

impl Sources {
    /// What commands read profiles with.
    pub(crate) fn open(&self) -> Result<(Context, Floors), Failure> {
        let context = Context::new(&self.root)?;
        let floors = Floors::read(&context, &self.floor)?;
        Ok((context, floors))
    }
}
