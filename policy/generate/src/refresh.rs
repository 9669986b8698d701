//! `--refresh`: reads what differs between machines (headers, tracefs, manual pages) into `policy/data`.

use crate::error::Error;
use crate::places;
use std::process::{Command, Output};

mod constants;
mod headers;
mod manual;
mod numbers;
mod prototypes;
mod raw_sys;
mod signatures;
mod systemd;
mod tracefs;

/// Rewrites every table that is read from elsewhere.
pub(crate) fn run() -> Result<(), Error> {
    let raw_sys = raw_sys::RawSys::find()?;
    places::write(&places::data("syscall-numbers.tsv"), &numbers::table(&raw_sys)?)?;
    let signatures = signatures::collect()?;
    places::write(&places::data("syscall-parameters.tsv"), &signatures::table(&signatures))?;
    places::write(&places::data("parameter-aliases.tsv"), &manual::table(&signatures)?)?;
    places::write(&places::data("systemd-sets.tsv"), &systemd::table()?)?;
    places::write(&places::data("constants.tsv"), &constants::table(&raw_sys)?)
}

/// A scratch folder that goes away with its last use.
fn scratch() -> Result<tempfile::TempDir, Error> {
    tempfile::tempdir().map_err(|source| Error::Write { path: std::env::temp_dir(), source })
}

/// Runs a program to its end; whatever it exits with, its output.
fn output(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| Error::Command {
        command: command.get_program().to_string_lossy().into_owned(),
        problem: source.to_string(),
    })
}

/// The standard output of a program that must succeed.
fn stdout(command: &mut Command) -> Result<String, Error> {
    let done = output(command)?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    Err(Error::Command {
        command: format!("{command:?}"),
        problem: String::from_utf8_lossy(&done.stderr).into_owned(),
    })
}
