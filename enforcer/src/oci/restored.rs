//! Containers that come from a checkpoint. What criu restores is frozen before it has run at all ([`hold`]), until somebody
//! lets it go on, so that whatever becomes of this process, nothing runs that was not looked at. Where it is the hold that
//! is killed it stands stopped by SIGSTOP: criu(8), `--leave-stopped`.
//!
//! criu opens and mounts as root what the images say, whatever a policy would have let the container do. So images are
//! root's alone, and what is restored is read whole: processes against the plan, and what they have open.

#[cfg(test)]
mod asleep;
mod descriptors;
pub mod hold;
mod mounts;
mod wanted;

use super::others::{changeable, is_theirs};
use crate::freeze;
use crate::layer::process::Part;
use crate::status::{Layer, LayerStatus, Status, Verdict};
use crate::sys::{Errno, Kernel};
use crate::verify::{self, VerifyError};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use stockade_observe::{ObserveError, Task};
use stockade_policy::oci::Document;
use stockade_policy::plan::Plan;
use stockade_policy::policy::Section;

/// What criu is told, in a file as criu(8) reads it ("CONFIGURATION FILES"): it starts what is [`hold::NAME`] in `place`.
pub fn options(place: &Path) -> Result<String, RestoredError> {
    let path = place.join(hold::NAME);
    // It is a command of a shell's: criu, criu/action-scripts.c.
    let is_plain =
        |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._@%+-".contains(&byte));
    let text = path.to_str().filter(is_plain).map(|path| format!("leave-stopped\naction-script {path}\n"));
    text.ok_or(RestoredError::Place { path })
}

/// This very program, which criu starts as root: by a path that nobody but root, or the caller, can lead elsewhere.
pub fn program() -> Result<PathBuf, RestoredError> {
    let path = std::env::current_exe()
        .map_err(|source| RestoredError::Itself { path: "/proc/self/exe".into(), source })?;
    checked_program(path)
}

fn checked_program(path: PathBuf) -> Result<PathBuf, RestoredError> {
    match changeable(&path) {
        Ok(None) => Ok(path),
        Ok(Some(part)) => Err(RestoredError::Program { path, part }),
        Err(source) => Err(RestoredError::Itself { path, source }),
    }
}

/// Files of one checkpoint; criu writes some for each process.
const FILES: usize = 100_000;

/// What is wrong with images that are not root's alone, as a clause.
const THEIRS: &str = "can be changed by others than root";

/// Why a container that was restored does not go on, or why none is restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoredError {
    /// The images could not be looked at.
    #[error("cannot look at the checkpoint {}: {source}", path.display())]
    Look {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could have written the images.
    #[error("the checkpoint {} {why}: what it says would be made as root", path.display())]
    Images {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong, as a clause.
        why: &'static str,
    },
    /// This program could not be looked at.
    #[error("cannot look at the program {}, which criu would start: {source}", path.display())]
    Itself {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// criu could be given another program to start than this.
    #[error("criu would start {} as root, and others than root can change {}", path.display(), part.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// What can be changed: itself, or a directory on the way to it.
        part: PathBuf,
    },
    /// A path that criu's options cannot hold, or a shell would read otherwise.
    #[error(
        "{} cannot be named to criu: name a `state` in the rules that has only letters, digits and `/._@%+-`", path.display()
    )]
    Place {
        /// The path.
        path: PathBuf,
    },
    /// The plan has a layer that nobody can put back.
    #[error(
        "criu restores no {layer}, and nobody can put it around a process that runs: a container under this profile \
         can be started anew, and not restored"
    )]
    Layer {
        /// The layer.
        layer: &'static str,
    },
    /// The caller's keys could not be left behind.
    #[error("cannot make a session keyring for what is restored: {0}")]
    Keyring(Errno),
    /// It may have run before it was looked at.
    #[error("criu did not have it frozen{}", .why.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    Runs {
        /// What [`hold`] says.
        why: Option<String>,
    },
    /// Something that criu left could not be ended.
    #[error("what criu left cannot be ended: {0}")]
    Left(hold::HoldError),
    /// Something is open that the container cannot have opened itself, or that no policy speaks of.
    #[error("descriptor {number} of process {pid} is {what}")]
    Descriptor {
        /// The process.
        pid: u32,
        /// The descriptor.
        number: u32,
        /// What it is.
        what: String,
    },
    /// A mount is not what the bundle asks for.
    #[error("the mount {} of process {pid} {why}", at.display())]
    Mount {
        /// A process that sees it.
        pid: u32,
        /// Where it is.
        at: PathBuf,
        /// What is wrong, as a clause.
        why: String,
    },
    /// A process stands elsewhere than in the container's tree.
    #[error("process {pid} is not inside: its {what}")]
    Outside {
        /// The process.
        pid: u32,
        /// What of it.
        what: String,
    },
    /// A source of the bundle's is not there.
    #[error("cannot compare with {}, which the bundle mounts: {source}", path.display())]
    Source {
        /// Its path on the host.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A setting that criu does not bring back could not be given.
    #[error("cannot give what was restored its settings: {0}")]
    Sysctl(verify::sysctls::SysctlError),
    /// A layer cannot be seen.
    #[error("{layer} of what was restored cannot be seen: {why}")]
    Unseen {
        /// Which.
        layer: Layer,
        /// Why.
        why: String,
    },
    /// The state could not be read.
    #[error("cannot read what was restored: {0}")]
    Read(#[from] VerifyError),
    /// A process could not be let go on.
    #[error("cannot let process {pid} go on: {source}")]
    GoOn {
        /// The process.
        pid: u32,
        /// Why.
        source: io::Error,
    },
}

impl From<ObserveError> for RestoredError {
    fn from(error: ObserveError) -> Self {
        RestoredError::Read(error.into())
    }
}

/// The path without links of a directory, in which nobody but root, or the caller, can have written the images.
pub fn checked_images(directory: &Path) -> Result<PathBuf, RestoredError> {
    let look = |path: &Path, source| RestoredError::Look { path: path.to_owned(), source };
    let directory = directory.canonicalize().map_err(|source| look(directory, source))?;
    // Whoever may rename a directory above can put another in its place.
    if let Some(path) = changeable(&directory).map_err(|source| look(&directory, source))? {
        return Err(RestoredError::Images { path, why: THEIRS });
    }
    for (count, entry) in fs::read_dir(&directory).map_err(|source| look(&directory, source))?.enumerate() {
        let path = entry.map_err(|source| look(&directory, source))?.path();
        let data = fs::symlink_metadata(&path).map_err(|source| look(&path, source))?;
        let wrong = |why| Err(RestoredError::Images { path: path.clone(), why });
        if count >= FILES {
            return wrong("is one file of too many");
        }
        // `parent` of an incremental one, among others: what it leads to was not looked at.
        if !data.is_file() {
            return wrong("is no file");
        }
        if is_theirs(&data) {
            return wrong(THEIRS);
        }
    }
    Ok(directory)
}

/// Whether the plan has only what criu restores, or the runtime that calls it. landlock(7) and `PR_SET_MDWE` are taken on
/// by a process itself, and the kernel shows neither of another one.
pub fn check_plan(plan: &Plan) -> Result<(), RestoredError> {
    let layers = [
        ("Landlock domain", plan.landlock.is_some()),
        ("PR_SET_MDWE", plan.process.write_xor_execute),
        ("securebits", plan.process.securebits != 0),
    ];
    layers
        .into_iter()
        .find(|(_, asked)| *asked)
        .map_or(Ok(()), |(layer, _)| Err(RestoredError::Layer { layer }))
}

/// Leaves the caller's keys behind: criu restores no keyring, and what it restores has its own.
pub fn leave_keys() -> Result<(), RestoredError> {
    Part::new_keyring(&Kernel).map_err(|failure| RestoredError::Keyring(failure.errno))
}

/// What the kernel shows of a container that was restored, its first process `pid`, all of it frozen since criu had it.
/// It was restored from `bundle`, and what is kept of it is in `place`.
pub fn look(plan: &Plan, bundle: &Document, pid: u32, place: &Path) -> Result<Status, RestoredError> {
    let tasks = verify::processes(pid)?;
    for task in &tasks {
        if !freeze::is_stopped(task)? {
            return Err(RestoredError::Runs { why: hold::why(place) });
        }
    }
    // criu brings back interfaces and their settings, and no others.
    if let Some(first) = tasks.first() {
        verify::sysctls::set(&plan.process.sysctls, first).map_err(RestoredError::Sysctl)?;
    }
    let (status, _) = verify::standing(plan, pid)?;
    if let Some(layer) = unseen(&status) {
        return Err(RestoredError::Unseen { layer: layer.layer, why: layer.verdict.text().to_owned() });
    }
    mounts::Expected::of(bundle)?.check(&tasks)?;
    for task in &tasks {
        if !task.start()?.ended {
            descriptors::check(task)?;
        }
    }
    Ok(status)
}

/// A layer that nobody can see on what was restored, and that nobody has just put there: the keyring is [`leave_keys`]'s.
/// What the profile itself does without on this host is no layer of it.
fn unseen(status: &Status) -> Option<&LayerStatus> {
    let is_gap = |layer| {
        let section = match layer {
            Layer::Lsm => Section::Lsm,
            Layer::Disk => Section::Disk,
            Layer::Traffic => Section::Network,
            _ => return false,
        };
        status.gaps.iter().any(|gap| gap.section == section)
    };
    status.layers.iter().find(|one| {
        matches!(one.verdict, Verdict::NotVisible { .. }) && one.layer != Layer::Keyring && !is_gap(one.layer)
    })
}

/// Lets a container go on whose first process is `pid`; that one last, so that it finds the others as they were.
pub fn go_on(pid: u32) -> Result<(), RestoredError> {
    let mut tasks = verify::processes(pid)?;
    tasks.reverse();
    for task in &tasks {
        go_on_one(task)?;
    }
    Ok(freeze::go_on(&Task::open(pid)?)?)
}

/// Ends what is left of a restore that criu failed at. What is kept of it is in `place`.
pub fn end_left(place: &Path) -> Result<(), RestoredError> {
    hold::end_left(place).map_err(RestoredError::Left)
}

/// Why it was not held, if that is why criu failed. What is kept of it is in `place`.
pub fn why(place: &Path) -> Option<RestoredError> {
    hold::why(place).map(|why| RestoredError::Runs { why: Some(why) })
}

fn go_on_one(task: &Task) -> Result<(), RestoredError> {
    let failed = |source| RestoredError::GoOn { pid: task.pid(), source };
    let number = i32::try_from(task.pid()).ok().and_then(Pid::from_raw);
    let number = number.ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    kill_process(number, Signal::CONT).map_err(|errno| failed(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs::Permissions;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    use stockade_policy::origin::Origins;
    use stockade_policy::plan::Gap;

    #[test]
    fn what_cannot_be_seen_does_not_go_on() {
        let status = |layer, verdict, gaps| Status {
            profile: "test".to_owned(),
            pid: 1,
            processes: 1,
            layers: vec![
                LayerStatus {
                    layer: Layer::Keyring,
                    verdict: Verdict::not_visible("kept"),
                    detail: String::new(),
                },
                LayerStatus { layer, verdict, detail: String::new() },
            ],
            gaps,
        };
        let hidden = || Verdict::not_visible("hidden");
        for layer in [Layer::Seccomp, Layer::Mounts, Layer::Sysctls, Layer::Lsm, Layer::Disk] {
            assert_eq!(unseen(&status(layer, hidden(), Vec::new())).map(|one| one.layer), Some(layer));
            assert_eq!(unseen(&status(layer, Verdict::Exact, Vec::new())), None);
        }
        let gap = Gap {
            section: Section::Lsm,
            right: "apparmor".to_owned(),
            why: "no module".to_owned(),
            remedy: "none".to_owned(),
            optional: true,
            origins: Origins::new(),
        };
        assert_eq!(unseen(&status(Layer::Lsm, hidden(), vec![gap.clone()])), None);
        assert!(unseen(&status(Layer::Seccomp, hidden(), vec![gap])).is_some());
    }

    /// criu hands the line to a shell.
    #[test]
    fn what_criu_starts_has_a_path_that_no_shell_reads_otherwise() {
        let plain = "/run/a-Z0.9_@%+";
        assert_eq!(
            options(Path::new(plain)).unwrap(),
            format!("leave-stopped\naction-script {plain}/stockade-hold\n")
        );
        for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_alphanumeric() && !b"/._@%+-".contains(byte)) {
            let place = [b"/run/a".as_slice(), &[byte], b"b"].concat();
            let said = options(Path::new(OsStr::from_bytes(&place)));
            assert!(matches!(said, Err(RestoredError::Place { .. })), "{byte:#x}: {said:?}");
        }
    }

    #[test]
    fn images_are_roots_alone() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("pstree.img");
        let fresh = || {
            drop(fs::remove_file(&file));
            fs::write(&file, "").unwrap();
        };
        let said = || checked_images(place.path()).map(drop).map_err(|error| error.to_string());
        fresh();
        assert_eq!(said(), Ok(()));
        fs::set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
        assert!(said().unwrap_err().contains("pstree.img can be changed by others"), "{:?}", said());
        fresh();
        if rustix::process::geteuid().is_root() {
            chown(&file, Some(1), None).unwrap();
            assert!(said().unwrap_err().contains("pstree.img can be changed by others"), "{:?}", said());
            fresh();
        }
        let link = place.path().join("parent");
        symlink("/tmp", &link).unwrap();
        assert!(said().unwrap_err().contains("parent is no file"), "{:?}", said());
        fs::remove_file(&link).unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        assert!(said().unwrap_err().contains("can be changed by others"), "{:?}", said());
        // In a sticky directory others lay files of their own.
        fs::set_permissions(place.path(), Permissions::from_mode(0o1777)).unwrap();
        assert!(said().unwrap_err().contains("can be changed by others"), "{:?}", said());
        assert!(checked_images(&place.path().join("none")).is_err());
        fs::set_permissions(place.path(), Permissions::from_mode(0o700)).unwrap();
        let other = tempfile::tempdir().unwrap();
        symlink(place.path(), other.path().join("link")).unwrap();
        assert_eq!(checked_images(&other.path().join("link")).unwrap(), place.path().canonicalize().unwrap());
    }

    #[test]
    fn the_program_that_criu_starts_is_roots_alone() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().canonicalize().unwrap();
        let path = directory.join("program");
        let said = || checked_program(path.clone()).map_err(|error| error.to_string());
        let missing = said().unwrap_err();
        let look = format!("cannot look at the program {}, which criu would start: ", path.display());
        assert!(missing.starts_with(&look), "{missing}");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(said(), Ok(path.clone()));
        for (part, open, shut) in [(&path, 0o775, 0o755), (&directory, 0o777, 0o755)] {
            fs::set_permissions(part, Permissions::from_mode(open)).unwrap();
            let refused = said().unwrap_err();
            assert!(
                refused.ends_with(&format!("others than root can change {}", part.display())),
                "{refused}"
            );
            fs::set_permissions(part, Permissions::from_mode(shut)).unwrap();
        }
    }
}
