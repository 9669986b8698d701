//! What others than root can put in the place of a file.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The directory on the way to `path`, which has no links in it, in which somebody else than root, or than whoever runs
/// this, can put something else in its place. Access control lists show as the group's permissions. acl(5).
pub(super) fn replaceable(path: &Path) -> io::Result<Option<PathBuf>> {
    let ours = [0, rustix::process::geteuid().as_raw()];
    for child in path.ancestors() {
        let Some(directory) = child.parent() else { break };
        let (above, below) = (fs::symlink_metadata(directory)?, fs::symlink_metadata(child)?);
        let shared = above.mode() & 0o022 != 0;
        // In a sticky directory nobody renames what is somebody else's.
        let sticky = above.mode() & 0o1000 != 0 && ours.contains(&below.uid());
        if !ours.contains(&above.uid()) || shared && !sticky {
            return Ok(Some(directory.to_owned()));
        }
    }
    Ok(None)
}
