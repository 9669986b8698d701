//! Everything that the child needs, made by the launcher: the child allocates nothing.

use super::init::Contents;
use super::{Launch, LaunchError};
use crate::layer::{capabilities, identity, landlock, mounts, namespaces, process};
use crate::sys::process::Strings;
use crate::sys::{Sys, file, memfd, socket, tty};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use stockade_policy::plan::Plan;

/// Bytes that are set aside for a plan's text.
const PLAN: usize = 12 << 10;

/// Where programs are looked for without `PATH`, as the shells of containers have it.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the launcher opens for a launch.
pub(super) struct Opened {
    /// The child's end of the control socket, the launcher's to close once there is a child.
    pub(super) control: OwnedFd,
    /// The launcher's end.
    pub(super) launcher: OwnedFd,
    /// The relaying side of a terminal.
    pub(super) master: Option<OwnedFd>,
    /// The program's side.
    pub(super) slave: Option<OwnedFd>,
    /// The init's sealed file.
    _init: OwnedFd,
}

/// The parts of a launch as the child uses them; descriptors by number, since its own copies of them are meant.
pub(super) struct Prepared {
    /// The child's end of the control socket; the init inherits it.
    pub(super) control: RawFd,
    /// The launcher's end.
    pub(super) launcher: RawFd,
    /// The init's sealed file.
    pub(super) init: RawFd,
    /// The program's side of a terminal.
    pub(super) terminal: Option<RawFd>,
    pub(super) argv: Strings,
    pub(super) envp: Strings,
    pub(super) keep: Vec<RawFd>,
    pub(super) identity: identity::Part,
    pub(super) namespaces: namespaces::Part,
    pub(super) mounts: mounts::Part,
    pub(super) process: process::Part,
    pub(super) capabilities: capabilities::Part,
    pub(super) landlock: Option<landlock::Part>,
}

impl Prepared {
    /// Prepares all parts. `mask`: the signals that the caller blocks.
    pub(super) fn new(
        sys: &dyn Sys,
        launch: &Launch<'_>,
        mask: u64,
    ) -> Result<(Prepared, Opened), LaunchError> {
        let plan = launch.plan;
        let late = !plan.process.no_new_privileges && plan.seccomp.is_some();
        let capabilities = capabilities::Part::prepare(&plan.capabilities, plan.process.securebits, late)?;
        let environment = environment(launch);
        let [launcher, control] = socket::pair(sys)
            .map_err(|errno| LaunchError::Launcher {
                operation: "make",
                object: "control socket".to_owned(),
                errno,
            })?
            .map(file::owned);
        let [master, slave] = if launch.tty {
            let pair = tty::pair(sys).map_err(|errno| LaunchError::Launcher {
                operation: "allocate",
                object: "terminal".to_owned(),
                errno,
            })?;
            pair.map(|fd| Some(file::owned(fd)))
        } else {
            [None, None]
        };
        let candidates = candidates(launch, &environment)?;
        let init = Contents {
            mask,
            control: control.as_raw_fd(),
            terminal: launch.tty,
            write_xor_execute: plan.process.write_xor_execute,
            capabilities: &capabilities,
            filter: plan.seccomp.as_ref(),
            candidates: &candidates,
        };
        let init = sealed(sys, c"stockade-init", &init.file()?, true)?;
        let prepared = Prepared {
            init: init.as_raw_fd(),
            control: control.as_raw_fd(),
            launcher: launcher.as_raw_fd(),
            terminal: slave.as_ref().map(AsRawFd::as_raw_fd),
            argv: strings("argument", launch.command.iter().cloned())?,
            envp: strings("environment variable", environment.into_iter().map(joined))?,
            keep: launch.pass_fds.to_vec(),
            identity: identity::Part::prepare(&plan.identity)?,
            namespaces: namespaces::Part::prepare(plan)?,
            mounts: mounts::Part::prepare(plan)?,
            process: process::Part::prepare(&plan.process)?,
            landlock: plan.landlock.as_ref().map(landlock::Part::prepare).transpose()?,
            capabilities,
        };
        Ok((prepared, Opened { control, launcher, master, slave, _init: init }))
    }
}

/// The plan in a sealed file, for whoever verifies the running container. Made while the child is at work.
pub(super) fn declare(sys: &dyn Sys, plan: &Plan) -> Result<OwnedFd, LaunchError> {
    // Most plans fit; a vector that grows is copied again and again.
    let mut text = Vec::with_capacity(PLAN);
    serde_json::to_writer(&mut text, plan)
        .map_err(|_| LaunchError::BadInput { object: "plan".to_owned(), why: "cannot be written as JSON" })?;
    sealed(sys, c"stockade-plan", &text, false)
}

fn sealed(sys: &dyn Sys, name: &CStr, bytes: &[u8], executable: bool) -> Result<OwnedFd, LaunchError> {
    memfd::sealed(sys, name, bytes, executable).map(file::owned).map_err(|errno| LaunchError::Launcher {
        operation: "seal",
        object: name.to_string_lossy().into_owned(),
        errno,
    })
}

/// What of the caller's environment the plan passes on.
fn environment<'a>(launch: &Launch<'a>) -> Vec<(&'a OsStr, &'a OsStr)> {
    let passes = |name: &OsStr| match &launch.plan.process.environment {
        None => true,
        Some(names) => name.to_str().is_some_and(|name| names.contains(name)),
    };
    let pairs = launch.environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    pairs.filter(|(name, _)| passes(name)).collect()
}

fn joined((name, value): (&OsStr, &OsStr)) -> OsString {
    let mut text = name.to_owned();
    text.push("=");
    text.push(value);
    text
}

fn strings(what: &str, texts: impl Iterator<Item = OsString>) -> Result<Strings, LaunchError> {
    let one = |text: OsString| {
        CString::new(text.into_vec()).map_err(|error| LaunchError::BadInput {
            object: format!("{what} `{}`", String::from_utf8_lossy(&error.into_vec()).escape_default()),
            why: "a NUL byte cannot be passed to a program",
        })
    };
    Ok(Strings::new(texts.map(one).collect::<Result<_, _>>()?))
}

/// The paths to try, each ended by NUL. A program without `/` is looked for in the `PATH` that it will see; an
/// empty part, which shells take for the working directory, is left out.
fn candidates(launch: &Launch<'_>, environment: &[(&OsStr, &OsStr)]) -> Result<Vec<u8>, LaunchError> {
    let program = launch.command.first().map(|program| program.as_bytes()).unwrap_or_default();
    if program.contains(&0) {
        return Err(LaunchError::BadInput { object: "command".to_owned(), why: "has a NUL byte in it" });
    }
    if program.contains(&b'/') {
        return Ok([program, b"\0"].concat());
    }
    let path = environment
        .iter()
        .find(|(name, _)| *name == "PATH")
        .map_or(OsStr::new(DEFAULT_PATH), |(_, path)| path);
    let directories = path.as_bytes().split(|byte| *byte == b':').filter(|directory| !directory.is_empty());
    let paths: Vec<u8> =
        directories.flat_map(|directory| [directory, b"/", program, b"\0"].concat()).collect();
    Ok(paths)
}
