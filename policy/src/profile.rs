//! The language as written: sections, keys and values with their places, nothing looked up or decided.

pub(crate) mod action;
mod files;
mod limits;
mod namespaces;
mod network;
mod path;
mod process;
mod syscalls;
mod sysctls;
mod users;
mod words;

pub use crate::parse::list::List;
pub use crate::parse::scalar::Limit;
pub use files::{DeviceName, Files, MountEntry, MountOption, ProcChoice, RootAccess, TmpSize};
pub use limits::{Disk, Io, ProcessLimits, Resources};
pub use namespaces::{Confined, NamespaceChoice, Namespaces, NetworkChoice, UserChoice};
pub use network::{Egress, Ingress, LabelChoice, Lsm, Network, Peer, PerSource};
pub use path::AbsolutePath;
pub use process::{Hostname, Mask, Process, Securebit, Variable};
pub use syscalls::{Allowed, Denied, Entry, Speculation, Subject, Syscalls};
pub use sysctls::Sysctls;
pub(crate) use sysctls::is_namespaced;
pub use users::{IdRange, Principal, UserChosen, UserSet};
pub use words::{CapabilityName, ProfileName, Version};

use crate::diagnostic::Text;
use crate::origin::{At, Origin};
use crate::parse::record::record;
use crate::vocab::TableVersion;
use std::sync::Arc;

/// A profile as written.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The text it was read from.
    pub(crate) text: Arc<Text>,
    /// What stands in it.
    pub sections: Sections,
}

impl Profile {
    /// The file as origins name it.
    pub fn file(&self) -> &Arc<str> {
        &self.text.file
    }

    /// Its own name: as written, or the file's without directory and ending.
    pub fn name(&self) -> String {
        if let Some(name) = &self.sections.name {
            return name.value.0.clone();
        }
        let file = self.file().rsplit('/').next().unwrap_or_default();
        file.strip_prefix("builtin:").unwrap_or(file).trim_end_matches(".yaml").to_owned()
    }
}

record! {
    /// A stockade profile: what a program may do, and with what.
    Sections as "a profile" {
        /// Version of the language: 1.
        stockade: At<Version>,
        /// Vocabulary version, as a kernel's: system calls that came later count as unknown until it is raised.
        table: At<TableVersion>,
        /// Its name; the file's where none is written.
        name: At<ProfileName>,
        /// Whom it is for, in one line.
        about: At<String>,
        /// Profiles that it builds on, by name or path; `restricted` where none is named.
        extends: List<ProfileName>,
        /// The process's own attributes.
        process: Process,
        /// Capabilities kept; every other one leaves all five sets.
        capabilities: List<CapabilityName>,
        /// System calls.
        syscalls: Syscalls,
        /// What may be done where in the file tree.
        files: Files,
        /// What is mounted into the root in addition.
        mounts: List<MountEntry>,
        /// Devices in /dev: `standard`, `pts`, `shm` or a path below /dev; `all` for the host's own /dev.
        devices: List<DeviceName>,
        /// Which namespaces are its own; those that are not named are.
        namespaces: Namespaces,
        /// Limits on what all its processes consume together.
        resources: Resources,
        /// Disk quota of everything it can write. What would lead out of it is denied with it: setting project ids,
        /// quotactl, and subvolumes and quotas of btrfs. With the capability sys_resource it takes `user: private`.
        disk: Disk,
        /// Traffic.
        network: Network,
        /// Labels of the security modules.
        lsm: Lsm,
    }
}

impl Sections {
    /// Where the profile begins: what decides where nothing is written.
    pub fn begin(&self) -> &Origin {
        self.stockade.as_ref().map_or(&self.origin, |version| &version.origin)
    }
}
