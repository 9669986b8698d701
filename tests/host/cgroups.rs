//! Cgroups that a test made.

use std::fs;
use std::path::Path;

/// Removes a cgroup with those below, in every hierarchy. Runtimes take those of their containers along, but not what lies
/// above, and nothing where they failed half-way. One with processes in it stays.
pub(crate) fn remove(name: &str) {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    for top in hierarchies.map(|entry| entry.path()).chain(["/sys/fs/cgroup".into()]) {
        remove_below(&top.join(name));
    }
}

fn remove_below(at: &Path) {
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
    drop(fs::remove_dir(at));
}
