//! Settings of the namespaces that a process is in. proc_sys(5); setns(2).

use super::Read;
use crate::layer::namespaces::sysctl_file;
use crate::status::Verdict;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsFd;
use std::path::PathBuf;
use stockade_observe::namespace::Namespaces;
use stockade_observe::{ObserveError, Task, read};
use stockade_policy::policy::NamespaceKind;

/// Longest value that is read, bytes.
const LONGEST: usize = 4096;

/// The namespaces that one thread can join alone, and the settings of each, by the beginning of their names. A user
/// namespace takes a process of its own, and a pid namespace's are those of who was born there.
const JOINED: [(&str, NamespaceKind, LinkNameSpaceType); 4] = [
    ("net.", NamespaceKind::Network, LinkNameSpaceType::Network),
    ("kernel.domainname", NamespaceKind::Uts, LinkNameSpaceType::HostNameAndNISDomainName),
    ("kernel.", NamespaceKind::Ipc, LinkNameSpaceType::InterProcessCommunication),
    ("fs.mqueue.", NamespaceKind::Ipc, LinkNameSpaceType::InterProcessCommunication),
];

/// Whether the settings are as the plan has them; `None` where that cannot be seen from here.
pub(super) fn verify(sysctls: &BTreeMap<String, String>, task: &Task) -> Option<Read> {
    let visible = sysctls.keys().all(|name| joined(name).is_some());
    match each(sysctls, task, &compare) {
        Err(error) if error.is_denied() => None,
        Ok(Verdict::Exact) if !visible => None,
        read => Some(read.map(|verdict| (verdict, format!("{} settings", sysctls.len())))),
    }
}

/// Why a setting was not given.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// The namespace could not be found.
    #[error(transparent)]
    Namespace(#[from] ObserveError),
    /// The kernel does not take it.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file of the setting.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Gives the namespaces of a process the settings of the plan, but for those that it shares with the caller.
pub(crate) fn set(sysctls: &BTreeMap<String, String>, task: &Task) -> Result<(), SysctlError> {
    let ours = Task::ours()?;
    let mut own = sysctls.clone();
    let mut shared = Vec::new();
    for name in sysctls.keys() {
        if let Some((_, kind, _)) = joined(name)
            && Namespaces::one(task, *kind)? == Namespaces::one(&ours, *kind)?
        {
            shared.push(name);
        }
    }
    own.retain(|name, _| !shared.contains(&name));
    each(&own, task, &|name, planned| {
        let path = PathBuf::from(sysctl_file(name));
        std::fs::write(&path, planned).map_err(|source| SysctlError::Write { path, source })?;
        Ok(Verdict::Exact)
    })
    .map(|_| ())
}

fn joined(name: &str) -> Option<&'static (&'static str, NamespaceKind, LinkNameSpaceType)> {
    JOINED.iter().find(|(prefix, ..)| name.starts_with(prefix))
}

/// Asks about each setting by its name and what is planned, in the namespace of `task` that has it: on a thread of its
/// own, which ends there.
fn each<E: From<ObserveError> + Send>(
    sysctls: &BTreeMap<String, String>,
    task: &Task,
    ask: &(dyn Fn(&str, &str) -> Result<Verdict, E> + Sync),
) -> Result<Verdict, E> {
    let asked = || -> Result<Verdict, E> {
        let mut verdict = Verdict::Exact;
        for (name, planned) in sysctls {
            let Some((_, kind, join)) = joined(name) else { continue };
            let path = task.path(&format!("ns/{}", kind.file()));
            let failed = |source| ObserveError::Read { path: path.clone(), source };
            let namespace = File::open(&path).map_err(failed)?;
            move_into_link_name_space(namespace.as_fd(), Some(*join))
                .map_err(|errno| failed(errno.into()))?;
            verdict = verdict.and(ask(name, planned)?);
        }
        Ok(verdict)
    };
    let ended = std::thread::scope(|scope| scope.spawn(asked).join());
    ended.unwrap_or_else(|fault| std::panic::resume_unwind(fault))
}

fn compare(name: &str, planned: &str) -> Result<Verdict, ObserveError> {
    let actual = read::bounded(sysctl_file(name).as_ref(), LONGEST)?;
    let actual = String::from_utf8_lossy(&actual);
    // The kernel puts tabs between the numbers of a list.
    Ok(if actual.split_whitespace().eq(planned.split_whitespace()) {
        Verdict::Exact
    } else {
        Verdict::looser(format!("{name} is `{}` instead of `{planned}`", actual.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(name: &str, value: &str) -> Option<Verdict> {
        let planned = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let read = verify(&planned, &Task::ours().expect("this process"))?;
        Some(read.expect("a value").0)
    }

    #[test]
    fn a_setting_is_what_the_namespace_has() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIP verify-sysctls: joining a namespace takes root");
            return;
        }
        let here = std::fs::read_to_string("/proc/sys/kernel/msgmax").expect("msgmax");
        assert_eq!(said("kernel.msgmax", here.trim()), Some(Verdict::Exact));
        let other = said("kernel.msgmax", "1");
        assert!(matches!(other, Some(Verdict::Looser { witness }) if witness.contains("instead of `1`")));
        // Numbers of a list, with whatever between them.
        let ports = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("ports");
        assert_eq!(said("net.ipv4.ip_local_port_range", &ports.replace('\t', " ")), Some(Verdict::Exact));
        assert_eq!(said("user.max_user_namespaces", "1"), None);
    }
}
