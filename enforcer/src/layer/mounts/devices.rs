//! A private /dev: nodes of the host that were named, one by one, and the links that programs expect.

use super::CLOSED;
use crate::launch::LaunchError;
use crate::layer::{Done, On, c_string};
use crate::sys::file::{self, CWD};
use crate::sys::{Sys, mount};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::os::fd::RawFd;
use stockade_policy::policy::Device;

/// Links to a process's own descriptors, as devtmpfs's users make them. fd(4).
const LINKS: [(&CStr, &CStr); 4] = [
    (c"/proc/self/fd", c"fd"),
    (c"/proc/self/fd/0", c"stdin"),
    (c"/proc/self/fd/1", c"stdout"),
    (c"/proc/self/fd/2", c"stderr"),
];

/// What stands in /dev.
pub(super) struct Devices {
    nodes: Vec<Node>,
    pts: bool,
    shm: bool,
}

struct Node {
    /// On the host.
    source: CString,
    /// Below /dev.
    name: CString,
    /// Directories to make for it, outermost first; a directory that two nodes share is made by the first.
    parents: Vec<CString>,
    tree: Cell<RawFd>,
}

impl Devices {
    pub(super) fn prepare(devices: &BTreeSet<Device>) -> Result<Devices, LaunchError> {
        let mut made = BTreeSet::new();
        let node = |name: &String| {
            if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
                let object = format!("plan.mounts.devices `{name}`");
                return Err(LaunchError::BadInput { object, why: "is not a path below /dev" });
            }
            let parents = name
                .match_indices('/')
                .map(|(at, _)| &name[..at])
                .filter(|parent| made.insert((*parent).to_owned()))
                .map(|parent| c_string("device", parent))
                .collect::<Result<_, _>>()?;
            Ok(Node {
                source: c_string("device", &format!("/dev/{name}"))?,
                name: c_string("device", name)?,
                parents,
                tree: Cell::new(CLOSED),
            })
        };
        let names = devices.iter().filter_map(|device| match device {
            Device::Node(name) => Some(name),
            Device::Pts | Device::Shm => None,
        });
        Ok(Devices {
            nodes: names.map(node).collect::<Result<_, _>>()?,
            pts: devices.contains(&Device::Pts),
            shm: devices.contains(&Device::Shm),
        })
    }

    pub(super) fn open_sources(&self, sys: &dyn Sys) -> Done<'_> {
        for node in &self.nodes {
            node.tree.set(mount::clone_tree(sys, CWD, &node.source).on(&node.source)?);
        }
        Ok(())
    }

    /// Fills the current directory, the new and empty /dev.
    pub(super) fn fill(&self, sys: &dyn Sys) -> Done<'_> {
        for node in &self.nodes {
            for parent in &node.parents {
                file::make_directory(sys, CWD, parent, 0o755).on(&node.source)?;
            }
            file::make_file(sys, CWD, &node.name, 0).on(&node.source)?;
            mount::attach(sys, node.tree.get(), CWD, &node.name).on(&node.source)?;
        }
        for (target, name) in LINKS {
            file::make_link(sys, target, CWD, name).on(name)?;
        }
        if self.pts {
            file::make_directory(sys, CWD, c"pts", 0o755).on(c"/dev/pts")?;
            let flags = libc::MS_NOSUID | libc::MS_NOEXEC;
            mount::mount(sys, c"devpts", c"pts", flags, c"newinstance,ptmxmode=0666,mode=0620")
                .on(c"/dev/pts")?;
            file::make_link(sys, c"pts/ptmx", CWD, c"ptmx").on(c"/dev/ptmx")?;
        }
        if self.shm {
            file::make_directory(sys, CWD, c"shm", 0o755).on(c"/dev/shm")?;
            // 64 MiB is what container engines give where nothing is said.
            mount::mount(sys, c"tmpfs", c"shm", super::DATA_ONLY, c"mode=1777,size=64m").on(c"/dev/shm")?;
        }
        Ok(())
    }
}
