//! The engine's own opinion of a new file, before it counts.

use super::{Check, InstallError};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long an engine may think.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is read of its complaint, bytes.
const LONGEST: u64 = 4096;

/// Asks the engine about `half`, which is to become `path`. The command that was asked, or `None` where the engine
/// is not installed or does not know it.
pub(super) fn check(check: &Check, half: &Path, path: &Path) -> Result<Option<String>, InstallError> {
    if !has(check.program, check.option) {
        return Ok(None);
    }
    let mut command = Command::new(check.program);
    for argument in check.arguments {
        if *argument == "FILE" {
            command.arg(half)
        } else {
            command.arg(argument)
        };
    }
    let shown = format!("{} {}", check.program, check.arguments.join(" "));
    match outcome(command) {
        Ok(()) => Ok(Some(shown)),
        Err(text) => Err(InstallError::Refused { path: path.to_owned(), command: shown, text }),
    }
}

/// Whether a program is there and knows an option.
fn has(program: &str, option: &str) -> bool {
    let output = Command::new(program).arg("--help").stdin(Stdio::null()).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(option))
}

fn outcome(mut command: Command) -> Result<(), String> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| error.to_string())?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if begun.elapsed() > PATIENCE => {
                // It is gone, or about to be.
                let _ = child.kill();
                let _ = child.wait();
                return Err("it does not come to an end".to_owned());
            }
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut text = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What cannot be read is not shown.
        let _ = stderr.take(LONGEST).read_to_string(&mut text);
    }
    Err(text.trim().to_owned())
}
