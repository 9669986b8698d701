//! `stockade install ENGINE`

use super::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use stockade_enforcer::install::{self, Engine, Outcome, PROGRAM, Wish};

/// Register the runtime with a container engine, or take it out again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The engine
    #[arg(value_enum)]
    engine: Name,
    /// Make it the runtime of containers that name none
    #[arg(long, conflicts_with = "undo")]
    default: bool,
    /// Take it out again; a default that it replaced comes back
    #[arg(long)]
    undo: bool,
    /// The engine's file, instead of the usual one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change nothing, and say what would be changed
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: Output,
}

/// Engines by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// Docker Engine: /etc/docker/daemon.json
    Docker,
    /// Podman: /etc/containers/containers.conf
    Podman,
    /// containerd's CRI plugin, as Kubernetes uses it: /etc/containerd/config.toml
    Containerd,
}

impl From<Name> for Engine {
    fn from(name: Name) -> Engine {
        match name {
            Name::Docker => Engine::Docker,
            Name::Podman => Engine::Podman,
            Name::Containerd => Engine::Containerd,
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let engine = Engine::from(args.engine);
    let path = args.config.as_deref().unwrap_or_else(|| engine.config());
    let program = if args.undo { None } else { Some(Program::find()?) };
    let wish = match &program {
        Some(program) => Wish::Install { program: &program.path, default: args.default },
        None => Wish::Undo,
    };
    if let Some(program) = program.as_ref().filter(|_| !args.dry_run) {
        program.make()?;
    }
    let mut outcome = install::install(engine, path, wish, args.dry_run)?;
    if let Some(program) = &program {
        outcome.warnings.extend(program.writable());
    }
    outcome.warnings.iter().for_each(|warning| render::note("warning", warning));
    render::result(args.output.format, "install", &outcome, || text(&outcome, args.dry_run))?;
    Ok(Exit::FINE)
}

/// The program that engines start: this binary by another name, beside it.
struct Program {
    path: String,
    /// The binary's own name, where the link to it is to be made.
    missing: Option<PathBuf>,
}

impl Program {
    fn find() -> Result<Program, Failure> {
        let own = std::env::current_exe()
            .map_err(|source| Failure::Read { path: "/proc/self/exe".into(), source })?;
        let path = own.with_file_name(PROGRAM);
        let refused = |why: &str| Failure::Argument {
            what: "the runtime",
            value: path.display().to_string(),
            why: why.to_owned(),
        };
        let missing = match fs::metadata(&path) {
            Ok(found) if found.is_file() && found.mode() & 0o111 != 0 => None,
            Ok(_) => {
                return Err(refused(
                    "it is no program: move it away, and a link to this binary is made there",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() => {
                own.file_name().map(PathBuf::from)
            }
            Err(error) => return Err(Failure::Read { path, source: error }),
        };
        let path = path.to_str().ok_or_else(|| refused("its path is no UTF-8"))?.to_owned();
        Ok(Program { path, missing })
    }

    /// Makes the link, where there is none.
    fn make(&self) -> Result<(), Failure> {
        match &self.missing {
            Some(own) => symlink(own, &self.path)
                .map_err(|source| Failure::Write { path: self.path.clone().into(), source }),
            None => Ok(()),
        }
    }

    /// Who but root can replace what root will start.
    fn writable(&self) -> Option<String> {
        let odd = |path: &&Path| {
            fs::metadata(path).is_ok_and(|found| {
                // In a directory like /tmp others cannot take a name away.
                let sticky = found.is_dir() && found.mode() & 0o1000 != 0;
                found.uid() != 0 || (found.mode() & 0o022 != 0 && !sticky)
            })
        };
        let path = Path::new(&self.path).ancestors().find(odd)?;
        Some(format!("{} can be changed by others than root, and engines start it as root", path.display()))
    }
}

fn text(outcome: &Outcome, dry: bool) -> String {
    if outcome.changes.is_empty() {
        return format!("{}: nothing to change\n", outcome.file.display());
    }
    let mut lines = vec![format!("{}{}", outcome.file.display(), if dry { " would be changed" } else { "" })];
    lines.extend(outcome.changes.iter().map(|change| format!("  {change}")));
    if dry {
        lines.extend(outcome.difference.iter().cloned());
    }
    lines.extend(outcome.backup.iter().map(|backup| format!("as it was before: {}", backup.display())));
    lines.extend(outcome.checked.iter().map(|command| format!("found good by: {command}")));
    lines.extend(outcome.next.iter().map(|next| format!("next: {next}")));
    lines.iter().map(|line| render::one_line(line) + "\n").collect()
}
