//! Scratch directories of the host.

use std::fs;
use std::io;
use std::path::Path;
use tempfile::TempDir;

/// What their names begin with. The number of the process that owns one follows.
const PREFIX: &str = "stockade-test-guest-";

/// One that is gone with this value. What processes left that were killed is removed before.
pub(crate) fn directory() -> io::Result<TempDir> {
    let above = std::env::temp_dir();
    collect(&above)?;
    tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir_in(above)
}

/// Removes those whose process is gone.
fn collect(above: &Path) -> io::Result<()> {
    for entry in fs::read_dir(above)?.flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-')?.0.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            // Another process may remove it at the same time, and another user's stays.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_nothing_else() {
        let above = tempfile::tempdir().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        let dead = format!("{PREFIX}{}-abc", gone.id());
        gone.wait().unwrap();
        let alive = format!("{PREFIX}{}-abc", std::process::id());
        let others = ["stockade-test-guest-", "stockade-test-guest-x-y", "stockade-test-x"];
        for name in [dead.as_str(), &alive].into_iter().chain(others) {
            fs::create_dir_all(above.path().join(name).join("in")).unwrap();
        }
        collect(above.path()).unwrap();
        assert!(!above.path().join(&dead).exists());
        for name in [alive.as_str()].into_iter().chain(others) {
            assert!(above.path().join(name).exists(), "{name}");
        }
    }
}
