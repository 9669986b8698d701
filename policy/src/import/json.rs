//! JSON text → the tree that profiles are read from, in which every value has its place.

use crate::diagnostic::{Diagnostic, Text};
use crate::lookup::Source;
use crate::parse::decode;
use crate::parse::report::Report;
use crate::parse::tree::{self, Node};
use serde::de::IgnoredAny;
use std::sync::Arc;

/// The tree of `source` with a report to say more in; `None` where the report says why there is none.
pub(super) fn read(source: &Source) -> Result<(Report, Option<Node>), Vec<Diagnostic>> {
    let (text, fault) = decode(source);
    let mut report = Report::new(Arc::new(Text::new(Arc::clone(&source.file), text)));
    if let Some((diagnostic, line, column)) = fault {
        let origin = report.origin(line, column);
        report.push(diagnostic, &origin);
        return Err(report.finish());
    }
    // YAML would take more than JSON: what Docker and runc refuse is refused here.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let origin = report.origin(clamp(error.line().max(1)), clamp(error.column().max(1)));
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        let diagnostic = Diagnostic::error(format!("this is no JSON: {message}"));
        let diagnostic = if error.is_eof() { diagnostic.help("the file ends too early") } else { diagnostic };
        report.push(diagnostic, &origin);
        return Err(report.finish());
    }
    // In JSON a tab is white space and stands in no text; YAML takes it only at some places.
    let node = tree::tree(&text.replace('\t', " "), &mut report);
    Ok((report, node))
}
