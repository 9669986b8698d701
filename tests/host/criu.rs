//! A criu that works on this kernel.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory that has it as `criu`: Debian's newest, which `scripts/criu` fetches.
pub(crate) fn directory() -> Result<PathBuf, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/criu");
    let fetched = Command::new(script).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&fetched.stderr);
    match fetched.status.code() {
        Some(0) => {}
        // It cannot be reached from here.
        Some(3) => return Err(format!("no criu can be had: {}", said.trim())),
        code => panic!("scripts/criu: {code:?}: {said}"),
    }
    let directory = PathBuf::from(String::from_utf8_lossy(&fetched.stdout).trim());
    let checked = Command::new(directory.join("criu")).arg("check").output();
    if checked.is_ok_and(|checked| checked.status.success()) {
        return Ok(directory);
    }
    Err("`criu check`: it does not work on this kernel".to_owned())
}
