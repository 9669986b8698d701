//! Policies that contradict themselves: no host could run them as they are meant.

use crate::lattice::LatticeError;
use crate::origin::Origins;
use crate::seccomp::SeccompError;
use crate::seccomp::cost::Cost;
use crate::vocab::Arch;
use std::fmt;

/// Why there is no plan. What only this host cannot do is a [`crate::plan::Gap`] instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// More than one user is admitted and the caller is none of them, or none is.
    #[error(
        "the profile admits user {admitted}, which is not one user, and not the caller's own {caller}; name \
         the one it runs as{}",
        Places(origins)
    )]
    User {
        /// The ids, as ranges.
        admitted: String,
        /// The caller's.
        caller: u32,
        /// Who admits them.
        origins: Origins,
    },
    /// The filter would stop the launch itself.
    #[error("execve is never allowed on {arch}, so that no program could be started{}", Places(origins))]
    Execve {
        /// The interface.
        arch: Arch,
        /// Who denies it.
        origins: Origins,
    },
    /// The kernel refuses a Landlock ruleset to a process that could gain privileges.
    #[error(
        "rules on files need no_new_privileges: true, or the capability sys_admin (landlock(7)){}",
        Places(origins)
    )]
    LandlockNeedsNoNewPrivileges {
        /// Who constrains files, and who turned the switch off.
        origins: Origins,
    },
    /// Ambient capabilities are what a user other than root keeps over exec.
    #[error(
        "a user other than root keeps {capabilities} over exec as ambient capabilities, which securebit \
         no_cap_ambient_raise forbids (capabilities(7)){}",
        Places(origins)
    )]
    AmbientForbidden {
        /// The capabilities.
        capabilities: String,
        /// Who keeps them, and who set the bit.
        origins: Origins,
    },
    /// The value would change the host's own.
    #[error("{what} needs a private {namespace} namespace, else it is the host's{}", Places(origins))]
    NotItsOwn {
        /// `hostname`, `sysctl net.core.somaxconn`.
        what: String,
        /// `uts`, `network`, `ipc`.
        namespace: &'static str,
        /// Who asks for it.
        origins: Origins,
    },
    /// The kernel has one value for all containers.
    #[error("sysctl {name} is not in any namespace: setting it would change the host{}", Places(origins))]
    SysctlNotNamespaced {
        /// The dotted name.
        name: String,
        /// Who asks for it.
        origins: Origins,
    },
    /// A namespace cannot be joined and the host's at once.
    #[error("the network namespace is {path} and the host's at once{}", Places(origins))]
    NetworkTwice {
        /// The path.
        path: String,
        /// Who says either.
        origins: Origins,
    },
    /// A path that a mount cannot stand at or come from.
    #[error("{path} is no place for a mount: {why}{}", Places(origins))]
    MountPath {
        /// The path.
        path: String,
        /// Why not.
        why: &'static str,
        /// Who asks for it.
        origins: Origins,
    },
    /// Two things cannot be mounted at one path.
    #[error("{path} is both a mount and {other}{}", Places(origins))]
    MountTwice {
        /// The path.
        path: String,
        /// `the private /tmp`, `hidden`.
        other: &'static str,
        /// Who asks for either.
        origins: Origins,
    },
    /// A right on a path that the view of `/proc` masks.
    #[error(
        "the profile grants more on {path} than its view of /proc leaves there ({mask} is {how}, because it \
         {reason}){}",
        Places(origins)
    )]
    Masked {
        /// The path granted.
        path: String,
        /// The path masked.
        mask: &'static str,
        /// `hidden`, `read-only`.
        how: &'static str,
        /// What it would give away.
        reason: &'static str,
        /// Who grants it.
        origins: Origins,
    },
    /// No program is in sight.
    #[error("the root itself is hidden, so that no program could be started{}", Places(origins))]
    HiddenRoot {
        /// Who hides it.
        origins: Origins,
    },
    /// It would start in a directory that it cannot see.
    #[error("the working directory {path} is hidden{}", Places(origins))]
    HiddenWorkdir {
        /// The path.
        path: String,
        /// Who hides it, and who asks for it.
        origins: Origins,
    },
    /// A program may be started, but not what starts it.
    #[error("{program} may be executed, but {loader}, which starts it, is hidden{}", Places(origins))]
    HiddenLoader {
        /// The program.
        program: String,
        /// Its interpreter, or where its symbolic link leads.
        loader: String,
        /// Who hides the one, and grants the other.
        origins: Origins,
    },
    /// What starts a program could not be found out.
    #[error("reading what starts {program}: {why}{}", Places(origins))]
    Loaders {
        /// The program.
        program: String,
        /// What the lookup says.
        why: String,
        /// Who grants its execution.
        origins: Origins,
    },
    /// ext4 limits no process with the capability in the first user namespace (`ignore_hardlimit`, fs/quota/dquot.c).
    #[error(
        "a disk limit does not bind who keeps the capability sys_resource; leave it out of `capabilities`, or write \
         `user: private` under `namespaces`, where it counts for nothing outside{}",
        Places(origins)
    )]
    DiskUnbound {
        /// Who limits the disk, who keeps the capability, and who says whose the user namespace is.
        origins: Origins,
    },
    /// A policy that was not made by `resolve`.
    #[error("{call} leads out of the disk limit, and is not denied{}", Places(origins))]
    DiskUndefended {
        /// The call, with its arguments.
        call: String,
        /// Who limits the disk.
        origins: Origins,
    },
    /// The kernel takes no limit of nothing.
    #[error("{resource} of 0 is no limit that the kernel takes; leave it out or raise it{}", Places(origins))]
    ZeroLimit {
        /// `cpu`, `io read`.
        resource: &'static str,
        /// Who asks for it.
        origins: Origins,
    },
    /// The filter is longer than the kernel takes.
    #[error("{error}; drop some of the costliest conditions: {}", costs.iter().map(Cost::to_string).collect::<Vec<_>>().join("; "))]
    FilterTooLong {
        /// How long it is.
        error: SeccompError,
        /// The conditions that cost the most, the costliest first.
        costs: Vec<Cost>,
    },
    /// The filter cannot be written.
    #[error(transparent)]
    Seccomp(#[from] SeccompError),
    /// What the disk limit denies beside the rest is too large to be looked at.
    #[error(transparent)]
    Lattice(#[from] LatticeError),
}

impl CompileError {
    /// The places in the text that contradict each other.
    pub fn origins(&self) -> Option<&Origins> {
        match self {
            CompileError::User { origins, .. }
            | CompileError::Execve { origins, .. }
            | CompileError::LandlockNeedsNoNewPrivileges { origins }
            | CompileError::AmbientForbidden { origins, .. }
            | CompileError::NotItsOwn { origins, .. }
            | CompileError::SysctlNotNamespaced { origins, .. }
            | CompileError::NetworkTwice { origins, .. }
            | CompileError::MountPath { origins, .. }
            | CompileError::MountTwice { origins, .. }
            | CompileError::Masked { origins, .. }
            | CompileError::HiddenRoot { origins }
            | CompileError::HiddenWorkdir { origins, .. }
            | CompileError::HiddenLoader { origins, .. }
            | CompileError::Loaders { origins, .. }
            | CompileError::DiskUnbound { origins }
            | CompileError::DiskUndefended { origins, .. }
            | CompileError::ZeroLimit { origins, .. } => Some(origins),
            CompileError::FilterTooLong { .. } | CompileError::Seccomp(_) | CompileError::Lattice(_) => None,
        }
    }
}

/// ` (a.yaml:3:5, b.yaml:7:1)`; nothing where no one wrote it.
struct Places<'a>(&'a Origins);

impl fmt::Display for Places<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, origin) in self.0.iter().enumerate() {
            f.write_str(if position == 0 { " (" } else { ", " })?;
            origin.fmt(f)?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Everyone of both sides.
pub(super) fn both(left: &Origins, right: &Origins) -> Origins {
    left.union(right).cloned().collect()
}
