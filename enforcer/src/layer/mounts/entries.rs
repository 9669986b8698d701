//! Paths of the root that are hidden, writable, read-only again, or bound from the host.

use super::hidden::{self, Islands};
use crate::launch::LaunchError;
use crate::layer::{Done, Failure, On, absolute};
use crate::sys::file::{CWD, Slot, Walk, open_place};
use crate::sys::mount::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};
use crate::sys::{Errno, Sys};
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use stockade_policy::plan::{MountEntry, MountKind};

/// The entries, in order.
pub(super) struct Entries {
    all: Vec<Entry>,
    /// What hidden paths are covered with.
    cover: Slot,
}

struct Entry {
    at: CString,
    kind: Kind,
    /// Whether the program could make the path, where it is missing: then it must not be.
    creatable: bool,
    tree: Slot,
}

/// Somewhere that is mounted, and whether the program can write there.
pub(super) struct Place<'a> {
    pub(super) at: &'a str,
    pub(super) writable: bool,
}

enum Kind {
    Hide(Islands),
    /// A part of the root on itself, with other attributes. `late`: it lies in something that is mounted by then,
    /// so its copy is taken only when its turn comes.
    Again {
        attributes: u64,
        late: bool,
    },
    Bind {
        from: CString,
        attributes: u64,
    },
}

impl Entries {
    /// `ours`: where the launcher itself mounts. `root`: attributes of the root.
    pub(super) fn prepare<'a>(
        entries: &'a [MountEntry],
        ours: impl Iterator<Item = Place<'a>>,
        root: u64,
    ) -> Result<Entries, LaunchError> {
        let mut mounted: Vec<&str> = Vec::new();
        let mut places = vec![Place { at: "/", writable: root & READ_ONLY == 0 }];
        for place in ours {
            mounted.push(place.at);
            places.push(place);
        }
        let paths: Vec<&str> = entries.iter().map(|entry| entry.at.as_str()).collect();
        let mut all = Vec::with_capacity(entries.len());
        for entry in entries {
            let at = absolute("plan.mounts.entries", &entry.at)?;
            let late = mounted.iter().any(|path| is_below(&entry.at, path));
            let around = places.iter().filter(|place| is_below(&entry.at, place.at));
            let creatable = around.max_by_key(|place| place.at.len()).is_some_and(|place| place.writable);
            let writable = match &entry.what {
                MountKind::Hide | MountKind::ReadOnly { .. } => false,
                MountKind::Writable { .. } => true,
                MountKind::Bind { write, .. } => *write,
            };
            places.push(Place { at: &entry.at, writable });
            let kind = match &entry.what {
                MountKind::Hide => Kind::Hide(Islands::of(&entry.at, &paths)?),
                MountKind::Writable { exec } => {
                    Kind::Again { attributes: NO_SUID | NO_DEV | unless(*exec, NO_EXEC), late }
                }
                MountKind::ReadOnly { exec } => {
                    Kind::Again { attributes: root | READ_ONLY | unless(*exec, NO_EXEC), late }
                }
                MountKind::Bind { from, write, exec, suid, dev } => {
                    mounted.push(&entry.at);
                    let attributes = unless(*write, READ_ONLY)
                        | unless(*exec, NO_EXEC)
                        | unless(*suid, NO_SUID)
                        | unless(*dev, NO_DEV);
                    Kind::Bind { from: absolute("plan.mounts.entries.from", from)?, attributes }
                }
            };
            all.push(Entry { at, kind, creatable, tree: Slot::closed() });
        }
        Ok(Entries { all, cover: Slot::closed() })
    }

    /// What may be open.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        std::iter::once(&self.cover).chain(self.all.iter().map(|entry| &entry.tree))
    }

    /// Opens what is bound from the host, with all its attributes set before it is anywhere.
    pub(super) fn open_sources(&self, sys: &dyn Sys) -> Done<'_> {
        for entry in &self.all {
            if let Kind::Bind { from, attributes } = &entry.kind {
                let tree = mount::clone_tree(sys, CWD, from).on(from)?;
                mount::restrict(sys, tree, *attributes, true, true).on(from)?;
                entry.tree.set(tree);
            }
        }
        Ok(())
    }

    /// Copies parts of the root as they are now.
    pub(super) fn clone_early(&self, sys: &dyn Sys, root: RawFd) -> Done<'_> {
        for entry in &self.all {
            if let Kind::Again { late: false, .. } = entry.kind {
                entry.clone_now(sys, root)?;
            }
        }
        Ok(())
    }

    /// Copies what stays in view below a path that is hidden next.
    fn clone_below<'a>(&'a self, sys: &dyn Sys, root: RawFd, hidden: &Entry) -> Done<'a> {
        for entry in &self.all {
            if let Kind::Again { late: true, .. } = entry.kind
                && !entry.tree.is_open()
                && is_strictly_below(&entry.at, &hidden.at)
            {
                entry.clone_now(sys, root)?;
            }
        }
        Ok(())
    }

    /// Mounts all in their places.
    pub(super) fn mount(&self, sys: &dyn Sys, root: RawFd) -> Done<'_> {
        for entry in &self.all {
            match &entry.kind {
                Kind::Hide(islands) => {
                    self.clone_below(sys, root, entry)?;
                    let tree = |number: usize| {
                        self.all.get(number).map(|entry| &entry.tree).filter(|tree| tree.is_open())
                    };
                    match islands.cover(sys, tree).on(&entry.at)? {
                        Some(cover) => entry.cover(sys, root, cover)?,
                        None => entry.hide(sys, root, &self.cover)?,
                    }
                }
                Kind::Bind { .. } => entry.attach(sys, root)?,
                Kind::Again { attributes, late } => {
                    if *late && !entry.tree.is_open() {
                        entry.clone_now(sys, root)?;
                    }
                    if !entry.tree.is_open() {
                        continue;
                    }
                    mount::restrict(sys, entry.tree.get(), *attributes, false, true).on(&entry.at)?;
                    entry.attach(sys, root)?;
                }
            }
        }
        // It lies on top of everything, and all copies of it are in their places.
        if self.cover.is_open() { mount::detach(sys).on(c"cover of hidden paths") } else { Ok(()) }
    }
}

impl Entry {
    fn clone_now(&self, sys: &dyn Sys, root: RawFd) -> Done<'_> {
        let place = match open_place(sys, root, &self.at, Walk::NoLinks, false) {
            Ok(place) => place,
            Err(Errno::ENOENT) if self.may_be_missing() => return Ok(()),
            Err(errno) => return Err(errno).on(&self.at),
        };
        self.tree.set(mount::clone_tree(sys, place, c"").on(&self.at)?);
        Ok(())
    }

    /// The place is walked anew: an entry before this one may have been mounted over it.
    fn attach(&self, sys: &dyn Sys, root: RawFd) -> Done<'_> {
        let place = open_place(sys, root, &self.at, Walk::NoLinks, false).on(&self.at)?;
        mount::attach(sys, self.tree.get(), place, c"").on(&self.at)
    }

    /// A path that grants less than what is around it may be missing where nobody can make it.
    fn may_be_missing(&self) -> bool {
        let narrows = match self.kind {
            Kind::Hide(_) => true,
            Kind::Again { attributes, .. } => attributes & READ_ONLY != 0,
            Kind::Bind { .. } => false,
        };
        narrows && !self.creatable
    }

    /// Hides a directory with a cover of its own.
    fn cover(&self, sys: &dyn Sys, root: RawFd, cover: RawFd) -> Done<'_> {
        // No link leads here: what is shown below was found without any.
        let place = open_place(sys, root, &self.at, Walk::NoLinks, true).on(&self.at)?;
        mount::attach(sys, cover, place, c"").on(&self.at)
    }

    fn hide(&self, sys: &dyn Sys, root: RawFd, cover: &Slot) -> Result<(), Failure<'_>> {
        // Links are followed, inside the root: what is hidden is what a program would reach.
        let (place, source) = match open_place(sys, root, &self.at, Walk::InRoot, true) {
            Ok(place) => (place, c""),
            // Nothing is there to be hidden.
            Err(Errno::ENOENT) if self.may_be_missing() => return Ok(()),
            Err(Errno::ENOTDIR) => {
                (open_place(sys, root, &self.at, Walk::InRoot, false).on(&self.at)?, hidden::FILE)
            }
            Err(errno) => return Err(errno).on(&self.at),
        };
        if !cover.is_open() {
            cover.set(hidden::make_shared(sys).on(c"cover of hidden paths")?);
        }
        // Alone: nothing is mounted on it, and nothing shall come along.
        let tree = mount::clone_mount(sys, cover.get(), source).on(&self.at)?;
        mount::attach(sys, tree, place, c"").on(&self.at)
    }
}

fn unless(granted: bool, attribute: u64) -> u64 {
    if granted { 0 } else { attribute }
}

fn is_strictly_below(path: &CStr, ancestor: &CStr) -> bool {
    path.to_bytes().strip_prefix(ancestor.to_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
}

/// Whether `path` is `ancestor` or lies below it.
pub(super) fn is_below(path: &str, ancestor: &str) -> bool {
    path.strip_prefix(ancestor)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || ancestor == "/")
}
