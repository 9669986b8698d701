//! Containers of engines, against what was kept of them.

use super::text;
use crate::command::runtime;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::{self, Format};
use serde::Serialize;
use std::path::PathBuf;
use stockade_enforcer::freeze::Stood;
use stockade_enforcer::oci::record::State;
use stockade_enforcer::status::Status;
use stockade_enforcer::verify::{self, VerifyError};
use stockade_observe::ObserveError;
use stockade_observe::engine::{Container, EngineError, Engines, Kind};
use stockade_policy::plan::Plan;

/// Where engines and records are. An engine that is named is asked in the place of those at the usual places.
#[derive(Debug, clap::Args)]
pub(super) struct Places {
    /// Docker's socket
    #[arg(long, value_name = "SOCKET", help_heading = "Container engines")]
    docker: Option<PathBuf>,
    /// The podman program
    #[arg(long, value_name = "PROGRAM", help_heading = "Container engines")]
    podman: Option<PathBuf>,
    /// containerd's state directory
    #[arg(long, value_name = "DIR", help_heading = "Container engines")]
    containerd: Option<PathBuf>,
    /// Where `stockade runtime` keeps what it made; where its rules say, if nothing is named
    #[arg(long, value_name = "DIR", help_heading = "Container engines")]
    state: Option<PathBuf>,
}

impl Places {
    fn state(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(runtime::usual_state)
    }

    pub(super) fn engines(&self) -> Engines {
        let named = [&self.docker, &self.podman, &self.containerd].into_iter().any(Option::is_some);
        Engines {
            docker: self.docker.clone(),
            podman: self.podman.clone(),
            containerd: self.containerd.clone(),
            usual: !named,
        }
    }
}

/// A container, and what came out.
#[derive(Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    pub(super) container: Container,
    #[serde(flatten)]
    pub(super) finding: Finding,
}

/// What came out.
#[derive(Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(super) enum Finding {
    /// All of its processes were read.
    Verified {
        status: Status,
        stood: Stood,
        /// Its rule only observes, so that nothing of the plan was put around it.
        observed: bool,
    },
    /// It came around stockade.
    NotUnderStockade { why: String },
    /// It was created, and its first process is still the runtime's. Not yet a pass.
    Starting,
    /// Neither is known. Never a pass.
    Unknown { why: String },
    /// It does not run, or ended while it was looked at.
    Ended,
}

impl Finding {
    pub(super) fn is_fine(&self) -> bool {
        match self {
            Finding::Verified { status, .. } => !status.is_drift(),
            Finding::Ended => true,
            Finding::NotUnderStockade { .. } | Finding::Starting | Finding::Unknown { .. } => false,
        }
    }
}

/// Every container.
#[derive(Serialize)]
struct Reports {
    containers: Vec<Report>,
    /// Engines that are there and did not say.
    unread: Vec<Unread>,
}

#[derive(Serialize)]
struct Unread {
    engine: Kind,
    why: String,
}

/// Looks at one container; with `plan` in the place of what was kept.
pub(super) fn look(places: &Places, container: Container, plan: Option<Plan>) -> Report {
    let finding = finding(places, &container, plan).unwrap_or_else(|why| Finding::Unknown { why });
    Report { container, finding }
}

fn finding(places: &Places, container: &Container, plan: Option<Plan>) -> Result<Finding, String> {
    let Some(pid) = container.pid else { return Ok(Finding::Ended) };
    let kept = State::existing(&places.state()).of(&container.id).map_err(|error| error.to_string())?;
    let observed = kept.as_ref().is_some_and(|kept| kept.observed);
    let Some(plan) = plan.or_else(|| kept.map(|kept| kept.plan)) else {
        let runtime = &container.runtime;
        let why = format!("nothing is kept of it in {}; its runtime is {runtime}", places.state().display());
        return Ok(Finding::NotUnderStockade { why });
    };
    match verify::standing(&plan, pid) {
        // Nothing of it runs yet, and the plan is put around it last.
        Ok((status, _)) if status.is_drift() && verify::is_before_its_exec(pid) => Ok(Finding::Starting),
        Ok((status, stood)) => Ok(Finding::Verified { status, stood, observed }),
        Err(VerifyError::Observe(ObserveError::Vanished { .. })) => Ok(Finding::Ended),
        Err(error) => Err(error.to_string()),
    }
}

/// `verify CONTAINER`
pub(super) fn one(places: &Places, name: &str, plan: Option<Plan>, format: Format) -> Result<Exit, Failure> {
    let container = named(places, name)?;
    if container.pid.is_none() {
        return Err(no(
            name,
            format!("the container {} of {} does not run", container.name, container.engine),
        ));
    }
    let report = look(places, container, plan);
    render::result(format, "container-status", &report, || text::container(&report))?;
    Ok(if report.finding.is_fine() { Exit::FINE } else { Exit::NO })
}

fn no(name: &str, why: String) -> Failure {
    Failure::Argument { what: "container", value: name.to_owned(), why }
}

pub(super) fn unasked(error: EngineError) -> Failure {
    Failure::Observe { operation: "ask the container engines", source: error.into() }
}

/// The one container that is meant.
fn named(places: &Places, name: &str) -> Result<Container, Failure> {
    let (mut found, mut unread) = (Vec::new(), None);
    for (_, answer) in places.engines().containers() {
        match answer {
            Ok(containers) => found.extend(containers.into_iter().filter(|one| one.is_meant_by(name))),
            Err(error) => unread = Some(error),
        }
    }
    // A whole name is not the beginning of another's id.
    if found.iter().filter(|one| one.name == name || one.id == name).count() == 1 {
        found.retain(|one| one.name == name || one.id == name);
    }
    match (found.pop(), unread) {
        (Some(container), _) if found.is_empty() => Ok(container),
        (Some(container), _) => {
            found.push(container);
            let all: Vec<String> = found.iter().map(text::short).collect();
            Err(no(name, format!("several are meant: {}", all.join(", "))))
        }
        (None, Some(error)) => Err(unasked(error)),
        (None, None) => Err(no(name, "no engine that answers here has it".to_owned())),
    }
}

/// `verify --all`
pub(super) fn all(places: &Places, format: Format) -> Result<Exit, Failure> {
    let mut reports = Reports { containers: Vec::new(), unread: Vec::new() };
    for (engine, answer) in places.engines().containers() {
        match answer {
            Ok(containers) => {
                let running = containers.into_iter().filter(|container| container.pid.is_some());
                reports.containers.extend(running.map(|container| look(places, container, None)));
            }
            Err(error) => reports.unread.push(Unread { engine, why: error.to_string() }),
        }
    }
    render::result(format, "containers", &reports, || text::containers(&reports.containers))?;
    for unread in &reports.unread {
        render::note("error", &unread.why);
    }
    let fine = reports.unread.is_empty() && reports.containers.iter().all(|one| one.finding.is_fine());
    Ok(if fine { Exit::FINE } else { Exit::NO })
}
