//! Reads back from the kernel what a process is under, and compares it with its plan. Nothing here trusts
//! what was asked for, nor the process itself.

mod declared;
pub(crate) mod found;
mod identity;
mod labels;
mod mounts;
mod namespaces;
mod process;
mod seccomp;
pub(crate) mod sysctls;

pub use declared::{Declared, declared};

use crate::freeze::{self, Stood};
use crate::layer;
use crate::status::{Layer, LayerStatus, Status, Verdict};
use crate::sys;
use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use stockade_observe::{ObserveError, Task, process as processes};
use stockade_policy::plan::Plan;
use stockade_policy::policy::{NamespaceKind, Section};

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A process could not be read, or ended meanwhile.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// What a launcher declares is not a plan.
    #[error("process {pid} declares a plan that cannot be read: {source}")]
    Declared {
        /// The launcher.
        pid: u32,
        /// Why.
        source: serde_json::Error,
    },
}

/// Which processes are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The one that is named, with all its threads.
    #[default]
    Process,
    /// Every process of its pid namespace, and of those nested in it.
    Container,
}

/// How threads are stopped, so that their filters can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracing {
    /// Attach to each, and let it go.
    #[default]
    Attach,
    /// Not at all, for they cannot be: their engine has paused them by the freezer of cgroup version 1.
    Never,
    /// They stand stopped under the calling thread's trace, as at the exec of a launch.
    Stopped,
}

/// Who put a process under its plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// A launch of ours, which made everything around it.
    #[default]
    Launch,
    /// A container engine by our runtime. Mounts are the engine's own, but for what the plan makes read-only or hides. The
    /// container's init takes on the filter after everything else, so that whoever wears the plan's filter has been
    /// through the rest.
    Engine,
}

/// How to verify.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which processes.
    pub scope: Scope,
    /// How their threads are stopped.
    pub tracing: Tracing,
    /// Who put it under its plan.
    pub maker: Maker,
    /// Who set up what the kernel does not show of another process (Landlock, `PR_SET_MDWE`): a launcher
    /// that gave this very plan. `None`: nobody says so, and such a layer is not visible.
    pub attested_by: Option<String>,
}

/// One layer's verdict, with what was read.
type Read = Result<(Verdict, String), ObserveError>;

/// Compares the process `pid` with `plan`.
pub fn verify(plan: &Plan, pid: u32, options: &Options) -> Result<Status, VerifyError> {
    let named = Task::open(pid)?;
    let others = match (options.scope, options.maker) {
        (Scope::Process, _) => Vec::new(),
        (Scope::Container, Maker::Launch) => container(&named)?,
        (Scope::Container, Maker::Engine) => members(&named)?,
    };
    let mut layers = process(plan, &named, options)?;
    let mut read = 1;
    for task in &others {
        let of_this = match process(plan, task, options) {
            Ok(of_this) => of_this,
            // One of many may end; what it left to others they have themselves.
            Err(VerifyError::Observe(ObserveError::Vanished { .. })) => continue,
            // Nor has one that waits to be reaped anything left.
            Err(_) if task.start().is_ok_and(|start| start.ended) => continue,
            Err(error) => return Err(error),
        };
        read += 1;
        for (layer, new) in layers.iter_mut().zip(of_this) {
            let verdict = std::mem::replace(&mut layer.verdict, Verdict::Exact);
            let new = new.verdict;
            // The same for every process needs no name.
            layer.verdict = if new == verdict {
                verdict
            } else {
                verdict.and(new.of(&format!("process {}", task.pid())))
            };
        }
    }
    Ok(Status { profile: plan.profile.clone(), pid, processes: read, layers, gaps: plan.gaps.clone() })
}

/// The other processes of the container: everything below the outermost process of the target's pid
/// namespace. Those in namespaces nested in it are its children too, for orphans go to its first process.
fn container(named: &Task) -> Result<Vec<Task>, ObserveError> {
    let namespace = |task: &Task| stockade_observe::namespace::Namespaces::one(task, NamespaceKind::Pid);
    let wanted = namespace(named)?;
    let mut children: BTreeMap<u32, Vec<Task>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for pid in processes::all()? {
        let read = Task::open(pid).and_then(|task| {
            let parent = task.status()?.parent;
            // A kernel thread, or a process of a user that we may not look at, is in no container of ours.
            let inside = match namespace(&task) {
                Err(error) if error.is_denied() => false,
                other => other? == wanted,
            };
            Ok((task, parent, inside))
        });
        match read {
            Ok((task, parent, inside)) => {
                if inside {
                    found.insert(pid);
                }
                children.entry(parent).or_default().push(task);
            }
            Err(ObserveError::Vanished { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let mut members = Vec::new();
    let mut waiting: Vec<_> = children.into_iter().collect();
    // Grows until nothing new hangs below what was found.
    loop {
        let before = found.len();
        for (parent, tasks) in &waiting {
            if found.contains(parent) {
                found.extend(tasks.iter().map(Task::pid));
            }
        }
        if found.len() == before {
            break;
        }
    }
    for (_, tasks) in &mut waiting {
        members.extend(tasks.extract_if(.., |task| found.contains(&task.pid()) && task.pid() != named.pid()));
    }
    Ok(members)
}

/// The other processes of an engine's container: those of its cgroup, and of its pid namespace where that is its own.
/// Containers can share one, and one can use the host's.
fn members(named: &Task) -> Result<Vec<Task>, ObserveError> {
    let first = named.status()?.namespace_pids;
    let mut tasks = if first.len() > 1 && first.last() == Some(&1) { container(named)? } else { Vec::new() };
    let Some(cgroup) = freeze::cgroup_of(named)? else { return Ok(tasks) };
    for pid in stockade_observe::cgroup::members_below(&cgroup)? {
        if pid == named.pid() || tasks.iter().any(|task| task.pid() == pid) {
            continue;
        }
        match Task::open(pid) {
            Ok(task) => tasks.push(task),
            Err(ObserveError::Vanished { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(tasks)
}

/// Compares all processes of the container of an engine with `plan`, while it stands still. `pid` is its first.
pub fn standing(plan: &Plan, pid: u32) -> Result<(Status, Stood), VerifyError> {
    /// A process that enters the container is the runtime's own for some milliseconds, and not yet under the plan. What
    /// is looser and stays so is found in the last round too.
    const ROUNDS: u32 = 6;
    let mut round = 1;
    loop {
        let hold = freeze::freeze(&Task::open(pid)?)?;
        let tracing = match hold.stood {
            Stood::Paused { traceable: false } => Tracing::Never,
            _ => Tracing::Attach,
        };
        let options = Options { scope: Scope::Container, tracing, maker: Maker::Engine, attested_by: None };
        let status = verify(plan, pid, &options)?;
        if !status.is_drift() || round == ROUNDS || matches!(hold.stood, Stood::Paused { .. }) {
            return Ok((status, hold.stood.clone()));
        }
        drop(hold);
        std::thread::sleep(std::time::Duration::from_millis(10) * round);
        round += 1;
    }
}

/// All processes of an engine's container; the first is `pid`.
pub(crate) fn processes(pid: u32) -> Result<Vec<Task>, ObserveError> {
    let named = Task::open(pid)?;
    let others = members(&named)?;
    Ok([named].into_iter().chain(others).collect())
}

/// Whether a process runs a program that is not what its own root shows under that name: the runtime's own, before
/// the container's first exec.
pub fn is_before_its_exec(pid: u32) -> bool {
    let looked = || -> Option<bool> {
        let task = Task::open(pid).ok()?;
        let program = task.metadata("exe").ok()?;
        let root = std::fs::File::open(task.path("root")).ok()?;
        let Ok(inside) = sys::in_root::open(root.as_fd(), &task.link("exe").ok()?) else { return Some(true) };
        let inside = std::fs::File::from(inside).metadata().ok()?;
        Some((inside.dev(), inside.ino()) != (program.dev(), program.ino()))
    };
    looked().unwrap_or(false)
}

fn process(plan: &Plan, task: &Task, options: &Options) -> Result<Vec<LayerStatus>, VerifyError> {
    let status = task.status()?;
    let mut layers = Vec::new();
    let mut add = |layer, read: Read| -> Result<(), ObserveError> {
        let (verdict, detail) = match read {
            Err(error) if error.is_denied() => (Verdict::not_visible(error.to_string()), String::new()),
            other => other?,
        };
        layers.push(LayerStatus { layer, verdict, detail });
        Ok(())
    };
    add(Layer::Identity, identity::verify(&plan.identity, task, &status))?;
    add(Layer::Namespaces, namespaces::verify(&plan.namespaces, &plan.identity, task))?;
    add(Layer::Mounts, mounts::verify(&plan.mounts, task, options.maker))?;
    add(Layer::Capabilities, Ok(process::capabilities(&plan.capabilities, &status)))?;
    add(Layer::NoNewPrivileges, Ok(process::no_new_privileges(&plan.process, &status)))?;
    let (seccomp, worn) = seccomp::verify(plan.seccomp.as_ref(), plan.arch, task, options.tracing);
    add(Layer::Seccomp, seccomp)?;
    add(Layer::Limits, process::limits(&plan.process, task))?;
    add(Layer::Umask, Ok(process::umask(&plan.process, &status)))?;
    if let Some(cgroup) = &plan.cgroup {
        let read = match options.maker {
            Maker::Launch => layer::cgroup::verify(cgroup, task),
            Maker::Engine => layer::cgroup::verify_wherever(cgroup, task),
        };
        add(
            Layer::Cgroup,
            read.map(|verdict| (verdict, format!("{} hierarchies", cgroup.hierarchies.len()))),
        )?;
    }
    let settings = &plan.process.sysctls;
    let settings = (!settings.is_empty()).then(|| sysctls::verify(settings, task));
    let unseen = matches!(settings, Some(None));
    if let Some(read) = settings.flatten() {
        add(Layer::Sysctls, read)?;
    }
    // An engine's runtime was given the labels; no launch gives any yet.
    let labelled = options.maker == Maker::Engine && plan.gaps.iter().all(|gap| gap.section != Section::Lsm);
    if let Some(lsm) = plan.lsm.as_ref().filter(|_| labelled) {
        add(Layer::Lsm, labels::verify(lsm, task))?;
    }
    // What the kernel keeps to itself.
    let hidden = [
        (Layer::Landlock, plan.landlock.is_some(), "the Landlock domain of another process"),
        (Layer::WriteXorExecute, plan.process.write_xor_execute, "PR_SET_MDWE of another process"),
        (Layer::Securebits, plan.process.securebits != 0, "the securebits of another process"),
        (Layer::Keyring, true, "the session keyring of another process"),
        (Layer::Sysctls, unseen, "the sysctls of another process's namespaces"),
    ];
    for (layer, _, what) in hidden.into_iter().filter(|(_, asked, _)| *asked) {
        let verdict = match &options.attested_by {
            Some(by) => Verdict::Attested { by: by.clone() },
            None if worn && options.maker == Maker::Engine => {
                Verdict::Attested { by: "its container's init, whose last step the filter is".to_owned() }
            }
            None => Verdict::not_visible(format!("the kernel does not show {what}")),
        };
        add(layer, Ok((verdict, String::new())))?;
    }
    let not_built = [
        (Layer::Disk, plan.disk.is_some()),
        (Layer::Traffic, plan.traffic.is_some()),
        (Layer::Lsm, plan.lsm.is_some() && !labelled),
    ];
    for (layer, _) in not_built.into_iter().filter(|(_, asked)| *asked) {
        add(layer, Ok((Verdict::not_visible("this version does not read it back"), String::new())))?;
    }
    Ok(layers)
}

#[cfg(test)]
mod tests;
