//! The only place that writes to standard output and standard error.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use stockade_policy::diagnostic::{self, Diagnostic};

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document in the envelope `{"stockade": 1, "kind": …}`.
    Json,
}

/// The envelope that every JSON document of stockade comes in.
#[derive(Serialize)]
struct Envelope<'a, T> {
    stockade: u32,
    kind: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// Prints `body`: as text, or as JSON of the given kind. `body` serialises as an object.
pub(crate) fn result<T: Serialize>(
    format: Format,
    kind: &str,
    body: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match format {
        Format::Text => bytes(text().as_bytes()),
        Format::Json => {
            let envelope = Envelope { stockade: 1, kind, body };
            // A plan is for `run --plan`, which reads every space of it at every launch.
            let json = match kind {
                "plan" => serde_json::to_vec(&envelope),
                _ => serde_json::to_vec_pretty(&envelope),
            };
            let mut json = json.map_err(Failure::Serialise)?;
            json.push(b'\n');
            bytes(&json)
        }
    }
}

/// Prints one of many results on a line of its own: as text, or as JSON of the given kind.
pub(crate) fn line<T: Serialize>(
    format: Format,
    kind: &str,
    body: &T,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let mut line = match format {
        Format::Text => one_line(&text()).into_bytes(),
        Format::Json => {
            let envelope = Envelope { stockade: 1, kind, body };
            serde_json::to_vec(&envelope).map_err(Failure::Serialise)?
        }
    };
    line.push(b'\n');
    bytes(&line)
}

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        // A reader that has seen enough (`| head`) is no fault.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Output),
    }
}

/// Prints what stopped a command, in text whatever the format of results.
pub(crate) fn failure(failure: &Failure) {
    match failure {
        Failure::Diagnostics(found) => diagnostics(found),
        other => {
            note("error", &chain(other));
            for help in other.help() {
                note("help", &help);
            }
        }
    }
}

/// Prints findings about profiles.
pub(crate) fn diagnostics(found: &[Diagnostic]) {
    let color = colored(&std::io::stderr());
    error_text(diagnostic::render(found, color).as_str());
}

/// Prints one message of the given kind: `error`, `warning`, `help`, `note`.
pub(crate) fn note(kind: &str, message: &str) {
    let message = harmless(message);
    let line = if colored(&std::io::stderr()) {
        format!("\u{1b}[1m{kind}:\u{1b}[0m {message}\n")
    } else {
        format!("{kind}: {message}\n")
    };
    error_text(&line);
}

/// An error with everything behind it, outermost first, without saying the same twice.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        next = source.source();
    }
    text
}

/// Names come from profiles, images and roots: none of their control characters reaches the terminal.
pub(crate) fn harmless(text: &str) -> String {
    // Beside control characters those that turn the direction of writing: they make a line read as another.
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || turns(c);
    text.chars().map(|c| if bad(c) { '\u{fffd}' } else { c }).collect()
}

/// The same where a name from outside must not begin a line of its own.
pub(crate) fn one_line(text: &str) -> String {
    harmless(text).replace('\n', "\u{fffd}")
}

fn error_text(text: &str) {
    // Where standard error is gone there is nobody left to tell.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether a stream takes colours: a terminal that is not dumb, and <https://no-color.org>.
fn colored(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}

/// Rows as aligned columns, the last one free; two spaces between.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let cell = harmless(cell);
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
