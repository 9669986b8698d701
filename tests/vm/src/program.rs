//! A program of the host, and what it must have beside it to run elsewhere.

use crate::run::GuestError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a program: itself and its libraries, at their paths on the host.
pub(crate) fn files(program: &Path) -> Result<Vec<PathBuf>, GuestError> {
    let path = find(program).ok_or_else(|| GuestError::NoProgram(program.display().to_string()))?;
    // ldd(1) fails for a program that is linked to nothing.
    let output = Command::new("ldd").arg(&path).output();
    let output = output.map_err(|source| GuestError::Program { program: "ldd".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let libraries = text.lines().filter_map(|line| {
        // `libc.so.6 => /lib/libc.so.6 (0x…)`, or the loader alone: `/lib64/ld-linux-x86-64.so.2 (0x…)`.
        let place = line.split_once("=> ").map_or(line, |(_, place)| place).trim();
        let place = place.split_once(" (").map(|(place, _)| place)?;
        place.starts_with('/').then(|| PathBuf::from(place))
    });
    Ok([path.clone()].into_iter().chain(libraries).collect())
}

/// Copies a program without what only a debugger reads. strip(1)
pub(crate) fn strip(program: &Path, copy: &Path) -> Result<(), GuestError> {
    let name = || "strip".to_owned();
    let output = Command::new(find(Path::new("strip")).ok_or_else(|| GuestError::NoProgram(name()))?)
        .args(["--strip-debug", "-o"])
        .args([copy, program])
        .output()
        .map_err(|source| GuestError::Program { program: name(), source })?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(GuestError::Failed { program: name(), status: output.status, why })
}

/// The path of a program: as it is, or by PATH and the directories of the administrator.
pub(crate) fn find(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.exists().then(|| program.to_owned());
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let places = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"]);
    places.map(|place| Path::new(place).join(program)).find(|path| path.exists())
}
