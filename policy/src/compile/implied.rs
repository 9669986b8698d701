//! What the sections beside `files` put into the tree: mounts, devices, `/proc`, `/tmp`.

use super::mounts;
use super::paths;
use crate::lattice::files::Rights;
use crate::origin::Origins;
use crate::policy::{Device, MountRight, Policy, ProcView};
use crate::vocab::masks::{MASKS, Mask};

/// A place that another section grants.
#[derive(Clone, Debug)]
pub(crate) struct Implied {
    /// Where.
    pub(crate) at: String,
    /// What stands there.
    pub(crate) kind: Kind,
    /// What it grants.
    pub(crate) rights: Rights,
    /// What is at most allowed there, whatever the tree says.
    pub(crate) ceiling: Rights,
    /// Whether it is mounted noexec but where the tree grants execution inside it.
    pub(crate) noexec: bool,
    /// Who asked.
    pub(crate) origins: Origins,
}

/// What another section puts somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The process file system.
    Proc,
    /// The private `/dev` itself.
    Devices,
    /// A device in it.
    Node,
    /// The terminals in it.
    Terminals,
    /// A private writable file system: `/tmp`, `/dev/shm`.
    Scratch,
    /// A path of the host.
    Mount {
        /// Without `nodev`.
        devices: bool,
    },
}

impl Kind {
    /// As messages call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Proc => "the process file system",
            Kind::Devices => "the private /dev",
            Kind::Node => "the device",
            Kind::Terminals => "the terminals",
            Kind::Scratch => "the private file system",
            Kind::Mount { .. } => "the mount",
        }
    }
}

/// All of them.
pub(crate) fn all(policy: &Policy) -> Vec<Implied> {
    let writable = Rights::WRITE.closed();
    let of = |at: &str, kind, rights: Rights, origins: &Origins| Implied {
        at: at.to_owned(),
        kind,
        rights,
        ceiling: Rights::ALL,
        noexec: true,
        origins: origins.clone(),
    };
    let mut out = Vec::new();
    let proc = &policy.files.proc;
    match proc.value {
        ProcView::None => {}
        ProcView::Minimal | ProcView::Hidden => {
            out.push(of("/proc", Kind::Proc, Rights::READ.closed(), &proc.origins));
        }
        ProcView::Full => out.push(of("/proc", Kind::Proc, writable, &proc.origins)),
    }
    if let Some(devices) = &policy.devices {
        out.push(of("/dev", Kind::Devices, Rights::VISIBLE, &devices.origins));
        for device in &devices.value {
            let (kind, paths) = match device {
                Device::Node(name) => (Kind::Node, vec![format!("/dev/{name}")]),
                Device::Pts => (Kind::Terminals, vec!["/dev/pts".to_owned(), "/dev/ptmx".to_owned()]),
                Device::Shm => (Kind::Scratch, vec!["/dev/shm".to_owned()]),
            };
            out.extend(paths.iter().map(|path| of(path, kind, writable, &devices.origins)));
        }
    }
    if let Some(tmp) = mounts::private_tmp(policy) {
        out.push(of("/tmp", Kind::Scratch, writable, &tmp.origins));
    }
    for (at, mount) in policy.mounts.iter().flatten() {
        let rights = mounts::rights(mount);
        let origins = super::error::both(&mount.from.origins, &mount.allows.origins);
        let kind = Kind::Mount { devices: mount.allows.value.contains(&MountRight::Dev) };
        out.push(Implied { ceiling: rights, noexec: false, ..of(at, kind, rights, &origins) });
    }
    out
}

/// The one that stands nearest above `path`, or at it.
pub(crate) fn nearest(policy: &Policy, path: &str) -> Option<Implied> {
    let above = all(policy).into_iter().filter(|implied| paths::is_within(path, &implied.at));
    above.max_by_key(|implied| implied.at.len())
}

/// The mask of the view of `/proc` that `path` lies under.
pub(crate) fn mask(policy: &Policy, path: &str) -> Option<&'static Mask> {
    masks(policy).iter().find(|mask| paths::is_within(path, mask.path))
}

/// The paths that a whole `/proc` masks.
pub(crate) fn masked() -> impl Iterator<Item = &'static str> {
    MASKS.iter().map(|mask| mask.path)
}

/// The masks of the policy's view of `/proc`.
pub(super) fn masks(policy: &Policy) -> &'static [Mask] {
    match policy.files.proc.value {
        // `subset=pid` has none of these paths.
        ProcView::None | ProcView::Minimal => &[],
        ProcView::Hidden | ProcView::Full => &MASKS,
    }
}
