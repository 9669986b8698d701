//! The size of a tmpfs, which is limited as a whole or not at all. tmpfs(5)

use super::backend::{Backend, Charged, On};
use super::{Id, Limits, QuotaError, State, Usage};
use crate::sys::{Errno, Kernel, mount};
use rustix::fs::fstatfs;
use std::ffi::CString;
use std::fs::File;
use std::path::Path;

/// A tmpfs. Its number is not looked at: its limits are its own, and go with it.
pub(super) struct Tmpfs(On);

/// The kernel counts in pages.
const PAGE: u64 = 4096;

impl Tmpfs {
    pub(super) fn new(on: On) -> Tmpfs {
        Tmpfs(on)
    }
}

impl Backend for Tmpfs {
    fn enforced(&self) -> Result<(), QuotaError> {
        // A bind mount of a directory in one is a mount too, and its size is that of all of it.
        if self.0.at == self.0.path && self.0.root == Path::new("/") {
            return Ok(());
        }
        Err(QuotaError::NotWhole {
            path: self.0.path.clone(),
            what: "tmpfs of its own, and one is limited as a whole",
            remedy: "mount a tmpfs there: `mount -t tmpfs -o size=SIZE tmpfs DIRECTORY`",
        })
    }

    fn fitted(&self, limits: &Limits) -> Result<Limits, QuotaError> {
        if limits.soft_size.is_some() || limits.soft_files.is_some() {
            return Err(QuotaError::Lacks {
                filesystem: "tmpfs",
                lacks: "has no soft limits",
                remedy: "name a size or a number of files",
            });
        }
        if let Some(size) = limits.size.filter(|size| *size < PAGE) {
            return Err(QuotaError::Small { size, unit: PAGE });
        }
        Ok(Limits { size: limits.size.map(|size| size / PAGE * PAGE), ..*limits })
    }

    fn state(&self, _: Id) -> Result<Option<State>, QuotaError> {
        let found = fstatfs(&self.0.directory).map_err(|errno| self.0.call("look at")(errno.into()))?;
        let block = found.f_bsize.cast_unsigned();
        let some = |number: u64| (number != 0).then_some(number);
        Ok(Some(State {
            limits: Limits {
                size: some(found.f_blocks.saturating_mul(block)),
                files: some(found.f_files),
                ..Limits::NONE
            },
            usage: Usage {
                size: found.f_blocks.saturating_sub(found.f_bfree).saturating_mul(block),
                files: some(found.f_files).map(|files| files.saturating_sub(found.f_ffree)),
            },
            ..State::default()
        }))
    }

    fn limit(&self, _: Id, limits: &Limits) -> Result<(), QuotaError> {
        // Zero is no limit, for both.
        let text =
            |number: Option<u64>| CString::new(number.unwrap_or_default().to_string()).unwrap_or_default();
        let (size, files) = (text(limits.size), text(limits.files));
        match mount::reconfigure(&Kernel, self.0.fd(), &[(c"size", &size), (c"nr_inodes", &files)]) {
            Ok(()) => Ok(()),
            // It says so of each that is smaller than what is there.
            Err(Errno::EINVAL) => Err(QuotaError::NotKept {
                path: self.0.path.clone(),
                found: "it holds more already, or had no limit when it was mounted and takes none later"
                    .to_owned(),
            }),
            Err(errno) => Err(self.0.call("limit")(errno)),
        }
    }

    fn counted_for(&self, _: &File) -> Result<u32, QuotaError> {
        Ok(0)
    }

    fn holds(&self, _: &File) -> bool {
        true
    }

    fn charge(&self, _: &File, _: &Path, _: Id) -> Result<Charged, QuotaError> {
        Ok(Charged::default())
    }

    fn discharge(&self, _: &File, _: &Path, _: Id) -> Result<(), QuotaError> {
        Ok(())
    }

    fn sync(&self, _: &File, _: bool) -> Result<(), QuotaError> {
        Ok(())
    }

    fn settle(&self) -> Result<(), QuotaError> {
        Ok(())
    }

    fn ids(&self) -> Result<Vec<Id>, QuotaError> {
        Ok(Vec::new())
    }
}
