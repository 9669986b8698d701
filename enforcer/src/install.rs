//! Registers the OCI runtime with container engines, as a careful administrator would edit their files.
//!
//! Everything that is not the runtime's stays byte for byte; the file is replaced whole or not at all; what is
//! there already and means something else is refused. Files: dockerd(8) `daemon.json`, containers.conf(5),
//! containerd-config.toml(5), buildkitd.toml (moby/buildkit, docs/buildkitd.toml.md), systemd.unit(5).

mod buildkit;
mod check;
mod containerd;
mod docker;
mod docker_buildkit;
mod file;
mod json;
mod podman;
mod toml;

use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};

/// The name that the runtime has in the engines' files.
pub const RUNTIME: &str = "stockade";

/// The program that engines start; called by this name it is `stockade runtime`.
pub const PROGRAM: &str = "stockade-runtime";

/// Largest file that is edited, bytes.
const LARGEST: u64 = 1 << 20;

/// A container engine, or what of it has a file of its own.
#[derive(Debug)]
pub struct Engine {
    /// As it is called on the command line.
    pub name: &'static str,
    /// What it is, in a few words.
    pub title: &'static str,
    /// Where its file is.
    pub config: &'static str,
    /// The edited text. The second text is the backup: what the file said before the runtime came.
    edit: fn(&str, Option<&str>, Wish<'_>) -> Result<Edited, EditError>,
    /// Whether a text from which the runtime was taken says nothing else.
    says_nothing: fn(&str) -> bool,
    /// The engine's own check of a file, where there is one.
    check: Option<Check>,
    /// What makes a change count.
    next: &'static str,
    /// Whether it may be one that starts whatever is called `runc`.
    pub goes_by_name: bool,
    /// How a container asks for the runtime where it is not the default.
    ask: Option<&'static str>,
    /// What the administrator should know where it becomes the default.
    warnings: &'static [&'static str],
}

/// A program that judges a file.
#[derive(Debug)]
struct Check {
    program: &'static str,
    /// An option that older ones do not know.
    option: &'static str,
    /// The file stands in the place of `FILE`.
    arguments: &'static [&'static str],
}

/// All of them.
pub const ENGINES: [&Engine; 5] =
    [&docker::ENGINE, &podman::ENGINE, &containerd::ENGINE, &buildkit::ENGINE, &docker_buildkit::ENGINE];

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish<'a> {
    /// Register the program.
    Install {
        /// Its absolute path.
        program: &'a str,
        /// A directory where it is called `runc`, for engines that start whatever has this name.
        as_runc: &'a str,
        /// Whether containers that name no runtime get it.
        default: bool,
    },
    /// Take it out again.
    Undo,
}

/// What was done, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The engine's name.
    pub engine: &'static str,
    /// The file itself, where a symbolic link was named what it leads to.
    pub file: PathBuf,
    /// One sentence for each key; empty where everything is as it should be.
    pub changes: Vec<String>,
    /// Lines that go and come, marked `-` and `+`.
    pub difference: Vec<String>,
    /// Where the file as it was before is kept.
    pub backup: Option<PathBuf>,
    /// The command by which the engine itself found the new file good; `None` where it has none here.
    pub checked: Option<String>,
    /// What the administrator should know.
    pub warnings: Vec<String>,
    /// What makes it count.
    pub next: Vec<String>,
}

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot {operation} {}", path.display())]
    Write {
        /// What could not be done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something stands there that is not edited.
    #[error("{} is not edited: {why}", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Another one is at it.
    #[error("{} is being written by another process", path.display())]
    Busy {
        /// The half-written file.
        path: PathBuf,
    },
    /// The file is not what it should be, or says something else already.
    #[error("{}{}: {fault}", path.display(), place(fault))]
    Edit {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: EditError,
    },
    /// The engine refuses the new file.
    #[error("{command} refuses the new {}: {text}", path.display())]
    Refused {
        /// The file that was to be replaced.
        path: PathBuf,
        /// The engine's own check.
        command: String,
        /// What it said.
        text: String,
    },
}

/// Why a text is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It cannot be read.
    #[error("{why}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// A key holds something else than it should.
    #[error("`{key}` is no {expected}")]
    Kind {
        /// The key with those above it.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The name is another runtime's.
    #[error("`{key}` is another runtime already ({found}): take it out, or give it another name")]
    Taken {
        /// The key with those above it.
        key: String,
        /// What stands there.
        found: String,
    },
    /// The whole file is somebody else's.
    #[error("it does not begin as what `stockade install` writes there: move it away")]
    Foreign,
    /// What must be written depends on a version that is not to be had.
    #[error("`dockerd --version` tells no version: `{said}`")]
    Dockerd {
        /// What it said.
        said: String,
    },
    /// A key stands there more than once.
    #[error("`{key}` is written twice")]
    Twice {
        /// The key.
        key: String,
    },
    /// The format is an old one.
    #[error(
        "this is a file of version {0}: `containerd config migrate` writes it anew, versions 2 and 3 are edited"
    )]
    Version(i64),
}

fn place(fault: &EditError) -> String {
    match fault {
        EditError::Syntax { line, column, .. } => format!(":{line}:{column}"),
        _ => String::new(),
    }
}

/// A text with its changes.
#[derive(Debug, PartialEq, Eq)]
struct Edited {
    text: String,
    changes: Vec<String>,
    warnings: Vec<String>,
}

impl Engine {
    fn next(&self, wish: Wish<'_>) -> Vec<String> {
        let ask = self.ask.filter(|_| matches!(wish, Wish::Install { default: false, .. }));
        [self.next].into_iter().chain(ask).map(str::to_owned).collect()
    }

    fn warnings(&self, wish: Wish<'_>) -> Vec<String> {
        let default = matches!(wish, Wish::Install { default: true, .. });
        self.warnings.iter().filter(|_| default).map(|warning| (*warning).to_owned()).collect()
    }

    /// Whether a text says nothing of the runtime.
    fn is_without(&self, text: &str) -> bool {
        (self.edit)(text, None, Wish::Undo).is_ok_and(|edited| edited.changes.is_empty())
    }
}

/// Changes the file of an engine; `dry` changes nothing and says what would be.
pub fn install(engine: &Engine, path: &Path, wish: Wish<'_>, dry: bool) -> Result<Outcome, InstallError> {
    let file = file::Target::find(path)?;
    let (text, before) = (file.read()?, file.backup()?);
    let fault = |fault| InstallError::Edit { path: file.path.clone(), fault };
    let old = text.as_deref().unwrap_or_default();
    let mut edited = (engine.edit)(old, before.as_deref(), wish).map_err(fault)?;
    let mut outcome = Outcome {
        engine: engine.name,
        file: file.path.clone(),
        difference: difference(old, &edited.text),
        changes: std::mem::take(&mut edited.changes),
        backup: None,
        checked: None,
        warnings: std::mem::take(&mut edited.warnings),
        next: Vec::new(),
    };
    outcome.warnings.extend(engine.warnings(wish));
    if file.path != path && !outcome.changes.is_empty() {
        outcome.warnings.push(format!(
            "{} leads to {}, which is changed",
            path.display(),
            file.path.display()
        ));
    }
    if outcome.changes.is_empty() {
        return Ok(outcome);
    }
    outcome.next = engine.next(wish);
    // What was made for the runtime goes with it.
    let gone = wish == Wish::Undo && before.is_none() && (engine.says_nothing)(&edited.text);
    if gone {
        outcome.changes.push("the file says nothing else and is removed".to_owned());
    }
    if dry {
        return Ok(outcome);
    }
    if gone {
        file.remove()?;
        return Ok(outcome);
    }
    let half = file.write(&edited.text)?;
    if let Some(check) = &engine.check {
        outcome.checked = check::check(check, half.path(), &file.path)?;
    }
    // What an earlier one made says nothing of how it was before.
    if wish != Wish::Undo && text.is_some() && engine.is_without(old) {
        outcome.backup = Some(file.keep(old)?);
    }
    half.replace(&file.path)?;
    if wish == Wish::Undo {
        // The next one begins with the file as it will be then.
        file.forget()?;
    }
    Ok(outcome)
}

/// The lines that differ: all edits of one file lie close together.
fn difference(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (old.get(same..).unwrap_or_default(), new.get(same..).unwrap_or_default());
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let gone = old.iter().take(old.len() - tail).map(|line| format!("-{line}"));
    let come = new.iter().take(new.len() - tail).map(|line| format!("+{line}"));
    gone.chain(come).collect()
}

/// Whether a program is this project's: the last part of its path says so.
fn is_ours(program: &str) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == PROGRAM)
}
