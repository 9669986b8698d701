//! `stockade check P…`

use super::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::{self, Format};
use crate::stages;
use serde::Serialize;
use std::path::PathBuf;
use stockade_policy::diagnostic::{Diagnostic, Severity};

/// Validate profiles; errors point at the place in the text
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Built-in profiles, or files
    #[arg(required = true)]
    profiles: Vec<String>,
    /// The directory in which users, groups and programs are looked up
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Checks {
    profiles: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    profile: String,
    fine: bool,
    diagnostics: Vec<Diagnostic>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let context = Context::new(&args.root)?;
    let mut profiles = Vec::new();
    let mut other = None;
    for name in &args.profiles {
        // All of them are checked, whatever is wrong with the first.
        let diagnostics = match stages::examine(&context, name) {
            Ok((_, warnings)) => warnings,
            Err(Failure::Diagnostics(found)) => found,
            Err(failure) => {
                let found = vec![Diagnostic::error(failure.to_string())];
                if args.output.format == Format::Text {
                    render::failure(&failure);
                }
                other = Some(failure.exit());
                profiles.push(Check { profile: name.clone(), fine: false, diagnostics: found });
                continue;
            }
        };
        if args.output.format == Format::Text {
            render::diagnostics(&diagnostics);
        }
        let fine = diagnostics.iter().all(|diagnostic| diagnostic.severity == Severity::Warning);
        profiles.push(Check { profile: name.clone(), fine, diagnostics });
    }
    let checks = Checks { profiles };
    render::result(args.output.format, "check", &checks, || {
        let row = |check: &Check| {
            let (warnings, errors): (Vec<_>, Vec<_>) =
                check.diagnostics.iter().partition(|diagnostic| diagnostic.severity == Severity::Warning);
            let verdict = match (errors.len(), warnings.len()) {
                (0, 0) => "fine".to_owned(),
                (0, warnings) => format!("fine: {}", counted(warnings, "warning")),
                (errors, _) => format!("refused: {}", counted(errors, "error")),
            };
            vec![check.profile.clone(), verdict]
        };
        render::table(&checks.profiles.iter().map(row).collect::<Vec<_>>())
    })?;
    let fine = checks.profiles.iter().all(|check| check.fine);
    Ok(other.unwrap_or(if fine { Exit::FINE } else { Exit::BAD_INPUT }))
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
