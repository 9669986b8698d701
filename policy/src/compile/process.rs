//! Attributes of the process: switches, limits, environment, sysctls.

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use crate::host::Host;
use crate::lattice::files::Rights;
use crate::origin::Ruled;
use crate::plan::{Namespaces, Process};
use crate::policy::{NamespaceKind, Policy, Section};

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
    let Some(kind) = NamespaceKind::of_sysctl(name) else {
        return Err(CompileError::SysctlNotNamespaced {
            name: name.to_owned(),
            origins: value.origins.clone(),
        });
    };
    its_own(namespaces, kind, &format!("sysctl {name}"), &value.origins)
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
    Err(CompileError::NotItsOwn { what: what.to_owned(), namespace: kind.name(), origins: origins.clone() })
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
