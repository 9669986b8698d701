//! The root and what is mounted into it.
//!
//! Two questions: does anything that a path can lead to allow more than the plan says of its place, and is
//! what the plan puts at each path there? The second is asked of the kernel (openat2(2) in the process's
//! root, and the mount that this ends in), since links may lead elsewhere than the text of a path.

use super::found::{Found, Tree, through};
use super::{Maker, Read};
use crate::status::Verdict;
use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use stockade_observe::mounts::Mount;
use stockade_observe::{ObserveError, Task};
use stockade_policy::plan::{self, MountKind};
use stockade_policy::policy::{Device, ProcView};

/// What a mount may allow.
#[derive(Clone, Copy)]
struct Grant {
    write: bool,
    exec: bool,
    suid: bool,
    dev: bool,
}

/// Nothing but reading.
const DATA: Grant = Grant { write: false, exec: false, suid: false, dev: false };

pub(super) fn verify(plan: &plan::Mounts, task: &Task, maker: Maker) -> Read {
    let mounts = task.mounts()?;
    let view = View { plan, tree: Tree::of(task, &mounts)? };
    let mut verdict = view.root(task)?;
    for mount in &view.tree.visible {
        verdict = verdict.and(match maker {
            Maker::Launch => view.allows(mount),
            Maker::Engine => view.keeps(mount),
        });
    }
    if maker == Maker::Launch {
        verdict = verdict.and(view.proc()).and(view.devices()).and(view.tmp());
    }
    for entry in &plan.entries {
        verdict = verdict.and(view.entry(&entry.at, &entry.what));
    }
    let writable = view.tree.visible.iter().filter(|mount| !mount.is_read_only()).count();
    Ok((verdict, format!("{} mounts, {writable} of them writable", view.tree.visible.len())))
}

struct View<'a> {
    plan: &'a plan::Mounts,
    tree: Tree<'a>,
}

impl View<'_> {
    /// The root is the planned directory, and nothing else lies on top of it.
    fn root(&self, task: &Task) -> Result<Verdict, ObserveError> {
        let actual = task.metadata("root")?;
        let planned = &self.plan.root;
        let mut verdict = match fs::metadata(planned) {
            Ok(root) if (root.dev(), root.ino()) == (actual.dev(), actual.ino()) => Verdict::Exact,
            Ok(_) => Verdict::looser(format!("its root is not {planned}")),
            Err(error) => Verdict::not_visible(format!("cannot look at {planned}: {error}")),
        };
        let Some(root) = self.tree.mounts.root() else {
            return Ok(verdict.and(Verdict::looser("its root is no mount of its own")));
        };
        if self.tree.visible.iter().any(|mount| mount.at == *"/" && mount.id != root.id) {
            verdict =
                verdict.and(Verdict::looser("something is mounted over its root, and can be left by `/..`"));
        }
        let shared = self
            .tree
            .visible
            .iter()
            .find(|mount| mount.propagation.iter().any(|one| one.starts_with("shared:")));
        if let Some(mount) = shared {
            let at = mount.at.display();
            verdict = verdict.and(Verdict::looser(format!("what is mounted in {at} appears outside too")));
        }
        Ok(verdict)
    }

    /// What the plan allows at a path: what it says of the nearest one that it names.
    fn grant(&self, path: &Path) -> (PathBuf, Grant) {
        let own_devices = self.plan.devices.is_some();
        let root = Grant { write: !self.plan.read_only, exec: true, suid: true, dev: !own_devices };
        let mut nearest = (PathBuf::from("/"), root);
        let mut offer = |at: &str, grant: Grant| {
            // A later entry at the same path lies on top.
            if path.starts_with(at) && Path::new(at).components().count() >= nearest.0.components().count() {
                nearest = (PathBuf::from(at), grant);
            }
        };
        if self.plan.proc != ProcView::None {
            offer("/proc", Grant { write: true, ..DATA });
        }
        if self.plan.tmp.is_some() {
            offer("/tmp", Grant { write: true, ..DATA });
        }
        if let Some(devices) = &self.plan.devices {
            offer("/dev", DATA);
            for device in devices {
                match device {
                    // Its number is looked at by itself.
                    Device::Node(name) => offer(
                        &format!("/dev/{name}"),
                        Grant { write: true, exec: true, suid: true, dev: true },
                    ),
                    Device::Pts => offer("/dev/pts", Grant { write: true, dev: true, ..DATA }),
                    Device::Shm => offer("/dev/shm", Grant { write: true, ..DATA }),
                }
            }
        }
        for entry in &self.plan.entries {
            match entry.what {
                MountKind::Hide => offer(&entry.at, DATA),
                MountKind::Writable { exec } => offer(&entry.at, Grant { write: true, exec, ..DATA }),
                MountKind::ReadOnly { exec } => offer(&entry.at, Grant { write: false, exec, ..root }),
                MountKind::Bind { write, exec, suid, dev, .. } => {
                    offer(&entry.at, Grant { write, exec, suid, dev })
                }
            }
        }
        nearest
    }

    /// Whether a mount allows more than the plan does at its place.
    fn allows(&self, mount: &Mount) -> Verdict {
        let (_, grant) = self.grant(&mount.at);
        let more: Vec<_> = [
            ("written", !mount.is_read_only() && !grant.write),
            ("started from", !is_noexec(mount) && !grant.exec),
            ("used to gain privileges (suid)", !mount.has("nosuid") && !grant.suid),
            ("used for devices", !mount.has("nodev") && !grant.dev),
        ]
        .into_iter()
        .filter(|(_, more)| *more)
        .map(|(what, _)| what)
        .collect();
        if more.is_empty() || self.is_covered(mount) {
            return Verdict::Exact;
        }
        Verdict::looser(format!("{} ({}) can be {}", mount.at.display(), mount.filesystem, more.join(", ")))
    }

    /// Whether a mount that an engine made keeps what the plan says of its place: the root, and what an entry makes
    /// read-only or hides. Everything else was met with the policy before the engine's runtime mounted it.
    fn keeps(&self, mount: &Mount) -> Verdict {
        let read_only = self.plan.read_only && mount.at == *"/"
            || self.plan.entries.iter().any(|entry| {
                matches!(entry.what, MountKind::Hide | MountKind::ReadOnly { .. })
                    && mount.at.starts_with(&entry.at)
            });
        if read_only && !mount.is_read_only() && !self.is_covered(mount) && !is_null(mount) {
            let at = mount.at.display();
            return Verdict::looser(format!("{at} ({}) can be written", mount.filesystem));
        }
        Verdict::Exact
    }

    /// A covered mount is listed on the way to what covers it, and cannot be reached.
    fn is_covered(&self, mount: &Mount) -> bool {
        self.tree.visible.iter().any(|one| one.parent == mount.id && one.at == mount.at && one.at != *"/")
    }

    fn proc(&self) -> Verdict {
        let found = match self.tree.find("/proc") {
            Ok(found) => found,
            Err(verdict) => return verdict,
        };
        let mount = found.as_ref().map(|found| found.mount).filter(|mount| mount.filesystem == "proc");
        let elsewhere =
            self.tree.visible.iter().find(|one| one.filesystem == "proc" && !one.at.starts_with("/proc"));
        if let (Some(mount), false) = (elsewhere, self.plan.proc == ProcView::Full) {
            return Verdict::looser(format!("another procfs stands at {}", mount.at.display()));
        }
        let (planned, actual) = match (self.plan.proc, mount) {
            (ProcView::None, None) => return Verdict::Exact,
            (ProcView::None, Some(_)) => return Verdict::looser("/proc is mounted"),
            (_, None) => return Verdict::stricter("no /proc is mounted"),
            (planned, Some(mount)) => (planned, mount),
        };
        // 5.8 shows the word, and takes the number.
        let hidden = matches!(actual.super_option("hidepid"), Some("ptraceable" | "4"));
        let minimal = hidden && actual.super_option("subset") == Some("pid");
        let shown = match (minimal, hidden) {
            (true, _) => ProcView::Minimal,
            (_, true) => ProcView::Hidden,
            _ => ProcView::Full,
        };
        match shown.cmp(&planned) {
            std::cmp::Ordering::Equal => Verdict::Exact,
            std::cmp::Ordering::Less => Verdict::stricter(format!("/proc shows {shown:?} only")),
            std::cmp::Ordering::Greater => {
                Verdict::looser(format!("/proc shows {shown:?}, planned {planned:?}"))
            }
        }
    }

    /// In a /dev of its own stands nothing but what the plan names, and that is the host's device of the
    /// same name.
    fn devices(&self) -> Verdict {
        let Some(planned) = &self.plan.devices else { return Verdict::Exact };
        let found = match self.tree.find("/dev") {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::stricter("no /dev is there"),
            Err(verdict) => return verdict,
        };
        if found.mount.at != *"/dev" || found.mount.filesystem != "tmpfs" {
            return Verdict::looser("/dev is not its own");
        }
        let mut verdict = Verdict::Exact;
        let names: BTreeSet<_> = planned
            .iter()
            .map(|device| match device {
                Device::Node(name) => name.as_str(),
                Device::Pts => "pts",
                Device::Shm => "shm",
            })
            .collect();
        for mount in self.tree.visible.iter().filter(|mount| mount.parent == found.mount.id) {
            let known = mount
                .at
                .strip_prefix("/dev")
                .ok()
                .and_then(Path::to_str)
                .is_some_and(|name| names.contains(name));
            // Hidden or bound by an entry: looked at there.
            let entry = self.plan.entries.iter().any(|entry| mount.at.starts_with(&entry.at));
            if !known && !entry {
                verdict = verdict.and(Verdict::looser(format!("{} is there", mount.at.display())));
            }
        }
        for device in planned {
            let Device::Node(name) = device else { continue };
            let path = format!("/dev/{name}");
            verdict = verdict.and(match (self.tree.find(&path), fs::metadata(&path)) {
                (Err(verdict), _) => verdict,
                (Ok(None), _) => Verdict::stricter(format!("{path} is missing")),
                (Ok(Some(found)), Ok(host)) if same_device(&found.metadata, &host) => Verdict::Exact,
                (Ok(Some(_)), Ok(_)) => Verdict::looser(format!("{path} is another device")),
                (_, Err(error)) => Verdict::not_visible(format!("cannot look at the host's {path}: {error}")),
            });
        }
        verdict
    }

    /// A /tmp of its own, and no larger than planned.
    fn tmp(&self) -> Verdict {
        let Some(planned) = self.plan.tmp else { return Verdict::Exact };
        let found = match self.tree.find("/tmp") {
            Ok(Some(found)) => found,
            Ok(None) => return Verdict::stricter("no /tmp is there"),
            Err(verdict) => return verdict,
        };
        if found.mount.at != *"/tmp" || found.mount.filesystem != "tmpfs" {
            return Verdict::looser("/tmp is not its own");
        }
        // tmpfs rounds up to pages, and shows KiB; without a limit it shows nothing.
        let size =
            found.mount.super_option("size").and_then(|size| size.strip_suffix('k')?.parse::<u64>().ok());
        let size = size.map(|size| size.saturating_mul(1024));
        match size {
            None if planned >= i64::MAX.unsigned_abs() => Verdict::Exact,
            None => Verdict::looser(format!("/tmp has no size, planned {planned} bytes")),
            Some(size)
                if [4096, 16384, 65536]
                    .iter()
                    .any(|page| planned.checked_next_multiple_of(*page) == Some(size)) =>
            {
                Verdict::Exact
            }
            Some(size) if size < planned => {
                Verdict::stricter(format!("/tmp has {size} bytes, planned {planned}"))
            }
            Some(size) => Verdict::looser(format!("/tmp has {size} bytes, planned {planned}")),
        }
    }

    /// What stands at the path of an entry. Its flags were looked at with those of every mount, by place;
    /// here by where the path really leads.
    fn entry(&self, path: &str, planned: &MountKind) -> Verdict {
        let found = match (self.tree.find(path), planned) {
            (Err(verdict), _) => return verdict,
            (Ok(None), MountKind::Hide) => return Verdict::Exact,
            (Ok(None), _) => return Verdict::stricter(format!("{path} is missing")),
            (Ok(Some(found)), _) => found,
        };
        let read_only = found.mount.is_read_only();
        match planned {
            MountKind::Hide => self.hidden(path, &found),
            MountKind::Writable { exec } | MountKind::ReadOnly { exec }
                if !exec && !is_noexec(found.mount) =>
            {
                Verdict::looser(format!("programs in {path} can be started"))
            }
            MountKind::Writable { .. } if read_only => Verdict::stricter(format!("{path} is read-only")),
            MountKind::Writable { .. } if !found.mount.has("nosuid") || !found.mount.has("nodev") => {
                Verdict::looser(format!("{path} lacks nosuid or nodev"))
            }
            MountKind::ReadOnly { .. } if !read_only => Verdict::looser(format!("{path} can be written")),
            MountKind::Bind { from, write, .. } => {
                let source = match fs::metadata(from) {
                    Ok(host) if (host.dev(), host.ino()) == (found.metadata.dev(), found.metadata.ino()) => {
                        Verdict::Exact
                    }
                    Ok(_) => Verdict::looser(format!("{path} is not the host's {from}")),
                    Err(error) => Verdict::not_visible(format!("cannot look at {from}: {error}")),
                };
                source.and(match (write, read_only) {
                    (false, false) => Verdict::looser(format!("{path} can be written")),
                    (true, true) => Verdict::stricter(format!("{path} is read-only")),
                    _ => Verdict::Exact,
                })
            }
            MountKind::Writable { .. } | MountKind::ReadOnly { .. } => Verdict::Exact,
        }
    }

    /// Hidden is what shows nothing and takes nothing: the null device, an empty file that cannot be
    /// written, a read-only directory with nothing but such files and what the plan puts below it.
    fn hidden(&self, path: &str, found: &Found<'_>) -> Verdict {
        /// Major and minor of /dev/null; Documentation/admin-guide/devices.txt.
        const NULL: (u32, u32) = (1, 3);
        let kind = found.metadata.file_type();
        if kind.is_char_device()
            && (libc::major(found.metadata.rdev()), libc::minor(found.metadata.rdev())) == NULL
        {
            return Verdict::Exact;
        }
        let shows = || Verdict::looser(format!("{path} is not hidden"));
        if !found.mount.is_read_only() {
            return shows();
        }
        if kind.is_file() && found.metadata.len() == 0 {
            return Verdict::Exact;
        }
        if !kind.is_dir() || found.mount.filesystem != "tmpfs" {
            return shows();
        }
        match self.shows_nothing(path, &through(&found.handle)) {
            Ok(true) => Verdict::Exact,
            Ok(false) => shows(),
            Err(error) => Verdict::not_visible(format!("cannot list {path}: {error}")),
        }
    }

    /// Whether a directory of a cover, at `path` in the root and `held` here, has nothing in it but empty
    /// files, entries of the plan and the way to them.
    fn shows_nothing(&self, path: &str, held: &Path) -> io::Result<bool> {
        for entry in fs::read_dir(held)? {
            let entry = entry?;
            let path = format!("{}/{}", path.trim_end_matches('/'), entry.file_name().to_string_lossy());
            let planned = || self.plan.entries.iter().map(|entry| Path::new(&entry.at));
            // Entries are looked at by themselves.
            if planned().any(|at| at == Path::new(&path)) {
                continue;
            }
            // A look at each: one that cannot be looked at may show something.
            let Ok(found) = entry.metadata() else { return Ok(false) };
            let way = found.is_dir() && planned().any(|at| at.starts_with(&path));
            let empty = found.is_file() && found.len() == 0;
            if !(empty || way && self.shows_nothing(&path, &entry.path())?) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// File systems of which nothing is ever started, however they are mounted (`SB_I_NOEXEC`, 4.3).
const NEVER_STARTED_FROM: [&str; 2] = ["proc", "sysfs"];

/// Whether no program can be started from a mount.
fn is_noexec(mount: &Mount) -> bool {
    mount.has("noexec") || NEVER_STARTED_FROM.contains(&mount.filesystem.as_str())
}

/// The null device over a file that is masked, as OCI runtimes bind it: it may be writable, and takes all and keeps
/// nothing. That it is the null device is looked at with the entry.
fn is_null(mount: &Mount) -> bool {
    mount.root == *"/null"
}

fn same_device(one: &Metadata, other: &Metadata) -> bool {
    one.file_type().is_char_device() == other.file_type().is_char_device()
        && one.file_type().is_block_device() == other.file_type().is_block_device()
        && one.rdev() == other.rdev()
}
