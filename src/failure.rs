//! What stops a command, and the exit code that says so.

use crate::context::root::RootError;
use crate::exit::Exit;
use std::io;
use std::path::PathBuf;
use stockade_enforcer::drill::DrillError;
use stockade_enforcer::install::InstallError;
use stockade_enforcer::launch::LaunchError;
use stockade_enforcer::quota::QuotaError;
#[cfg(feature = "libseccomp")]
use stockade_libseccomp::LibseccompError;
use stockade_policy::compile::CompileError;
use stockade_policy::diagnostic::Diagnostic;
use stockade_policy::lattice::LatticeError;
use stockade_policy::plan::Gap;
use stockade_policy::seccomp::recover::RecoverError;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A profile is wrong.
    #[error("the profile is refused")]
    Diagnostics(Vec<Diagnostic>),
    /// No profile of this name.
    #[error("there is no profile `{name}`")]
    UnknownProfile { name: String, nearest: Option<String>, known: Vec<String> },
    /// A file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A file does not hold what it should.
    #[error("{} is no {what}: {source}", path.display())]
    Json { path: PathBuf, what: &'static str, source: serde_json::Error },
    /// The root, or something in it.
    #[error(transparent)]
    Root(#[from] RootError),
    /// An argument.
    #[error("{what} `{value}`: {why}")]
    Argument { what: &'static str, value: String, why: String },
    /// Options that `run --plan` does not take.
    #[error(transparent)]
    Options(#[from] lexopt::Error),
    /// A floor and the profile have nothing in common.
    #[error("no policy satisfies the profile and the floor {floor}")]
    Floor { floor: String, source: LatticeError },
    /// A compiled plan belongs to other floors.
    #[error("the plan {} was compiled under other floors than the ones given", path.display())]
    OtherFloors { path: PathBuf },
    /// A compiled plan was made for something else.
    #[error("the plan {} is not for this: {why}", path.display())]
    OtherPlan { path: PathBuf, why: String },
    /// The policy contradicts itself.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// The other compiler of filters cannot say what the policy does, or cannot work here.
    #[cfg(feature = "libseccomp")]
    #[error(transparent)]
    Libseccomp(#[from] LibseccompError),
    /// A filter that was made here does not say what the policy does.
    #[error("libseccomp made a filter that is not the policy, so it is not given out: {text}")]
    NotThePolicy { text: String },
    /// The host lacks what the policy asks for.
    #[error("this host cannot enforce the profile `{profile}`: {}", missing(gaps))]
    Gaps { profile: String, gaps: Vec<Gap> },
    /// The program was not started.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The probes were not tried, or nothing can be said about them.
    #[error(transparent)]
    Drill(#[from] DrillError),
    /// An engine's file was left as it is.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// A directory is limited as it was before.
    #[error(transparent)]
    Quota(#[from] QuotaError),
    /// Nothing says what a process should be under.
    #[error(
        "no launcher of stockade is among the ancestors of process {pid}, so that nothing says what it should be under"
    )]
    NotDeclared { pid: u32 },
    /// Neither equal nor different was found out.
    #[error("{subject} is neither proven nor disproved")]
    Undecided { subject: String, source: RecoverError },
    /// The state of the host could not be read.
    #[error("cannot {operation}")]
    Observe { operation: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// A filter cannot be said in another form.
    #[error("{what} cannot be {to}")]
    Filter { what: String, to: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    /// A profile that was written here does not mean what it should.
    #[error("the profile that came out does not mean what was imported, so it is not given out{}", first(.0))]
    Misread(Vec<Diagnostic>),
    /// The result could not be printed.
    #[error("cannot print the result: {0}")]
    Output(io::Error),
    /// The result could not be written as JSON.
    #[error("cannot write the result as JSON: {0}")]
    Serialise(serde_json::Error),
}

impl Failure {
    /// The exit code that says it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Failure::Diagnostics(_)
            | Failure::UnknownProfile { .. }
            | Failure::Read { .. }
            | Failure::Json { .. }
            | Failure::Root(_)
            | Failure::Argument { .. }
            | Failure::Options(_)
            | Failure::Floor { .. }
            | Failure::OtherFloors { .. }
            | Failure::OtherPlan { .. }
            | Failure::NotDeclared { .. }
            | Failure::Filter { .. }
            | Failure::Compile(_) => Exit::BAD_INPUT,
            Failure::Install(InstallError::Write { .. } | InstallError::Busy { .. })
            | Failure::Gaps { .. } => Exit::HOST,
            Failure::Install(_) => Exit::BAD_INPUT,
            Failure::Quota(error) if error.is_the_hosts() => Exit::HOST,
            Failure::Quota(error) if error.is_internal() => Exit::INTERNAL,
            Failure::Quota(_) => Exit::BAD_INPUT,
            #[cfg(feature = "libseccomp")]
            Failure::Libseccomp(error) => match error {
                LibseccompError::Library { .. } | LibseccompError::Read(_) | LibseccompError::Foreign => {
                    Exit::INTERNAL
                }
                _ => Exit::BAD_INPUT,
            },
            Failure::Launch(error) => Exit(error.exit_code()),
            Failure::Drill(DrillError::NoDirectory | DrillError::NotRunning { .. }) => Exit::BAD_INPUT,
            Failure::Drill(
                DrillError::Client { .. } | DrillError::Refused { .. } | DrillError::Inside { .. },
            ) => Exit::HOST,
            Failure::Drill(DrillError::Launch(error)) => match error.exit_code() {
                2 => Exit::BAD_INPUT,
                3 => Exit::HOST,
                _ => Exit::INTERNAL,
            },
            Failure::Drill(_) => Exit::INTERNAL,
            // Neither yes nor no: a bound of stockade itself.
            Failure::Undecided { .. }
            | Failure::Misread(_)
            | Failure::NotThePolicy { .. }
            | Failure::Write { .. }
            | Failure::Observe { .. }
            | Failure::Output(_)
            | Failure::Serialise(_) => Exit::INTERNAL,
        }
    }

    /// What would help, one sentence a line.
    pub(crate) fn help(&self) -> Vec<String> {
        match self {
            Failure::UnknownProfile { nearest: Some(nearest), .. } => {
                vec![format!("did you mean `{nearest}`?")]
            }
            Failure::UnknownProfile { known, .. } => {
                vec![format!(
                    "built-in profiles: {}; a file is named by a path, as `./web.yaml`",
                    known.join(", ")
                )]
            }
            Failure::Gaps { gaps, .. } => gaps
                .iter()
                .filter(|gap| !gap.optional)
                .map(|gap| format!("{}: {}{}", gap.right, gap.remedy, places(gap)))
                .collect(),
            Failure::NotDeclared { .. } => vec!["name the profile with --profile".to_owned()],
            Failure::OtherFloors { .. } => vec!["compile it again with the same --floor options".to_owned()],
            _ => Vec::new(),
        }
    }
}

fn first(found: &[Diagnostic]) -> String {
    found.first().map(|diagnostic| format!(": {}", diagnostic.message)).unwrap_or_default()
}

fn missing(gaps: &[Gap]) -> String {
    let rights: Vec<String> =
        gaps.iter().filter(|gap| !gap.optional).map(|gap| format!("{} ({})", gap.right, gap.why)).collect();
    rights.join("; ")
}

fn places(gap: &Gap) -> String {
    let places: Vec<String> = gap.origins.iter().map(ToString::to_string).collect();
    if places.is_empty() { String::new() } else { format!(" (asked for at {})", places.join(", ")) }
}
