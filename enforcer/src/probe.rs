//! What this host can enforce, found by asking the kernel and not by its version.
//!
//! It stands on the path of a launch whose plan is not at hand, so it makes about 45 system calls and
//! forks nothing. What only a trial in a child can tell is in [`trials`], for `doctor`.

mod cgroups;
mod devices;
mod report;
mod trials;

pub use report::{LayerReport, State, report};
pub use trials::{Trial, trials};

use crate::sys::probe as sys;
use std::collections::BTreeSet;
use std::path::Path;
use stockade_observe::status::Status;
use stockade_observe::{FormatError, ObserveError, read};
use stockade_policy::host::{Availability, Caller, Host, SeccompHost};
use stockade_policy::seccomp::flags::FLAGS;
use stockade_policy::vocab::{Arch, Cap, CapSet};

/// Security modules by id. linux/lsm.h, 6.8.
const MODULES: [(u64, &str); 14] = [
    (100, "capability"),
    (101, "selinux"),
    (102, "smack"),
    (103, "tomoyo"),
    (104, "apparmor"),
    (105, "yama"),
    (106, "loadpin"),
    (107, "safesetid"),
    (108, "lockdown"),
    (109, "bpf"),
    (110, "landlock"),
    (111, "ima"),
    (112, "evm"),
    (113, "ipe"),
];

/// Why the host could not be described. What the host lacks is no error.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// A file that every host has could not be read.
    #[error("cannot tell {what}")]
    Read {
        /// What it says.
        what: &'static str,
        /// Why.
        source: ObserveError,
    },
    /// The binary runs on an architecture that the vocabulary does not have.
    #[error("stockade knows no system calls of {0}")]
    Arch(&'static str),
}

/// Describes this host for `compile`.
pub fn host() -> Result<Host, ProbeError> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => Arch::X86_64,
        "aarch64" => Arch::Aarch64,
        other => return Err(ProbeError::Arch(other)),
    };
    let status = parsed("/proc/self/status", "who is calling", Status::parse)?;
    let caller = Caller {
        uid: status.uids[1],
        gid: status.gids[1],
        groups: status.groups.iter().copied().collect(),
        capabilities: status.effective,
    };
    let landlock_abi = sys::landlock_abi();
    let mount_setattr = sys::mount_setattr();
    let cgroup = cgroups::find()?;
    Ok(Host {
        kernel: sys::kernel_release(),
        arch,
        kernel_capabilities: kernel_capabilities()?,
        landlock_abi,
        seccomp: seccomp(),
        user_namespaces: user_namespaces(&caller),
        write_xor_execute: sys::write_xor_execute(),
        // Who may not ask goes by mount_setattr, which came later (5.12 after 5.8) and has no switch of
        // its own either. The launcher's mount decides in the end, and fails closed.
        proc_options: sys::proc_options().unwrap_or(mount_setattr),
        mount_setattr,
        swap_accounting: cgroups::swap_accounting(&cgroup),
        block_devices: devices::disks()
            .map_err(|source| ProbeError::Read { what: "which disks there are", source })?,
        cgroup,
        security_modules: security_modules(),
        caller,
    })
}

fn parsed<T>(
    path: &'static str,
    what: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, FormatError>,
) -> Result<T, ProbeError> {
    let path = Path::new(path);
    let content = read::record(path).map_err(|source| ProbeError::Read { what, source })?;
    parse(&content).map_err(|source| {
        let source = ObserveError::Format { path: path.to_owned(), source };
        ProbeError::Read { what, source }
    })
}

fn number(content: &[u8]) -> Result<u64, FormatError> {
    let text = std::str::from_utf8(content).ok().and_then(|text| text.trim().parse().ok());
    text.ok_or_else(|| FormatError::new("no number", content))
}

fn kernel_capabilities() -> Result<CapSet, ProbeError> {
    let last = parsed("/proc/sys/kernel/cap_last_cap", "which capabilities the kernel has", number)?;
    // A set holds 64; the kernel's type for one does, too (`kernel_cap_t`).
    Ok(CapSet(u64::MAX >> 63u64.saturating_sub(last)))
}

fn seccomp() -> Option<SeccompHost> {
    let flags = sys::seccomp_flags(&FLAGS.map(|flag| (flag.bit, flag.beside)))?;
    // Before 4.14 there is no such file, and the actions are those of 3.5.
    let actions = read::record(Path::new("/proc/sys/kernel/seccomp/actions_avail"));
    let actions = match &actions {
        Ok(content) => String::from_utf8_lossy(content).split_ascii_whitespace().map(str::to_owned).collect(),
        Err(_) => ["kill_thread", "trap", "errno", "trace", "allow"].map(str::to_owned).into(),
    };
    Some(SeccompHost { actions, flags })
}

/// From the switches that hosts have for it. A trial would cost a fork; see [`trials`].
fn user_namespaces(caller: &Caller) -> Availability {
    let no = |why: &str, remedy: &str| Availability::No { why: why.to_owned(), remedy: remedy.to_owned() };
    let switch = |path: &str| read::record(Path::new(path)).ok().and_then(|content| number(&content).ok());
    match switch("/proc/sys/user/max_user_namespaces") {
        None => return no("the kernel has no user namespaces", "boot a kernel with CONFIG_USER_NS"),
        Some(0) => {
            return no(
                "user.max_user_namespaces is 0",
                "set `sysctl user.max_user_namespaces` to more than 0",
            );
        }
        Some(_) => {}
    }
    if caller.capabilities.contains(Cap::SYS_ADMIN) {
        return Availability::Yes;
    }
    // Debian and Ubuntu patch, gone from the newest.
    if switch("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
        return no(
            "kernel.unprivileged_userns_clone is 0 and the caller has no CAP_SYS_ADMIN",
            "set `sysctl kernel.unprivileged_userns_clone=1`, or run as root",
        );
    }
    // Ubuntu 23.10: the namespace is made, but its capabilities are refused.
    if switch("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1) {
        return no(
            "kernel.apparmor_restrict_unprivileged_userns is 1 and the caller has no CAP_SYS_ADMIN",
            "load an AppArmor profile with the rule `userns,` for stockade, or run as root",
        );
    }
    Availability::Yes
}

fn security_modules() -> BTreeSet<String> {
    if let Some(ids) = sys::security_modules() {
        let name = |id: u64| {
            let known = MODULES.iter().find(|(number, _)| *number == id);
            known.map_or_else(|| format!("#{id}"), |(_, name)| (*name).to_owned())
        };
        return ids.into_iter().map(name).collect();
    }
    match read::record(Path::new("/sys/kernel/security/lsm")) {
        Ok(content) => String::from_utf8_lossy(&content)
            .trim()
            .split(',')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect(),
        Err(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stockade_policy::host::CgroupHost;

    #[test]
    fn this_host() {
        let host = host().expect("probe");
        assert!(host.kernel.contains('.'), "{}", host.kernel);
        // The oracle is the shell's own reading of the same kernel.
        let oracle = |script: &str| {
            let output = std::process::Command::new("sh").args(["-c", script]).output().expect("sh");
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(host.kernel, oracle("uname -r"));
        assert_eq!(host.caller.uid.to_string(), oracle("id -u"));
        assert_eq!(
            format!("{:016x}", host.caller.capabilities.0),
            oracle("grep CapEff /proc/$$/status | cut -f2")
        );
        let bounding = oracle("grep CapBnd /proc/$$/status | cut -f2");
        let bounding = u64::from_str_radix(&bounding, 16).expect("hexadecimal");
        assert_eq!(bounding & !host.kernel_capabilities.0, 0, "no capability beyond cap_last_cap");
        let last = oracle("cat /proc/sys/kernel/cap_last_cap").parse::<u32>().expect("number");
        assert_eq!(host.kernel_capabilities.0.count_ones(), last + 1);
        let seccomp = host.seccomp.expect("every kernel that we support has filters");
        assert!(seccomp.actions.contains("errno") && seccomp.flags & 1 == 1);
        // Each flag alone says the same as all at once.
        let alone = FLAGS.into_iter().filter_map(|flag| {
            let taken = sys::seccomp_flags(&[(flag.bit, flag.beside), (1 << 31, 0)])?;
            Some(taken).filter(|taken| *taken == flag.bit)
        });
        assert_eq!(alone.fold(0, |all, bit| all | bit), seccomp.flags);
        match host.cgroup {
            CgroupHost::V1 { parents } => {
                assert!(parents.values().all(|parent| Path::new(parent).join("cgroup.procs").exists()));
            }
            CgroupHost::V2 { parent, .. } => assert!(Path::new(&parent).parent().is_some_and(Path::exists)),
            CgroupHost::None { why, remedy } => assert!(!why.is_empty() && !remedy.is_empty()),
        }
    }
}
