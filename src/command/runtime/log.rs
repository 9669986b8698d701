//! What the engine is told, in the manner of runc: one line in the file that `--log` names, and on standard error.

use super::RuntimeError;
use super::arguments::Invocation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use serde_json::json;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use stockade_policy::diagnostic::render as diagnostics;
use stockade_policy::oci::Cut;

/// Says why the inner runtime was not started.
pub(super) fn refused(invocation: &Invocation, error: &RuntimeError) -> Exit {
    let message = render::harmless(&format!("stockade: {error}"));
    if let Some(path) = invocation.global("log") {
        let json = invocation.global("log-format").is_some_and(|format| format == "json");
        let time = time();
        let line = if json {
            format!("{}\n", json!({"level": "error", "msg": message, "time": time}))
        } else {
            format!("time=\"{time}\" level=error msg={message:?}\n")
        };
        let file = OpenOptions::new().create(true).append(true).open(Path::new(path));
        // Where the log cannot be written there is standard error.
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
    render::note("error", &message);
    Exit::LAUNCH
}

/// One line of the log for each cut.
pub(super) fn cuts(path: &PathBuf, id: &str, observed: bool, cuts: &[Cut]) -> Result<(), RuntimeError> {
    let line = |cut: &Cut| {
        let by: Vec<String> = cut.origins.iter().map(ToString::to_string).collect();
        let kind = if observed { "would cut" } else { "cut" };
        json!({"time": time(), "container": id, "kind": kind, "field": cut.field, "change": cut.change, "by": by})
    };
    append(path, cuts.iter().map(line))
}

/// One line for what would not have started.
pub(super) fn refusal(path: &PathBuf, id: &str, error: &impl Display) -> Result<(), RuntimeError> {
    let line = json!({"time": time(), "container": id, "kind": "would refuse", "why": error.to_string()});
    append(path, [line].into_iter())
}

fn append(path: &PathBuf, lines: impl Iterator<Item = serde_json::Value>) -> Result<(), RuntimeError> {
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    if text.is_empty() {
        return Ok(());
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    // In one call, so that the lines of two containers do not mix.
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| RuntimeError::Log { path: path.clone(), source })
}

/// A failure of a profile with everything that was found.
pub(super) fn whole(failure: &Failure) -> String {
    match failure {
        Failure::Diagnostics(found) => format!("the profile is refused:\n{}", diagnostics(found, false)),
        Failure::Floor { source, .. } => format!("{failure}: {source}"),
        other => other.to_string(),
    }
}

/// The time as RFC 3339 has it, in UTC.
fn time() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}
