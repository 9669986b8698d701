//! Filters of other tools → profiles.
//!
//! What comes in is decided exactly as its own tool would, then written as a profile by [`crate::write`]; what
//! cannot be said the same is refused by name.

mod clauses;
mod document;
mod filter;
mod holes;
mod json;
mod meaning;
mod multiplexed;
mod selection;

pub(crate) use document::interface_name;
pub use filter::{FilterError, filters};
pub use holes::Hole;
pub use selection::{Container, kernel};

use crate::diagnostic::Diagnostic;
use crate::lattice::syscalls::Syscalls;
use crate::lookup::Source;
use crate::origin::{Origin, Origins};
use crate::parse::report::Report;
use crate::policy::Filter;
use crate::write::{self, Draft};
use serde::Serialize;

/// A filter of another tool as a profile.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The profile's text.
    pub profile: String,
    /// Where arguments that the kernel reads shorter than the filter get past it.
    pub holes: Vec<Hole>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Findings about the input that did not stop the import.
    pub warnings: Vec<Diagnostic>,
    /// What it decides.
    #[serde(skip)]
    pub syscalls: Syscalls,
    /// How it is put on.
    #[serde(skip)]
    pub filter: Filter,
}

/// What seccomp JSON decides in a container, and how it is put on.
pub(crate) fn decided(source: &Source, container: &Container) -> Result<(Syscalls, Filter), Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let document = node.and_then(|node| document::read(&node, &mut report));
    let meaning = document
        .and_then(|document| meaning::decide(&document, container, &mut Vec::new(), &mut report))
        .filter(|_| !report.has_errors());
    meaning.map(|meaning| (meaning.syscalls, meaning.filter)).ok_or_else(|| report.finish())
}

/// Docker's seccomp JSON, or an OCI runtime's, as a profile called `name` for one container.
pub fn seccomp_json(source: &Source, name: &str, container: &Container) -> Result<Imported, Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let document = node.and_then(|node| document::read(&node, &mut report));
    let Some(document) = document.filter(|_| !report.has_errors()) else { return Err(report.finish()) };
    let mut notes = Vec::new();
    let meaning = meaning::decide(&document, container, &mut notes, &mut report);
    let Some(meaning) = meaning.filter(|_| !report.has_errors()) else { return Err(report.finish()) };
    let head = vec![
        format!("Imported from {} ({}),", source.file, document.dialect.name()),
        format!("{}.", container.describe(document.dialect)),
        "Registers are compared as that file's comparisons do: whole, without a sign.".to_owned(),
    ];
    let because = format!("as in {}", source.file);
    let remark = |origins: &Origins| remark(&document, origins);
    let draft = Draft {
        name,
        head: &head,
        interfaces: &meaning.interfaces,
        syscalls: &meaning.syscalls,
        filter: &meaning.filter,
        otherwise: Some(document.default.value),
        remark: &remark,
        because: &because,
    };
    match write::write(&draft) {
        Ok(profile) => Ok(Imported {
            profile,
            holes: holes::find(&meaning.syscalls, &meaning.interfaces),
            notes,
            warnings: report.finish(),
            syscalls: meaning.syscalls,
            filter: meaning.filter,
        }),
        Err(error) => {
            let at = error.call().and_then(|call| document.place_of(call)).unwrap_or_else(|| report.start());
            refuse(&mut report, &error, &at);
            Err(report.finish())
        }
    }
}

fn refuse(report: &mut Report, error: &write::WriteError, at: &Origin) {
    let diagnostic =
        Diagnostic::error(error.to_string()).help("the language cannot say this; nothing is changed to fit");
    report.push(diagnostic, at);
}

/// The comments of the rules that decided something.
fn remark(document: &document::Document, origins: &Origins) -> Option<String> {
    let rules = document.rules.iter().filter(|rule| origins.contains(&rule.origin));
    let mut comments: Vec<&str> = rules.filter_map(|rule| rule.comment.as_deref()).collect();
    comments.dedup();
    (!comments.is_empty()).then(|| comments.join("; "))
}
