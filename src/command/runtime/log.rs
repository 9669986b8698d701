//! What the engine is told, in the manner of runc: one line in the file that `--log` names, and on standard error.

use super::RuntimeError;
use super::arguments::Invocation;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use stockade_policy::diagnostic::render as diagnostics;
use stockade_policy::oci::{Cut, OciError};

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
pub(super) fn refusal(path: &PathBuf, id: &str, error: &OciError) -> Result<(), RuntimeError> {
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
pub(super) fn time() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The day that lies a number of days behind 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 1 March of the year 0, so that the day that some years have more is the last of a year; 400 years
    // have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, (1970, 1, 1)),
            (59, (1970, 3, 1)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_723, (2024, 1, 1)),
            (20_783, (2026, 11, 26)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
    }
}
