//! Text → [`Profile`]: the language as written, every value with its place.

pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod scalar;
mod syntax;
pub(crate) mod tree;

use crate::diagnostic::{Diagnostic, Text};
use crate::lookup::Source;
use crate::profile::{Profile, Sections};
use read::Read;
use report::Report;
use std::sync::Arc;

/// Longest profile, bytes. Docker's default profile, the largest known, has 17 KiB.
const SIZE: usize = 1 << 20;

/// Reads a profile. All faults that can be told apart are reported at once.
pub fn parse(source: &Source) -> Result<Profile, Vec<Diagnostic>> {
    let (text, fault) = decode(source);
    let text = Arc::new(Text::new(Arc::clone(&source.file), text));
    let mut report = Report::new(Arc::clone(&text));
    if let Some((diagnostic, line, column)) = fault {
        let origin = report.origin(line, column);
        report.push(diagnostic, &origin);
        return Err(report.finish());
    }
    let sections = tree::tree(text.as_str(), &mut report).and_then(|node| {
        let sections = Sections::read(&node, &mut report)?;
        version(&sections, &mut report);
        Some(sections)
    });
    match sections {
        Some(sections) if !report.has_errors() => Ok(Profile { text, sections }),
        _ => Err(report.finish()),
    }
}

/// The text of `source`, or as much of it as shows the place of a fault, with the fault's line and
/// column.
pub(crate) fn decode(source: &Source) -> (&str, Option<(Diagnostic, u32, u32)>) {
    if source.text.len() > SIZE {
        let message = format!("the profile has {} bytes; at most {SIZE} are read", source.text.len());
        return ("", Some((Diagnostic::error(message), 1, 1)));
    }
    let (text, invalid) = match std::str::from_utf8(&source.text) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = source.text.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), source.text.get(error.valid_up_to()))
        }
    };
    let fault = invalid.map(|byte| {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let line = count(text.matches('\n').count() + 1);
        let column = count(text.rsplit('\n').next().unwrap_or_default().chars().count() + 1);
        (Diagnostic::error(format!("the byte {byte:#04x} here is no UTF-8")), line, column)
    });
    (text, fault)
}

/// Checks the version of the language.
fn version(sections: &Sections, report: &mut Report) {
    match &sections.stockade {
        Some(version) if version.value.0 != 1 => {
            let diagnostic =
                Diagnostic::error(format!("version {} of the language is unknown", version.value.0))
                    .help("the only version is `stockade: 1`");
            report.push(diagnostic, &version.origin);
        }
        Some(_) => {}
        // A value that could not be read has been reported already.
        None if report.has_errors() => {}
        None => {
            let diagnostic = Diagnostic::error("the version of the language is missing")
                .help("a profile begins with `stockade: 1`");
            report.push(diagnostic, &sections.origin);
        }
    }
}
