//! Cgroups that a test made.

use std::fs;
use std::path::{Path, PathBuf};

/// Removes a cgroup with those below, in every hierarchy. Runtimes take those of their containers along, but not what lies
/// above, and nothing where they failed half-way. One with processes in it stays: whether none is left.
pub(crate) fn remove(name: &str) -> bool {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let tops = hierarchies.map(|entry| entry.path()).chain(["/sys/fs/cgroup".into()]);
    let places: Vec<PathBuf> = tops.map(|top| top.join(name)).collect();
    places.iter().for_each(|place| remove_below(place));
    !places.iter().any(|place| place.exists())
}

fn remove_below(at: &Path) {
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
        }
    }
    drop(fs::remove_dir(at));
}
