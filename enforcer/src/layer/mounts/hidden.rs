//! What hidden paths are covered with.

use crate::launch::LaunchError;
use crate::layer::c_string;
use crate::sys::file::{self, CWD, Slot, Walk, open_place};
use crate::sys::mount::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};
use crate::sys::{Errno, Sys};
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;

/// The file in the shared cover that covers files.
pub(super) const FILE: &CStr = c"f";

const ATTRIBUTES: u64 = NO_SUID | NO_DEV | NO_EXEC;

/// The cover of every path that hides all below it, made once one of them is there: a tmpfs with one file, neither
/// readable. It is attached on top of the root, which is reached from its descriptor alone: only what is attached can
/// be copied.
pub(super) fn make_shared(sys: &dyn Sys) -> Result<RawFd, Errno> {
    let cover = mount::detached_tmpfs(sys, ATTRIBUTES, c"0")?;
    file::make_file(sys, cover, FILE, 0)?;
    mount::restrict(sys, cover, READ_ONLY, true, false)?;
    mount::attach(sys, cover, CWD, c"/")?;
    Ok(cover)
}

/// What a hidden path has below it all the same: places to mount on, in a cover of its own that can be
/// walked and not listed.
#[derive(Default)]
pub(super) struct Islands {
    /// Directories on the way, the outer ones first.
    parents: Vec<CString>,
    /// Each place, below the hidden path, with its number among the entries.
    places: Vec<(CString, usize)>,
}

impl Islands {
    /// Of the hidden path `at`: the entries below it that no other entry (by its path) lies around.
    pub(super) fn of(at: &str, entries: &[&str]) -> Result<Islands, LaunchError> {
        let below =
            |path: &&str, ancestor: &str| super::entries::is_below(path, ancestor) && *path != ancestor;
        let inside: Vec<(usize, &str)> =
            entries.iter().copied().enumerate().filter(|(_, path)| below(path, at)).collect();
        let outermost =
            inside.iter().filter(|(_, path)| !inside.iter().any(|(_, around)| below(path, around)));
        let (mut parents, mut places) = (BTreeSet::new(), Vec::new());
        for (number, path) in outermost {
            let path = path.strip_prefix(at).unwrap_or_default().trim_start_matches('/');
            parents.extend(path.match_indices('/').map(|(slash, _)| &path[..slash]));
            places.push((c_string("plan.mounts.entries", path)?, *number));
        }
        let parents = parents.into_iter().map(|parent| c_string("plan.mounts.entries", parent));
        Ok(Islands { parents: parents.collect::<Result<_, _>>()?, places })
    }

    /// A cover with these places, detached; `None` where there is nothing to be mounted on them. `tree`: the
    /// copy that an entry's number stands for.
    pub(super) fn cover<'a>(
        &self,
        sys: &dyn Sys,
        tree: impl Fn(usize) -> Option<&'a Slot>,
    ) -> Result<Option<RawFd>, Errno> {
        let there = || self.places.iter().filter_map(|(path, number)| Some((path, tree(*number)?)));
        if there().next().is_none() {
            return Ok(None);
        }
        // The launcher's own would make them impassable; the target's is set after all that creates.
        file::umask(sys, 0)?;
        let cover = mount::detached_tmpfs(sys, ATTRIBUTES, c"111")?;
        for parent in &self.parents {
            file::make_directory(sys, cover, parent, 0o111)?;
        }
        for (path, tree) in there() {
            match open_place(sys, tree.get(), c".", Walk::NoLinks, true) {
                Ok(directory) => {
                    file::close(sys, directory)?;
                    file::make_directory(sys, cover, path, 0)?;
                }
                Err(Errno::ENOTDIR) => file::make_file(sys, cover, path, 0)?,
                Err(errno) => return Err(errno),
            }
        }
        mount::restrict(sys, cover, READ_ONLY, true, false)?;
        Ok(Some(cover))
    }
}
