//! The filter as the JSON that container engines take: Docker's (`docker run --security-opt seccomp=FILE`) and
//! the `linux.seccomp` of an OCI runtime's bundle.
//!
//! What comes out is read again as runc and libseccomp read it, and given out only where it decides the same.

use super::rules::{Comparison, MOST, Rule, rules};
use crate::import::{self, Container};
use crate::lattice::action::Action;
use crate::lattice::syscalls::Syscalls;
use crate::lookup::Source;
use crate::policy::Filter;
use crate::vocab::{Arch, syscalls};
use crate::write::{self, WriteError};
use serde::Serialize;
use std::collections::BTreeMap;

/// Whose JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Docker's and podman's: `archMap`.
    Docker,
    /// The OCI runtime's: `architectures`.
    Oci,
}

/// Why a policy cannot be said in JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// What a profile could not say either.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// libseccomp always has the host's own interface.
    #[error("every call of {host} kills the process; in JSON the host's own interface cannot be left out")]
    Native {
        /// The host.
        host: Arch,
    },
    /// An action with data that JSON has no place for.
    #[error("{} gets {action}: JSON has no data for a trap", .call.map_or("a call".to_owned(), |call| format!("`{call}`")))]
    Data {
        /// The call; `None` is the default.
        call: Option<&'static str>,
        /// The answer.
        action: Action,
    },
    /// 64 bits compared piece by piece.
    #[error("`{call}` needs more than {MOST} rules, because JSON compares a register once and whole in each")]
    Rules {
        /// The call.
        call: &'static str,
    },
    /// Docker's JSON cannot ask for no flag.
    #[error(
        "`speculation: mitigated` cannot be said in Docker's JSON: without a flag the runtime asks for SPEC_ALLOW; \
         `--emit oci` can say it"
    )]
    Mitigated,
    /// The same rules mean something else on an interface.
    #[error("`{call}` on {arch} cannot be said in JSON: {why}")]
    Differs {
        /// The call.
        call: &'static str,
        /// The interface.
        arch: Arch,
        /// Why not.
        why: &'static str,
    },
    /// What came out would not be read.
    #[error("the rules would not be taken: {0}")]
    Refused(String),
}

/// JSON, and what the reader should know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The text.
    pub json: String,
    /// Where an engine does something that the file does not say.
    pub notes: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    default_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_errno_ret: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch_map: Option<[ArchMap; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    architectures: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Vec<&'static str>>,
    syscalls: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArchMap {
    architecture: &'static str,
    sub_architectures: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    names: Vec<&'static str>,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errno_ret: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    args: Vec<Comparison>,
}

/// `policy` for a host as JSON, put on as `filter` says.
pub fn seccomp_json(
    policy: &Syscalls,
    filter: &Filter,
    host: Arch,
    dialect: Dialect,
) -> Result<Exported, ExportError> {
    let interfaces = write::interfaces(policy, host.family());
    if !interfaces.contains(&host) {
        return Err(ExportError::Native { host });
    }
    let default = write::unknown(&interfaces, policy)?;
    let (default_action, default_errno_ret) = named(default, None)?;
    let names: Vec<&'static str> = interfaces.iter().map(|arch| import::interface_name(*arch)).collect();
    let entries = entries(policy, &interfaces, default)?;
    let notes = notes(&entries, &interfaces, host, default);
    let document = Document {
        default_action,
        default_errno_ret,
        arch_map: (dialect == Dialect::Docker)
            .then(|| [ArchMap { architecture: names[0], sub_architectures: names[1..].to_vec() }]),
        architectures: (dialect == Dialect::Oci).then_some(names),
        flags: flags(filter, dialect)?,
        syscalls: entries,
    };
    let mut json =
        serde_json::to_string_pretty(&document).map_err(|error| ExportError::Refused(error.to_string()))?;
    json.push('\n');
    check(&json, policy, host)?;
    Ok(Exported { json, notes })
}

/// The flags to ask for. Where none are written runc asks for `SPEC_ALLOW`; a list that is empty says none to runc, and
/// Docker leaves it out.
fn flags(filter: &Filter, dialect: Dialect) -> Result<Option<Vec<&'static str>>, ExportError> {
    match (filter.log_denied.value, filter.mitigate_speculation.value) {
        (false, false) => Ok(None),
        (false, true) if dialect == Dialect::Docker => Err(ExportError::Mitigated),
        (false, true) => Ok(Some(Vec::new())),
        (true, true) => Ok(Some(vec!["SECCOMP_FILTER_FLAG_LOG"])),
        (true, false) => Ok(Some(vec!["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"])),
    }
}

/// The action and its errno as JSON has them.
fn named(action: Action, call: Option<&'static str>) -> Result<(&'static str, Option<u16>), ExportError> {
    Ok(match action {
        Action::KillProcess => ("SCMP_ACT_KILL_PROCESS", None),
        Action::KillThread => ("SCMP_ACT_KILL_THREAD", None),
        Action::Trap(0) => ("SCMP_ACT_TRAP", None),
        Action::Trap(_) => return Err(ExportError::Data { call, action }),
        Action::Errno(errno) => ("SCMP_ACT_ERRNO", Some(errno)),
        Action::Trace(message) => ("SCMP_ACT_TRACE", Some(message)),
        Action::Notify => ("SCMP_ACT_NOTIFY", None),
        Action::Log => ("SCMP_ACT_LOG", None),
        Action::Allow => ("SCMP_ACT_ALLOW", None),
    })
}

/// Calls with the same rules together, those without comparisons first.
fn entries(policy: &Syscalls, interfaces: &[Arch], default: Action) -> Result<Vec<Entry>, ExportError> {
    let mut alike: BTreeMap<(bool, Vec<Rule>), Vec<&'static str>> = BTreeMap::new();
    for call in syscalls::all_names() {
        let having =
            interfaces.iter().filter_map(|arch| syscalls::number(*arch, call).map(|number| (*arch, number)));
        // What 64 bits decide can be cut to 32: the native interface, which comes first, has most.
        let Some((arch, number)) = having.into_iter().next() else { continue };
        let rules = rules(policy.table(arch).diagram(number), default).ok_or(ExportError::Rules { call })?;
        if !rules.is_empty() {
            let conditional = rules.iter().any(|(comparisons, _)| !comparisons.is_empty());
            alike.entry((conditional, rules)).or_default().push(call);
        }
    }
    let mut entries = Vec::new();
    for ((_, rules), names) in alike {
        for (args, action) in rules {
            let (action, errno_ret) = named(action, names.first().copied())?;
            entries.push(Entry { names: names.clone(), action, errno_ret, args });
        }
    }
    Ok(entries)
}

/// The newest kernel whose calls libseccomp 2.5.4 knows: its NEWS.
const KNOWN: (u16, u16) = (5, 17);
/// `ENOSYS`, errno(3).
const ENOSYS: Action = Action::Errno(38);

fn notes(entries: &[Entry], interfaces: &[Arch], host: Arch, default: Action) -> Vec<String> {
    let mut notes = Vec::new();
    let names = entries.iter().flat_map(|entry| entry.names.iter().copied());
    let mut young: Vec<&str> =
        names.filter(|call| syscalls::introduced(call).is_some_and(|version| version > KNOWN)).collect();
    young.sort_unstable();
    young.dedup();
    if !young.is_empty() {
        notes.push(format!(
            "an engine's libseccomp may be older than these calls, and then gives them {default}: {}",
            young.join(", ")
        ));
    }
    let others: Vec<&str> =
        host.family().iter().filter(|arch| !interfaces.contains(arch)).map(|arch| arch.name()).collect();
    if !others.is_empty() {
        notes.push(format!(
            "a call through {} kills the thread under libseccomp, the policy says the process",
            others.join(" or ")
        ));
    }
    if default != ENOSYS {
        notes.push(format!(
            "runc answers ENOSYS to numbers above the largest that the file names, where the policy says {default}"
        ));
    }
    notes
}

/// Reads the JSON as an engine would and holds it against the policy.
fn check(json: &str, policy: &Syscalls, host: Arch) -> Result<(), ExportError> {
    let source = Source { file: "the exported file".into(), text: json.as_bytes().to_vec() };
    // No rule here asks for a kernel or a capability.
    let (read, _) = import::decided(&source, &Container::docker(host, (0, 0))).map_err(|found| {
        ExportError::Refused(found.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default())
    })?;
    let policy = policy.on(host);
    if read == policy {
        return Ok(());
    }
    for arch in host.family() {
        for (number, call) in syscalls::table(*arch) {
            if read.table(*arch).diagram(*number) != policy.table(*arch).diagram(*number) {
                let through = ["socketcall", "ipc"].contains(call);
                let why = if through {
                    "libseccomp answers it as the calls that it makes"
                } else {
                    "rules there are about names, and compare whole registers"
                };
                return Err(ExportError::Differs { call, arch: *arch, why });
            }
        }
    }
    Err(ExportError::Refused("numbers without a name would be answered otherwise".to_owned()))
}
