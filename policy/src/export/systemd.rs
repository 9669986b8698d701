//! systemd: a policy as directives of a service. systemd.exec(5), systemd.resource-control(5), version 252.

mod addresses;
mod calls;

use super::docker::usual;
use super::engine::{Asked, Demand, Said, Surroundings};
use crate::plan::{MountEntry, MountKind, Plan};
use crate::policy::{
    Device, Label, NamespaceKind, NamespaceMode, Network, Policy, ProcView, Resource, Rlimit,
};
use crate::profile::Securebit;
use crate::vocab::CapSet;
use std::collections::BTreeSet;

/// A directive and its value.
pub(super) type Directive = (&'static str, String);

/// Directives of rlimits.
const LIMITS: [(Rlimit, &str); 11] = [
    (Rlimit::Cpu, "LimitCPU"),
    (Rlimit::FileSize, "LimitFSIZE"),
    (Rlimit::Data, "LimitDATA"),
    (Rlimit::Stack, "LimitSTACK"),
    (Rlimit::Core, "LimitCORE"),
    (Rlimit::Processes, "LimitNPROC"),
    (Rlimit::OpenFiles, "LimitNOFILE"),
    (Rlimit::LockedMemory, "LimitMEMLOCK"),
    (Rlimit::AddressSpace, "LimitAS"),
    (Rlimit::PendingSignals, "LimitSIGPENDING"),
    (Rlimit::MessageQueues, "LimitMSGQUEUE"),
];

/// Securebits that systemd knows.
const SECUREBITS: [(Securebit, &str); 5] = [
    (Securebit::Noroot, "noroot"),
    (Securebit::NorootLocked, "noroot-locked"),
    (Securebit::NoSetuidFixup, "no-setuid-fixup"),
    (Securebit::NoSetuidFixupLocked, "no-setuid-fixup-locked"),
    (Securebit::KeepCapsLocked, "keep-caps-locked"),
];

/// What systemd is told for one demand.
pub(super) fn say(asked: &Asked<'_>, policy: &Policy, plan: &Plan) -> Said<Directive> {
    match asked.demand {
        Demand::User(uid, gid) => Said::exactly([("User", uid.to_string()), ("Group", gid.to_string())]),
        Demand::NotRoot | Demand::Users => {
            Said::not("systemd refuses no user: give one that is admitted as User=")
        }
        Demand::Group(gid) => Said::exactly([("SupplementaryGroups", gid.to_string())]),
        Demand::NoNewPrivileges => yes("NoNewPrivileges"),
        Demand::WriteXorExecute => yes("MemoryDenyWriteExecute"),
        Demand::Environment(names) => environment(names),
        Demand::Umask(mask) => Said::exactly([("UMask", format!("{mask:04o}"))]),
        Demand::Securebits(bits) => securebits(bits),
        Demand::Limit(limit, most) => {
            let most = if most == u64::MAX { "infinity".to_owned() } else { most.to_string() };
            let directive = LIMITS.iter().find(|(known, _)| *known == limit);
            Said::exactly(directive.map(|(_, name)| (*name, most)))
        }
        Demand::Workdir(path) => whole("WorkingDirectory", path),
        Demand::Hostname(_) => Said::anyway().differs("systemd before 257 gives a service no host name"),
        Demand::Sysctl(..) => Said::anyway().differs("systemd sets no sysctls for one service"),
        Demand::Capabilities(kept) => capabilities(kept, policy),
        Demand::Syscalls(false) => Said::anyway(),
        Demand::Syscalls(true) => calls::say(&policy.syscalls, plan.arch),
        Demand::LogDenied => {
            Said::anyway().differs("SystemCallLog= logs what it lists instead of denying it")
        }
        Demand::ReadTheseOnly => {
            Said::not("systemd has no list of what may be read: give a tree of its own with RootDirectory=")
        }
        Demand::ExecuteTheseOnly(paths) => execute(paths),
        Demand::ReadOnlyRoot => Said::exactly([("ProtectSystem", "strict".to_owned())]),
        Demand::Path(entry, around) => path(entry, around),
        Demand::Tmp(bytes) => {
            let size = if bytes == u64::MAX { String::new() } else { format!(",size={bytes}") };
            let options = format!("/tmp:rw,noexec,nosuid,nodev{size},mode=1777");
            Said::exactly([("TemporaryFileSystem", options)])
        }
        Demand::Proc(view) => proc(view),
        Demand::Devices(None) => Said::anyway(),
        Demand::Devices(Some(devices)) => nodes(devices),
        Demand::Namespace(kind, mode) => namespace(kind, mode, policy),
        Demand::NetworkPath(path) => whole("NetworkNamespacePath", path),
        Demand::Resource(resource, most) => Said::exactly([limit(resource, most)]).looser_if(
            matches!(
                resource,
                Resource::IoRead
                    | Resource::IoWrite
                    | Resource::IoReadOperations
                    | Resource::IoWriteOperations
            ),
            "only the device of the root is limited: add a line for each other one",
        ),
        Demand::DiskSize(_) | Demand::DiskFiles => Said::not("systemd 252 limits no disk space"),
        Demand::Traffic(network) => traffic(&asked.subject, network),
        Demand::AppArmor(Label::Name(name)) => whole("AppArmorProfile", name),
        Demand::AppArmor(Label::Unconfined) | Demand::SeLinux(Label::Unconfined) => Said::anyway(),
        Demand::AppArmor(Label::Generate) => Said::not("there is no AppArmor profile to name yet"),
        Demand::SeLinux(_) => Said::not("systemd takes a whole SELinux context, and the policy names a type"),
        Demand::TrustedPaths => Said::not("systemd does not look at who can write a program"),
    }
}

fn yes(name: &'static str) -> Said<Directive> {
    Said::exactly([(name, "yes".to_owned())])
}

/// A word of a list: specifiers, quotes and spaces are taken as they stand. systemd.syntax(7), systemd.unit(5).
/// `None` where systemd cannot be given it.
fn word(text: &str) -> Option<String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return None;
    }
    let text = text.replace('%', "%%");
    let bare = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\');
    if text.chars().all(bare) && !text.starts_with(['-', '+', '!', '~', '#', ';']) {
        return Some(text);
    }
    Some(format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\"")))
}

/// A directive that takes the rest of the line as its value, without quotes.
fn whole(name: &'static str, value: &str) -> Said<Directive> {
    let odd = value.chars().any(char::is_control)
        || value.ends_with('\\')
        || value.trim() != value
        || value.starts_with(['-', '"', '\'', '~'])
        || value.is_empty();
    if odd {
        return Said::not("systemd cannot be given this value as it is");
    }
    Said::exactly([(name, value.replace('%', "%%"))])
}

/// A list of one path that need not be there.
fn at(name: &'static str, path: &str) -> Said<Directive> {
    match word(path) {
        Some(quoted) => Said::exactly([(name, may_be_missing(&quoted))]),
        None => Said::not("systemd cannot be given this path"),
    }
}

/// The mark stands inside the quotes: it belongs to the word.
fn may_be_missing(word: &str) -> String {
    word.strip_prefix('"').map_or_else(|| format!("-{word}"), |rest| format!("\"-{rest}"))
}

fn environment(names: &BTreeSet<String>) -> Said<Directive> {
    let words: Option<Vec<String>> = names.iter().map(|name| word(name)).collect();
    match words {
        Some(words) if !words.is_empty() => Said::exactly([("PassEnvironment", words.join(" "))]),
        _ => Said::anyway(),
    }
    .looser("systemd adds variables of its own, as INVOCATION_ID, and those of Environment=")
}

fn securebits(bits: u32) -> Said<Directive> {
    let known: Vec<_> = SECUREBITS.iter().filter(|(bit, _)| bits & bit.bit() != 0).collect();
    let all = known.iter().fold(0, |all, (bit, _)| all | bit.bit());
    let names: Vec<&str> = known.iter().map(|(_, name)| *name).collect();
    let settings = (!names.is_empty()).then(|| ("SecureBits", names.join(" ")));
    Said::exactly(settings)
        .looser_if(all != bits, "systemd does not know the securebits about ambient capabilities")
}

fn capabilities(kept: CapSet, policy: &Policy) -> Said<Directive> {
    if kept == CapSet::ALL {
        return Said::anyway();
    }
    let names: Vec<String> = kept.iter().map(|cap| format!("CAP_{}", cap.name().to_uppercase())).collect();
    let names = names.join(" ");
    let ambient = if policy.users.uids.value.contains(0) { String::new() } else { names.clone() };
    Said::exactly([("CapabilityBoundingSet", names), ("AmbientCapabilities", ambient)])
}

fn execute(paths: &[String]) -> Said<Directive> {
    let mut said = Said::exactly([("NoExecPaths", "/".to_owned())]);
    for path in paths {
        let one = at("ExecPaths", path);
        said.settings.extend(one.settings);
        if !one.lacks.is_empty() {
            said = said.stricter("systemd cannot be given a path with control characters");
        }
    }
    said
}

fn path(entry: &MountEntry, around: Surroundings) -> Said<Directive> {
    let path = entry.at.as_str();
    // Several directives separate by a colon.
    let parted = path.contains(':');
    match &entry.what {
        MountKind::Hide if around.below_hidden => Said::anyway(),
        MountKind::Hide if around.shows && !parted => match word(path) {
            Some(quoted) => Said::exactly([("TemporaryFileSystem", appended(&quoted, ":ro"))]),
            None => Said::not("systemd cannot be given this path"),
        },
        MountKind::Hide => at("InaccessiblePaths", path),
        MountKind::Writable { .. } | MountKind::ReadOnly { .. } if around.below_hidden && parted => {
            Said::anyway()
                .stricter("systemd cannot be given this path, so it is hidden with what stands above it")
        }
        MountKind::Writable { exec } => {
            let said = at(if around.below_hidden { "BindPaths" } else { "ReadWritePaths" }, path);
            no_exec(said, path, *exec)
        }
        MountKind::ReadOnly { exec } => {
            let said = at(if around.below_hidden { "BindReadOnlyPaths" } else { "ReadOnlyPaths" }, path);
            no_exec(said, path, *exec)
        }
        MountKind::Bind { from, .. } if parted || from.contains(':') => {
            Said::anyway().stricter("systemd cannot mount at or from a path with a colon")
        }
        MountKind::Bind { from, write, exec, suid, dev } => {
            let name = if *write { "BindPaths" } else { "BindReadOnlyPaths" };
            let said = match word(&format!("{from}:{path}:rbind")) {
                Some(quoted) => Said::exactly([(name, quoted)]),
                None => Said::anyway().stricter("systemd cannot be given a path with control characters"),
            };
            let said = no_exec(said, path, *exec);
            said.looser_if(!(*suid && *dev), "systemd mounts it without nosuid and nodev")
        }
    }
}

fn appended(word: &str, more: &str) -> String {
    word.strip_suffix('"').map_or_else(|| format!("{word}{more}"), |rest| format!("{rest}{more}\""))
}

fn no_exec(mut said: Said<Directive>, path: &str, exec: bool) -> Said<Directive> {
    let name = if exec { "ExecPaths" } else { "NoExecPaths" };
    if !said.settings.is_empty() {
        said.settings.extend(at(name, path).settings);
    }
    said
}

fn proc(view: ProcView) -> Said<Directive> {
    let hidden = ("ProtectProc", "ptraceable".to_owned());
    match view {
        ProcView::None => Said::exactly([("InaccessiblePaths", "-/proc".to_owned())]),
        ProcView::Minimal => Said::exactly([hidden, ("ProcSubset", "pid".to_owned())]),
        ProcView::Hidden => Said::exactly([hidden]),
        ProcView::Full => Said::anyway(),
    }
}

fn nodes(devices: &BTreeSet<Device>) -> Said<Directive> {
    let odd = devices.iter().filter_map(|device| match device {
        Device::Node(node) if !usual(node) => Some(node),
        _ => None,
    });
    let mut said = Said::exactly([("DevicePolicy", "closed".to_owned())]);
    let mut any = false;
    for node in odd {
        any = true;
        match word(&format!("/dev/{node}")) {
            Some(quoted) => said.settings.push(("DeviceAllow", format!("{quoted} rw"))),
            None => said = said.stricter("systemd cannot be given a path with control characters"),
        }
    }
    if any {
        return said.looser("the nodes of the host's other devices are seen, and cannot be opened");
    }
    said.settings.push(("PrivateDevices", "yes".to_owned()));
    let all = devices.contains(&Device::Pts) && devices.contains(&Device::Shm);
    said.looser_if(!all, "the private /dev always has pts, shm and mqueue")
}

fn namespace(kind: NamespaceKind, mode: NamespaceMode, policy: &Policy) -> Said<Directive> {
    let bare = policy.capabilities.value == CapSet::EMPTY;
    match (kind, mode) {
        (NamespaceKind::Pid, _) => {
            Said::not("systemd before 257 gives a service no process namespace of its own")
        }
        (NamespaceKind::Mount, _) => yes("PrivateMounts"),
        (_, NamespaceMode::Host) => Said::anyway(),
        (NamespaceKind::User, NamespaceMode::Auto) if !bare => Said::anyway(),
        (NamespaceKind::User, _) if bare => yes("PrivateUsers"),
        (NamespaceKind::User, _) => {
            yes("PrivateUsers").stricter("capabilities count for nothing outside of it")
        }
        (NamespaceKind::Network, _) => yes("PrivateNetwork"),
        (NamespaceKind::Ipc, _) => yes("PrivateIPC"),
        (NamespaceKind::Uts, _) => yes("ProtectHostname"),
        (NamespaceKind::Cgroup, _) => yes("ProtectControlGroups")
            .looser("systemd before 257 gives a service no cgroup namespace: the host's tree is read-only"),
    }
}

fn limit(resource: Resource, most: u64) -> Directive {
    // The device that `/` lies on.
    let of_root = |most: u64| format!("/ {most}");
    match resource {
        Resource::Memory => ("MemoryMax", most.to_string()),
        Resource::Swap => ("MemorySwapMax", most.to_string()),
        Resource::CpuMillis if most.is_multiple_of(10) => ("CPUQuota", format!("{}%", most / 10)),
        Resource::CpuMillis => ("CPUQuota", format!("{}.{}%", most / 10, most % 10)),
        Resource::Processes => ("TasksMax", most.to_string()),
        Resource::IoRead => ("IOReadBandwidthMax", of_root(most)),
        Resource::IoWrite => ("IOWriteBandwidthMax", of_root(most)),
        Resource::IoReadOperations => ("IOReadIOPSMax", of_root(most)),
        Resource::IoWriteOperations => ("IOWriteIOPSMax", of_root(most)),
    }
}

fn traffic(subject: &str, network: &Network) -> Said<Directive> {
    if !subject.ends_with(".peers") {
        return Said::not("systemd limits no rates of traffic");
    }
    let (Some(egress), Some(ingress)) = (&network.egress.peers, &network.ingress.peers) else {
        return Said::not(
            "systemd admits the same peers in both directions, and the policy limits one of them",
        );
    };
    // Once for both directions.
    let settings = if subject.starts_with("network.egress") {
        let allowed = addresses::list(&egress.value.union(&ingress.value));
        let allowed = allowed.into_iter().map(|network| ("IPAddressAllow", network));
        std::iter::once(("IPAddressDeny", "any".to_owned())).chain(allowed).collect()
    } else {
        Vec::new()
    };
    Said::exactly(settings).looser("systemd looks at addresses alone, not at protocols, ports and directions")
}

/// A drop-in for the service.
pub(super) fn unit(directives: &[Directive]) -> String {
    let lines = directives.iter().map(|(name, value)| format!("{name}={value}\n"));
    std::iter::once("[Service]\n".to_owned()).chain(lines).collect()
}
