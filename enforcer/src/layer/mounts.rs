//! The private root and what is mounted into it.
//!
//! The root is a detached copy of a tree, attached on top of the old root. Everything inside of it is reached
//! from its descriptor alone, with `RESOLVE_IN_ROOT` and, for what is mounted on, without any symbolic link:
//! nothing that is planted in it can lead anywhere else. The old root stays in view until all is in place (the
//! kernel lets a user namespace mount a procfs only while it can see another one, and devices are bound from
//! it), and is then detached with everything that was below it.

mod devices;
mod entries;
mod hidden;

use super::{Done, On, absolute};
use crate::launch::LaunchError;
use crate::sys::file::{self, CWD, Slot, Walk, open_place};
use crate::sys::mount::{NO_DEV, NO_SUID, READ_ONLY};
use crate::sys::{Errno, Sys, mount};
use devices::Devices;
use entries::{Entries, Place};
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use stockade_policy::plan::Plan;
use stockade_policy::policy::ProcView;

/// mount(2) flags of what nobody starts programs from.
const DATA_ONLY: u64 = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;

/// What the mount steps do.
pub(crate) struct Part {
    root: CString,
    tree: Slot,
    /// `MOUNT_ATTR_*` of everything in the root.
    attributes: u64,
    proc: ProcView,
    devices: Option<Devices>,
    /// Options of the private /tmp.
    tmp: Option<CString>,
    entries: Entries,
}

impl Part {
    /// Makes paths and options ready.
    pub(crate) fn prepare(plan: &Plan) -> Result<Part, LaunchError> {
        let mounts = &plan.mounts;
        // Without no_new_privs the profile wants programs of the root to gain privileges; a root with its own
        // /dev needs its devices.
        let attributes = if mounts.read_only { READ_ONLY } else { 0 }
            | if plan.process.no_new_privileges { NO_SUID } else { 0 }
            | if mounts.devices.is_some() { NO_DEV } else { 0 };
        let place = |at, writable| Place { at, writable };
        let ours = [
            Some(place("/proc", false)),
            mounts.devices.as_ref().map(|_| place("/dev", false)),
            mounts.tmp.map(|_| place("/tmp", true)),
        ];
        Ok(Part {
            root: absolute("plan.mounts.root", &mounts.root)?,
            tree: Slot::closed(),
            attributes,
            proc: mounts.proc,
            devices: mounts.devices.as_ref().map(Devices::prepare).transpose()?,
            tmp: mounts.tmp.map(tmp_options),
            entries: Entries::prepare(&mounts.entries, ours.into_iter().flatten(), attributes)?,
        })
    }

    /// The root, once its tree is open.
    pub(crate) fn root(&self) -> RawFd {
        self.tree.get()
    }

    /// Opens copies of the root and of what is bound into it, unless that is done. A launcher with
    /// `CAP_SYS_ADMIN` does it, since inside its user namespace the child has no right over the host's files; without,
    /// the child does, whose namespace owns its copy of the mounts.
    pub(crate) fn open_sources(&self, sys: &dyn Sys) -> Done<'_> {
        if self.tree.is_open() {
            return Ok(());
        }
        let tree = mount::clone_tree(sys, CWD, &self.root).on(&self.root)?;
        // Or what is mounted inside would appear on the host.
        mount::restrict(sys, tree, 0, true, true).on(&self.root)?;
        self.entries.open_sources(sys)?;
        self.tree.set(tree);
        Ok(())
    }

    /// What is open, by number.
    pub(crate) fn opened(&self) -> Vec<RawFd> {
        self.slots().filter(|slot| slot.is_open()).map(Slot::get).collect()
    }

    /// As if nothing had been opened; what was, by number.
    pub(crate) fn forget_sources(&self) -> Vec<RawFd> {
        self.slots().filter_map(Slot::take).collect()
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        std::iter::once(&self.tree).chain(self.entries.slots())
    }

    /// Makes the tree part of the namespace.
    pub(crate) fn attach_root(&self, sys: &dyn Sys) -> Done<'_> {
        mount::attach(sys, self.tree.get(), CWD, c"/").on(&self.root)
    }

    /// Makes the tree the root.
    pub(crate) fn enter_root(&self, sys: &dyn Sys) -> Done<'_> {
        file::enter(sys, self.tree.get()).on(&self.root)?;
        mount::pivot(sys).on(&self.root)
    }

    /// Copies what stays writable, before the tree around it no longer is.
    pub(crate) fn clone_entries(&self, sys: &dyn Sys) -> Done<'_> {
        self.entries.clone_early(sys, self.root())
    }

    /// Takes rights from the whole tree, in one call.
    pub(crate) fn seal(&self, sys: &dyn Sys) -> Done<'_> {
        if self.attributes == 0 {
            return Ok(());
        }
        mount::restrict(sys, self.root(), self.attributes, false, true).on(c"/")
    }

    /// Mounts /proc, or covers it.
    pub(crate) fn mount_proc(&self, sys: &dyn Sys) -> Done<'_> {
        const PATH: &CStr = c"/proc";
        let options = match self.proc {
            ProcView::Minimal => c"hidepid=4,subset=pid",
            ProcView::Hidden => c"hidepid=4",
            ProcView::Full => c"",
            ProcView::None => {
                return match self.enter(sys, PATH) {
                    // Nothing is there to be covered.
                    Err(Errno::ENOENT) => Ok(()),
                    Err(errno) => Err(errno).on(PATH),
                    Ok(_) => {
                        let flags = DATA_ONLY | libc::MS_RDONLY;
                        mount::mount(sys, c"tmpfs", c".", flags, c"mode=555,size=4k,nr_inodes=1").on(PATH)
                    }
                };
            }
        };
        self.enter(sys, PATH).on(PATH)?;
        mount::mount(sys, c"proc", c".", DATA_ONLY, options).on(PATH)
    }

    /// Mounts /dev.
    pub(crate) fn mount_devices(&self, sys: &dyn Sys) -> Done<'_> {
        let Some(devices) = &self.devices else { return Ok(()) };
        const PATH: &CStr = c"/dev";
        self.enter(sys, PATH).on(PATH)?;
        mount::mount(sys, c"tmpfs", c".", DATA_ONLY, c"mode=755,size=64k,nr_inodes=256").on(PATH)?;
        // The current directory is still the one below.
        let top = self.enter(sys, PATH).on(PATH)?;
        devices.fill(sys)?;
        mount::restrict(sys, top, READ_ONLY, false, false).on(PATH)
    }

    /// Mounts the private /tmp.
    pub(crate) fn mount_tmp(&self, sys: &dyn Sys) -> Done<'_> {
        let Some(options) = &self.tmp else { return Ok(()) };
        const PATH: &CStr = c"/tmp";
        self.enter(sys, PATH).on(PATH)?;
        mount::mount(sys, c"tmpfs", c".", DATA_ONLY, options).on(PATH)
    }

    /// Mounts the entries, in order.
    pub(crate) fn mount_entries(&self, sys: &dyn Sys) -> Done<'_> {
        self.entries.mount(sys, self.root())
    }

    /// Lets go of the host's tree.
    pub(crate) fn leave_old_root(&self, sys: &dyn Sys) -> Done<'_> {
        mount::detach(sys).on(c"old root")?;
        file::root_is_bare(sys).on(c"old root")
    }

    /// Goes to a directory of the root that is no link and behind none.
    fn enter(&self, sys: &dyn Sys, path: &CStr) -> Result<RawFd, Errno> {
        let place = open_place(sys, self.root(), path, Walk::NoLinks, true)?;
        file::enter(sys, place)?;
        Ok(place)
    }
}

/// Bytes, and as many inodes as files of a page would fill; tmpfs rounds the size up to pages.
fn tmp_options(bytes: u64) -> CString {
    const PAGE: u64 = 4096;
    let inodes = bytes.div_ceil(PAGE).clamp(16, u64::from(u32::MAX));
    let size = bytes.min(i64::MAX.unsigned_abs());
    CString::new(format!("mode=1777,size={size},nr_inodes={inodes}")).unwrap_or_default()
}
