//! Quota groups of btrfs. A subvolume is a member of a group of ours on level 1, and the group is limited.
//!
//! With simple quotas (6.7) a subvolume that is made in a member becomes one too; with full ones it is counted by
//! itself, so that whoever is limited must not make any.

use super::backend::{Backend, Charged, On};
use super::{IDS, Id, Limits, QuotaError, State, Usage, place};
use crate::sys::{Errno, Kernel, btrfs};
use rustix::fs::fstat;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// A btrfs.
pub(super) struct Btrfs {
    on: On,
    /// Where the kernel shows its groups. Documentation/ABI/testing/sysfs-fs-btrfs, 5.9
    groups: PathBuf,
}

impl Btrfs {
    pub(super) fn new(mut on: On) -> Btrfs {
        // A change through a full subvolume would be refused for being full.
        let top = place::open(&on.at).ok().filter(|top| place::is_on(top, on.uuid.as_deref()));
        on.directory = top.unwrap_or(on.directory);
        let uuid = on.uuid.as_deref().map(hyphenated).unwrap_or_default();
        Btrfs { on, groups: Path::new("/sys/fs/btrfs").join(uuid).join("qgroups") }
    }

    fn group(id: Id) -> u64 {
        btrfs::group(1, u64::from(id.0))
    }

    /// What a file of a group says, as a number.
    fn shown(&self, group: &Path, name: &str) -> Result<u64, QuotaError> {
        let path = group.join(name);
        let read = fs::read_to_string(&path).map_err(QuotaError::shown(&path))?;
        read.trim().parse().map_err(|_| QuotaError::NotKept {
            path: self.on.path.clone(),
            found: format!("{} says `{}`", path.display(), read.trim().escape_default()),
        })
    }

    /// The group of the subvolume that a directory is, and those of all that stand in it.
    fn members(&self, directory: &File) -> Result<Vec<u64>, QuotaError> {
        let fd = directory.as_raw_fd();
        let mut waiting = vec![btrfs::subvolume(&Kernel, fd).map_err(self.on.call("name the subvolume of"))?];
        let mut members = Vec::new();
        while let Some(subvolume) = waiting.pop() {
            let below = btrfs::subvolumes_in(&Kernel, fd, subvolume);
            waiting.extend(below.map_err(self.on.call("list the subvolumes of"))?);
            members.push(btrfs::group(0, subvolume));
        }
        Ok(members)
    }

    /// Counts groups in the group of a number too, or no more.
    fn assign(&self, members: &[u64], id: Id, counted: bool) -> Result<(), QuotaError> {
        let mut anew = false;
        for member in members {
            match btrfs::assign(&Kernel, self.on.fd(), *member, Btrfs::group(id), counted) {
                Ok(asks) => anew |= asks,
                Err(Errno::EEXIST) if counted => {}
                Err(Errno::ENOENT) if !counted => {}
                Err(errno) => return Err(self.on.call("count")(errno)),
            }
        }
        // What shares extents with others cannot be added or taken away by itself.
        if anew {
            btrfs::rescan(&Kernel, self.on.fd()).map_err(self.on.call("count anew"))?;
        }
        Ok(())
    }
}

impl Backend for Btrfs {
    fn enforced(&self) -> Result<(), QuotaError> {
        if !self.groups.exists() {
            let at = self.on.at.display();
            return Err(self.on.not_enforced(format!(
                "`btrfs quota enable --simple {at}`, before 6.7 `btrfs quota enable {at}`"
            )));
        }
        // While everything is counted anew, nothing counts.
        btrfs::wait_for_rescan(&Kernel, self.on.fd())
            .map_err(self.on.call("wait until all is counted of"))?;
        if self.shown(&self.groups, "inconsistent")? != 0 {
            let at = self.on.at.display();
            return Err(self.on.not_enforced(format!("count anew: `btrfs quota rescan -w {at}`")));
        }
        Ok(())
    }

    fn fitted(&self, limits: &Limits) -> Result<Limits, QuotaError> {
        if limits.files.is_some() || limits.soft_files.is_some() || limits.soft_size.is_some() {
            return Err(QuotaError::Lacks {
                filesystem: "btrfs",
                lacks: "counts no files and has no soft limits",
                remedy: "name a size alone",
            });
        }
        Ok(*limits)
    }

    fn state(&self, id: Id) -> Result<Option<State>, QuotaError> {
        let group = self.groups.join(format!("1_{id}"));
        if !group.exists() {
            return Ok(None);
        }
        // Without the flag for the largest, the number beside it is none.
        let limited = self.shown(&group, "limit_flags")? & 1 != 0;
        let size = if limited { Some(self.shown(&group, "max_referenced")?) } else { None };
        Ok(Some(State {
            limits: Limits { size, ..Limits::NONE },
            usage: Usage { size: self.shown(&group, "referenced")?, files: None },
            ..State::default()
        }))
    }

    fn limit(&self, id: Id, limits: &Limits) -> Result<(), QuotaError> {
        let (fd, group) = (self.on.fd(), Btrfs::group(id));
        if *limits == Limits::NONE {
            let related = match btrfs::related(&Kernel, fd, group) {
                Ok(related) => related,
                Err(Errno::ENOENT) => return Ok(()),
                Err(errno) => return Err(self.on.call("list the quota groups of")(errno)),
            };
            // What is left of subvolumes that are gone.
            self.assign(&related, id, false)?;
            return match btrfs::remove(&Kernel, fd, group) {
                Ok(()) | Err(Errno::ENOENT) => Ok(()),
                Err(errno) => Err(self.on.call("remove a quota group of")(errno)),
            };
        }
        match btrfs::create(&Kernel, fd, group) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(errno) => return Err(self.on.call("make a quota group of")(errno)),
        }
        btrfs::limit(&Kernel, fd, group, limits.size).map_err(self.on.call("limit"))
    }

    fn counted_for(&self, directory: &File) -> Result<u32, QuotaError> {
        let inode = fstat(directory).map_err(|errno| self.on.call("look at")(errno.into()))?.st_ino;
        if inode != btrfs::SUBVOLUME_ROOT {
            return Err(QuotaError::NotWhole {
                path: self.on.path.clone(),
                what: "subvolume, and btrfs limits those alone",
                remedy: "make it one: `btrfs subvolume create DIRECTORY`",
            });
        }
        let fd = directory.as_raw_fd();
        let subvolume = btrfs::subvolume(&Kernel, fd).map_err(self.on.call("name the subvolume of"))?;
        let above = btrfs::related(&Kernel, fd, btrfs::group(0, subvolume));
        let above = above.map_err(self.on.call("list the quota groups of"))?;
        // Groups of others may have it as a member too: each counts by itself.
        let ours = |group: &u64| u32::try_from(group.checked_sub(btrfs::group(1, 0))?).ok();
        Ok(above.iter().filter_map(ours).find(|number| IDS.contains(number)).unwrap_or_default())
    }

    fn holds(&self, directory: &File) -> bool {
        place::is_on(directory, self.on.uuid.as_deref())
    }

    fn caveat(&self) -> Option<&'static str> {
        // The file came with simple quotas, 6.7.
        let mode = fs::read_to_string(self.groups.join("mode")).unwrap_or_default();
        (mode.trim() != "squota").then_some(
            "whoever may make subvolumes there leaves the quota: full quota groups count each by itself, simple ones \
             (`btrfs quota enable --simple`, 6.7) do not",
        )
    }

    fn charge(&self, directory: &File, _: &Path, id: Id) -> Result<Charged, QuotaError> {
        self.assign(&self.members(directory)?, id, true)?;
        Ok(Charged::default())
    }

    fn discharge(&self, directory: &File, _: &Path, id: Id) -> Result<(), QuotaError> {
        self.assign(&self.members(directory)?, id, false)
    }

    fn sync(&self, _: &File, _: bool) -> Result<(), QuotaError> {
        // Groups are in no log of a single file: the whole transaction has to be on the disk.
        btrfs::commit(&Kernel, self.on.fd()).map_err(self.on.call("sync"))
    }

    fn settle(&self) -> Result<(), QuotaError> {
        btrfs::commit(&Kernel, self.on.fd()).map_err(self.on.call("sync"))
    }

    fn ids(&self) -> Result<Vec<Id>, QuotaError> {
        let entries = match fs::read_dir(&self.groups) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(QuotaError::shown(&self.groups)(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(QuotaError::shown(&self.groups))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("1_")?.parse().ok());
            ids.extend(number.filter(|number| IDS.contains(number)).map(Id));
        }
        ids.sort_unstable();
        Ok(ids)
    }
}

/// As the kernel writes it.
fn hyphenated(uuid: &str) -> String {
    let mut text = String::with_capacity(36);
    for (index, digit) in uuid.chars().enumerate() {
        if [8, 12, 16, 20].contains(&index) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_written_as_the_kernel_does() {
        assert_eq!(hyphenated("0123456789abcdef0123456789abcdef"), "01234567-89ab-cdef-0123-456789abcdef");
    }
}
