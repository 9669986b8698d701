//! `docker run`: a policy as options of Docker's client, one a line.
//!
//! docker-run(1), version 20.10 and later. What Docker gives without being asked is as strict as it is asked to
//! be, or stricter; an option that would share something with the host is never given.

use super::engine::{Asked, Demand, Said, Surroundings};
use super::file_name;
use crate::compile::paths::is_within;
use crate::plan::{MountEntry, MountKind};
use crate::policy::{Device, Label, NamespaceKind, NamespaceMode, Policy, ProcView, Resource, Rlimit};
use crate::profile::DeviceName;
use crate::vocab::masks::MASKS;
use crate::vocab::{Cap, CapSet};

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// With its dashes.
    pub(super) option: &'static str,
    pub(super) value: Value,
}

/// What an option is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// It is there.
    Switch,
    /// A text.
    Text(String),
    /// `NAME=VALUE`
    Pair(String, String),
    /// `key=value,key=value` as CSV; a key without a value is a switch.
    Fields(Vec<(&'static str, Option<String>)>),
}

fn text(option: &'static str, value: impl ToString) -> Setting {
    Setting { option, value: Value::Text(value.to_string()) }
}

fn pair(option: &'static str, name: &str, value: impl ToString) -> Setting {
    Setting { option, value: Value::Pair(name.to_owned(), value.to_string()) }
}

fn security(value: impl ToString) -> Setting {
    text("--security-opt", value)
}

/// The permission bits that engines take from new files: the mask that their shims start with.
pub(crate) const ENGINE_UMASK: u32 = 0o022;

/// What Docker and containerd mask beside the masks of a whole `/proc`, and show read-only. moby, oci/defaults.go.
const BESIDE_PROC: [&str; 2] = ["/sys/firmware", "/sys"];

/// Whether an engine keeps `at` from harm as `what` asks, without being told. It shows `/sys`, read-only.
pub(super) fn masked_anyway(at: &str, what: &MountKind) -> bool {
    let hidden = at != "/sys" || matches!(what, MountKind::ReadOnly { .. });
    let known = MASKS.iter().any(|mask| mask.path == at) || BESIDE_PROC.contains(&at);
    known && hidden && !matches!(what, MountKind::Writable { .. } | MountKind::Bind { .. })
}

/// What Docker is told for one demand.
pub(super) fn say(asked: &Asked<'_>, policy: &Policy, filter: Result<&[String], &str>) -> Said<Setting> {
    match asked.demand {
        Demand::User(uid, gid) => Said::exactly([text("--user", format!("{uid}:{gid}"))]),
        Demand::NotRoot => Said::not("Docker cannot refuse a user: give one that is not 0 with --user"),
        Demand::Users => Said::not("Docker cannot refuse a user: give one that is admitted with --user"),
        Demand::Group(gid) => Said::exactly([text("--group-add", gid)]),
        Demand::NoNewPrivileges => Said::exactly([security("no-new-privileges:true")]),
        Demand::WriteXorExecute => Said::not("Docker cannot keep memory from being writable and executable"),
        Demand::Environment(_) => {
            Said::not("what the image sets in its environment is passed on; nothing of the caller's is")
        }
        Demand::Umask(mask) => {
            Said::anyway().looser_if(mask & !ENGINE_UMASK != 0, "Docker's mask of new files is 022")
        }
        Demand::Securebits(_) => Said::not("Docker sets no securebits"),
        Demand::Limit(limit, most) => ulimit(limit, most),
        Demand::Workdir(path) => Said::exactly([text("--workdir", path)]),
        Demand::Hostname(name) => Said::exactly([text("--hostname", name)]),
        Demand::Sysctl(name, value) => Said::exactly([pair("--sysctl", name, value)]),
        Demand::Capabilities(kept) => capabilities(kept, policy),
        Demand::Syscalls(false) => Said::exactly([security("seccomp=unconfined")]),
        Demand::Syscalls(true) => match filter {
            Ok(notes) => notes.iter().fold(
                Said::exactly([security(format!("seccomp={}", file_name(&policy.name)))]),
                |said, note| said.differs(note.clone()),
            ),
            Err(why) => Said::not(format!(
                "no seccomp JSON says these decisions, so Docker's own filter stays: {why}"
            )),
        },
        Demand::LogDenied => Said::anyway(),
        Demand::ReadTheseOnly => Said::not("Docker has no list of what may be read: all of the image is"),
        Demand::ExecuteTheseOnly(_) => {
            Said::not("Docker has no list of what may be executed: all of the image is")
        }
        Demand::ReadOnlyRoot => Said::exactly([Setting { option: "--read-only", value: Value::Switch }]),
        Demand::Path(entry, around) => path(entry, around),
        Demand::Tmp(bytes) => Said::exactly([tmpfs("/tmp", &format!("{},mode=1777", sized(bytes)))]),
        Demand::Proc(ProcView::Full) => Said::anyway(),
        Demand::Proc(_) => {
            Said::not("Docker always shows all of /proc, with the paths that leak or change the host masked")
        }
        Demand::Devices(devices) => match devices {
            None => Said::anyway().stricter("Docker gives a /dev of its own, and not the host's"),
            Some(devices) => nodes(devices),
        },
        Demand::Namespace(kind, mode) => namespace(kind, mode, policy),
        Demand::NetworkPath(_) => Said::exactly([text("--network", "none")])
            .stricter("Docker joins no network namespace by its path"),
        Demand::Resource(resource, most) => limit(resource, most, policy),
        Demand::DiskSize(bytes) => Said::exactly([pair("--storage-opt", "size", bytes)])
            .looser("it counts the container's own layer, and works on xfs with pquota, btrfs and zfs alone"),
        Demand::DiskFiles => Said::not("Docker does not count files"),
        Demand::Traffic(_) => Said::not("Docker limits no traffic"),
        Demand::AppArmor(label) => match label {
            Label::Name(name) => Said::exactly([security(format!("apparmor={name}"))]),
            Label::Unconfined => Said::exactly([security("apparmor=unconfined")]),
            Label::Generate => Said::not(
                "there is no AppArmor profile to name yet; Docker's own stays where the host has AppArmor",
            ),
        },
        Demand::SeLinux(label) => match label {
            Label::Name(name) => Said::exactly([security(format!("label=type:{name}"))]),
            Label::Unconfined => Said::exactly([security("label=disable")]),
            Label::Generate => {
                Said::not("there is no SELinux type to name yet; Docker's own stays where it is turned on")
            }
        },
        Demand::TrustedPaths => Said::not("Docker does not look at who can write a program"),
    }
}

fn ulimit(limit: Rlimit, most: u64) -> Said<Setting> {
    // go-units, ulimit.go.
    if limit == Rlimit::AddressSpace {
        return Said::not("Docker has no such rlimit");
    }
    // Docker's numbers have a sign; -1 is no limit.
    let most = i64::try_from(most).unwrap_or(-1);
    let said = Said::exactly([pair("--ulimit", &limit.kernel_name().to_ascii_lowercase(), most)]);
    match limit {
        Rlimit::Processes => said.stricter("the kernel counts the processes of this user in all containers"),
        _ => said,
    }
}

/// Docker's names of capabilities.
pub(super) fn capability(cap: Cap) -> String {
    cap.name().to_uppercase()
}

/// What a user other than root gets of capabilities under an engine.
pub(super) const NO_AMBIENT: &str = "a user that is not 0 gets none of them, as no engine makes them ambient";

fn capabilities(kept: CapSet, policy: &Policy) -> Said<Setting> {
    if kept == CapSet::ALL {
        return Said::exactly([text("--cap-add", "ALL")]);
    }
    let drop = text("--cap-drop", "ALL");
    let said =
        Said::exactly([drop].into_iter().chain(kept.iter().map(|cap| text("--cap-add", capability(cap)))));
    let root = policy.users.uids.value.contains(0);
    if kept == CapSet::EMPTY || root { said } else { said.stricter(NO_AMBIENT) }
}

fn tmpfs(at: &str, options: &str) -> Setting {
    text("--tmpfs", format!("{at}:rw,noexec,nosuid,nodev{options}"))
}

/// The size of a tmpfs; without one it is half of the memory.
fn sized(bytes: u64) -> String {
    if bytes == u64::MAX { String::new() } else { format!(",size={bytes}") }
}

/// Whether `--tmpfs PATH:OPTIONS` can name the path.
fn tmpfs_takes(path: &str) -> bool {
    !path.contains(':')
}

fn path(entry: &MountEntry, around: Surroundings) -> Said<Setting> {
    let at = entry.at.as_str();
    if masked_anyway(at, &entry.what) {
        return Said::anyway();
    }
    match &entry.what {
        MountKind::Hide if is_within(at, "/proc") || at == "/sys" => Said::not("Docker always shows it, read-only or masked in part"),
        MountKind::Hide if around.below_hidden => Said::anyway(),
        MountKind::Hide | MountKind::Writable { .. } if !tmpfs_takes(at) => Said::not("Docker cannot mount at a path with a colon"),
        MountKind::Hide => Said::exactly([text("--tmpfs", format!("{at}:ro,noexec,nosuid,nodev,size=4096,mode=0555"))])
            .differs("an empty directory is put there; over a file, put --mount type=bind,source=/dev/null,target=FILE,readonly"),
        MountKind::Writable { exec } if around.read_only_root || around.below_hidden => {
            let exec = if *exec { "exec" } else { "noexec" };
            Said::exactly([text("--tmpfs", format!("{at}:rw,{exec},nosuid,nodev"))])
                .differs("it is in memory, empty at the start and gone at the end; a volume keeps what is written, but takes no noexec")
        }
        MountKind::Writable { exec } => Said::anyway().looser_if(!exec, "Docker cannot keep programs in the image's own directories from being executed"),
        MountKind::ReadOnly { .. } if around.below_hidden => Said::anyway().stricter("it is hidden with what stands above it"),
        MountKind::ReadOnly { .. } if around.read_only_root => Said::anyway(),
        MountKind::ReadOnly { .. } => Said::not("Docker makes no single path of the image read-only"),
        MountKind::Bind { from, write, exec, suid, dev } => {
            let mut fields = vec![
                ("type", Some("bind".to_owned())),
                ("source", Some(from.clone())),
                ("target", Some(at.to_owned())),
                ("bind-propagation", Some("rprivate".to_owned())),
            ];
            if !write {
                fields.push(("readonly", None));
            }
            Said::exactly([Setting { option: "--mount", value: Value::Fields(fields) }])
                .looser_if(!write, "Docker before 25, or on a kernel before 5.12, leaves mounts below it writable")
                .looser_if(!(*exec && *suid && *dev), "Docker mounts it without noexec, nosuid and nodev")
        }
    }
}

/// Devices that every engine puts into `/dev`. runtime-spec, config-linux.md, "Default Devices".
pub(super) fn usual(node: &str) -> bool {
    DeviceName::STANDARD.contains(&node)
}

fn nodes(devices: &std::collections::BTreeSet<Device>) -> Said<Setting> {
    let mut said = Said::anyway();
    for device in devices {
        match device {
            Device::Node(node) if usual(node) => {}
            Device::Node(node) if node.contains(':') => {
                said = said.stricter("Docker cannot name a device with a colon");
            }
            Device::Node(node) => said.settings.push(text("--device", format!("/dev/{node}:/dev/{node}:rw"))),
            Device::Pts | Device::Shm => {}
        }
    }
    said.looser_if(!devices.contains(&Device::Pts), "Docker always gives /dev/pts and /dev/mqueue")
}

fn namespace(kind: NamespaceKind, mode: NamespaceMode, policy: &Policy) -> Said<Setting> {
    let shm = policy.devices.as_ref().is_none_or(|devices| devices.value.contains(&Device::Shm));
    match (kind, mode) {
        (NamespaceKind::User, NamespaceMode::Private) => Said::not(
            "Docker makes user namespaces for all containers or none: set userns-remap in daemon.json",
        ),
        (NamespaceKind::User, _) | (NamespaceKind::Pid | NamespaceKind::Mount, _) => Said::anyway(),
        (NamespaceKind::Network, NamespaceMode::Private) => Said::exactly([text("--network", "none")]),
        (NamespaceKind::Ipc, NamespaceMode::Private) => {
            // `none` is a namespace of its own without /dev/shm.
            Said::exactly([text("--ipc", if shm { "private" } else { "none" })])
        }
        (NamespaceKind::Uts, NamespaceMode::Private) => Said::anyway(),
        (NamespaceKind::Cgroup, NamespaceMode::Private) => Said::exactly([text("--cgroupns", "private")]),
        (NamespaceKind::Ipc, _) => Said::exactly([text("--ipc", "private")]).stricter(OWN),
        (NamespaceKind::Cgroup, _) => Said::exactly([text("--cgroupns", "private")]).stricter(OWN),
        (NamespaceKind::Network | NamespaceKind::Uts, _) => Said::anyway().stricter(OWN),
    }
}

const OWN: &str = "the policy allows the host's, and the container gets one of its own";

fn limit(resource: Resource, most: u64, policy: &Policy) -> Said<Setting> {
    match resource {
        Resource::Memory => Said::exactly([text("--memory", most)]),
        Resource::Swap => match policy.resources.get(&Resource::Memory) {
            // Docker counts memory and swap together.
            Some(memory) => Said::exactly([text("--memory-swap", memory.value.saturating_add(most))]),
            None => Said::not("Docker limits swap only together with memory"),
        },
        Resource::CpuMillis => Said::exactly([text("--cpus", format!("{}.{:03}", most / 1000, most % 1000))]),
        Resource::Processes => Said::exactly([text("--pids-limit", most)]),
        Resource::IoRead | Resource::IoWrite | Resource::IoReadOperations | Resource::IoWriteOperations => {
            Said::not("Docker limits one device, not every one: name it in --device-read-bps and its like")
        }
    }
}

/// The arguments, one a line, quoted for a shell and for xargs(1).
pub(super) fn lines(settings: &[Setting]) -> String {
    settings.iter().map(|setting| quoted(&argument(setting)) + "\n").collect()
}

fn argument(setting: &Setting) -> String {
    match &setting.value {
        Value::Switch => setting.option.to_owned(),
        Value::Text(text) => format!("{}={text}", setting.option),
        Value::Pair(name, value) => format!("{}={name}={value}", setting.option),
        Value::Fields(fields) => {
            let field = |(key, value): &(&str, Option<String>)| match value {
                Some(value) => csv(&format!("{key}={value}")),
                None => (*key).to_owned(),
            };
            let fields: Vec<String> = fields.iter().map(field).collect();
            format!("{}={}", setting.option, fields.join(","))
        }
    }
}

/// A field of CSV. RFC 4180, which Docker's client reads the fields of `--mount` by.
fn csv(field: &str) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

fn quoted(argument: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || "-_=/.,:+@%".contains(c);
    if argument.chars().all(bare) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}
