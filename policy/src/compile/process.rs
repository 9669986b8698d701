//! Attributes of the process: switches, limits, environment, sysctls.

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use crate::host::Host;
use crate::lattice::files::Rights;
use crate::origin::Ruled;
use crate::plan::{Namespaces, Process};
use crate::policy::{NamespaceKind, Policy, Section};

/// Sysctls that a namespace has for itself, by prefix or whole name. namespaces(7), ipc_namespaces(7), and
/// the kernel's `register_*_sysctl` of each namespace. What a namespace does not show under `net.` cannot be
/// written in it.
const NAMESPACED: [(&str, NamespaceKind); 16] = [
    ("net.", NamespaceKind::Network),
    ("fs.mqueue.", NamespaceKind::Ipc),
    ("kernel.auto_msgmni", NamespaceKind::Ipc),
    ("kernel.msgmax", NamespaceKind::Ipc),
    ("kernel.msgmnb", NamespaceKind::Ipc),
    ("kernel.msgmni", NamespaceKind::Ipc),
    ("kernel.msg_next_id", NamespaceKind::Ipc),
    ("kernel.sem", NamespaceKind::Ipc),
    ("kernel.sem_next_id", NamespaceKind::Ipc),
    ("kernel.shmall", NamespaceKind::Ipc),
    ("kernel.shmmax", NamespaceKind::Ipc),
    ("kernel.shmmni", NamespaceKind::Ipc),
    ("kernel.shm_next_id", NamespaceKind::Ipc),
    ("kernel.shm_rmid_forced", NamespaceKind::Ipc),
    ("kernel.domainname", NamespaceKind::Uts),
    // 6.3; per pid namespace, which is always private.
    ("vm.memfd_noexec", NamespaceKind::Pid),
];

/// The process's attributes.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    namespaces: &Namespaces,
    gaps: &mut Gaps<'_>,
) -> Result<Process, CompileError> {
    let asked = &policy.process;
    if asked.write_xor_execute.value && !host.write_xor_execute {
        let obstacle = Obstacle::new("the kernel does not have PR_SET_MDWE", "boot a kernel of 6.3 or later");
        gaps.add(Section::Process, "process: write_xor_execute", obstacle, &asked.write_xor_execute.origins);
    }
    if let Some(hostname) = &asked.hostname {
        its_own(namespaces, NamespaceKind::Uts, "hostname", &hostname.origins)?;
    }
    for (name, value) in &asked.sysctls {
        sysctl(name, value, namespaces)?;
    }
    if let Some(workdir) = &asked.workdir {
        visible(policy, workdir)?;
    }
    Ok(Process {
        no_new_privileges: asked.no_new_privileges.value,
        write_xor_execute: asked.write_xor_execute.value && host.write_xor_execute,
        environment: asked.environment.as_ref().map(|names| names.value.clone()),
        securebits: asked.securebits.value,
        umask: asked.umask.value,
        limits: asked.limits.iter().map(|(limit, value)| (*limit, value.value)).collect(),
        workdir: asked.workdir.as_ref().map(|path| path.value.clone()),
        hostname: asked.hostname.as_ref().map(|name| name.value.clone()),
        sysctls: asked.sysctls.iter().map(|(name, value)| (name.clone(), value.value.clone())).collect(),
    })
}

fn sysctl(name: &str, value: &Ruled<String>, namespaces: &Namespaces) -> Result<(), CompileError> {
    let known = NAMESPACED
        .iter()
        .find(|(known, _)| if known.ends_with('.') { name.starts_with(known) } else { name == *known });
    let Some((_, kind)) = known else {
        return Err(CompileError::SysctlNotNamespaced {
            name: name.to_owned(),
            origins: value.origins.clone(),
        });
    };
    its_own(namespaces, *kind, &format!("sysctl {name}"), &value.origins)
}

fn its_own(
    namespaces: &Namespaces,
    kind: NamespaceKind,
    what: &str,
    origins: &crate::origin::Origins,
) -> Result<(), CompileError> {
    if namespaces.private.contains(&kind) {
        return Ok(());
    }
    let namespace = match kind {
        NamespaceKind::User => "user",
        NamespaceKind::Mount => "mount",
        NamespaceKind::Pid => "pid",
        NamespaceKind::Ipc => "ipc",
        NamespaceKind::Uts => "uts",
        NamespaceKind::Cgroup => "cgroup",
        NamespaceKind::Network => "network",
    };
    Err(CompileError::NotItsOwn { what: what.to_owned(), namespace, origins: origins.clone() })
}

/// A mount may stand where the tree is hidden; otherwise a hidden directory cannot be entered.
fn visible(policy: &Policy, workdir: &Ruled<String>) -> Result<(), CompileError> {
    let path = &workdir.value;
    let rights = policy.files.tree.rights(path);
    let mounted = policy.mounts.iter().flatten().any(|(at, _)| super::paths::is_within(path, at));
    if rights.value != Rights::NONE || mounted {
        return Ok(());
    }
    Err(CompileError::HiddenWorkdir { path: path.clone(), origins: both(&workdir.origins, &rights.origins) })
}
