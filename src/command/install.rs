//! `stockade install ENGINE`

use super::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use stockade_enforcer::install::{self, ENGINES, Engine, Outcome, PROGRAM, Wish};

/// Register the runtime with a container engine, or take it out again
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The engine
    #[arg(value_parser = engines())]
    engine: &'static Engine,
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

/// Reads an engine's name.
fn engines() -> impl TypedValueParser<Value = &'static Engine> {
    let value = |engine: &Engine| {
        PossibleValue::new(engine.name).help(format!("{}: {}", engine.title, engine.config))
    };
    PossibleValuesParser::new(ENGINES.map(value)).try_map(|name| {
        ENGINES.into_iter().find(|engine| engine.name == name).ok_or("there is no such engine")
    })
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let engine = args.engine;
    let path = args.config.as_deref().unwrap_or(Path::new(engine.config));
    let program = if args.undo { None } else { Some(Program::find(engine)?) };
    let wish = match &program {
        Some(program) => program.wish(args.default),
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

/// The program that engines start: this binary by other names.
struct Program {
    path: String,
    /// The directory where it is called `runc`.
    as_runc: String,
    /// Links that are to be made: where, and what they say.
    missing: Vec<(PathBuf, PathBuf)>,
}

impl Program {
    /// Beside this binary; for an engine that starts whatever is called runc also in a directory of its own.
    fn find(engine: &Engine) -> Result<Program, Failure> {
        let own = std::env::current_exe()
            .map_err(|source| Failure::Read { path: "/proc/self/exe".into(), source })?;
        let path = own.with_file_name(PROGRAM);
        let above = own.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
        let as_runc = above.join("lib/stockade");
        let mut missing = Vec::new();
        if is_missing(&path)? {
            missing.extend(own.file_name().map(|name| (path.clone(), PathBuf::from(name))));
        }
        let runc = as_runc.join("runc");
        if engine.goes_by_name && is_missing(&runc)? {
            missing.push((runc, path.clone()));
        } else if engine.goes_by_name && fs::canonicalize(&runc).ok() != fs::canonicalize(&path).ok() {
            let why = format!("it is not {}: move it away, and a link to that is made there", path.display());
            return Err(refused(&runc, &why));
        }
        Ok(Program { path: utf8(&path)?, as_runc: utf8(&as_runc)?, missing })
    }

    fn wish(&self, default: bool) -> Wish<'_> {
        Wish::Install { program: &self.path, as_runc: &self.as_runc, default }
    }

    /// Makes the links, where there are none.
    fn make(&self) -> Result<(), Failure> {
        for (path, to) in &self.missing {
            let fault = |source| Failure::Write { path: path.clone(), source };
            if let Some(directory) = path.parent() {
                fs::create_dir_all(directory).map_err(fault)?;
            }
            symlink(to, path).map_err(fault)?;
        }
        Ok(())
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

/// Whether a link is to be made; what is there and no program is refused.
fn is_missing(path: &Path) -> Result<bool, Failure> {
    match fs::metadata(path) {
        Ok(found) if found.is_file() && found.mode() & 0o111 != 0 => Ok(false),
        Ok(_) => {
            Err(refused(path, "it is no program: move it away, and a link to this binary is made there"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => {
            Ok(true)
        }
        Err(source) => Err(Failure::Read { path: path.to_owned(), source }),
    }
}

fn utf8(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| refused(path, "its path is no UTF-8"))
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::Argument { what: "the runtime", value: path.display().to_string(), why: why.to_owned() }
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
