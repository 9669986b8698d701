//! Kubernetes: a policy as a pod with one container.
//!
//! Fields of the core/v1 API as of 1.33; what a cluster must do for them is a remark.

use super::docker::{ENGINE_UMASK, NO_AMBIENT, capability, masked_anyway, usual};
use super::engine::{Asked, Demand, Said, Surroundings};
use super::file_name;
use crate::compile::paths::is_within;
use crate::plan::{MountEntry, MountKind};
use crate::policy::{Device, Label, NamespaceKind, NamespaceMode, Policy, ProcView, Resource, Traffic};
use crate::vocab::CapSet;
use serde_json::{Map, Value, json};

/// A value somewhere in the pod. Lists grow, mappings are joined.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    path: &'static [&'static str],
    value: Value,
}

/// Below the container of the pod.
const CONTAINER: &str = "container";

fn pod(path: &'static [&'static str], value: impl Into<Value>) -> Field {
    Field { path, value: value.into() }
}

/// A volume and where it stands.
fn volume(name: String, source: Value, at: &str, read_only: bool) -> [Field; 2] {
    let mut volume = Map::from_iter([("name".to_owned(), Value::from(name.clone()))]);
    if let Value::Object(source) = source {
        volume.extend(source);
    }
    let mut mount = json!({"name": name, "mountPath": at});
    if read_only {
        mount["readOnly"] = true.into();
    }
    [pod(&["spec", "volumes"], json!([volume])), pod(&[CONTAINER, "volumeMounts"], json!([mount]))]
}

/// What Kubernetes is told for one demand.
pub(super) fn say(
    index: usize,
    asked: &Asked<'_>,
    policy: &Policy,
    filter: Result<&[String], &str>,
) -> Said<Field> {
    match asked.demand {
        Demand::User(uid, gid) => {
            let mut fields = vec![
                pod(&[CONTAINER, "securityContext", "runAsUser"], uid),
                pod(&[CONTAINER, "securityContext", "runAsGroup"], gid),
            ];
            if uid != 0 {
                fields.push(pod(&[CONTAINER, "securityContext", "runAsNonRoot"], true));
            }
            Said::exactly(fields)
        }
        Demand::NotRoot => Said::exactly([pod(&[CONTAINER, "securityContext", "runAsNonRoot"], true)]),
        Demand::Users => {
            Said::not("Kubernetes refuses no user but 0: give one that is admitted as runAsUser")
        }
        Demand::Group(gid) => Said::exactly([
            pod(&["spec", "securityContext", "supplementalGroups"], json!([gid])),
            pod(&["spec", "securityContext", "supplementalGroupsPolicy"], "Strict"),
        ]),
        Demand::NoNewPrivileges if policy.capabilities.value.iter().any(|cap| cap.name() == "sys_admin") => {
            Said::not("Kubernetes refuses allowPrivilegeEscalation: false together with SYS_ADMIN")
        }
        Demand::NoNewPrivileges => {
            Said::exactly([pod(&[CONTAINER, "securityContext", "allowPrivilegeEscalation"], false)])
        }
        Demand::WriteXorExecute => {
            Said::not("Kubernetes cannot keep memory from being writable and executable")
        }
        Demand::Environment(_) => Said::exactly([pod(&["spec", "enableServiceLinks"], false)]).looser(
            "what the image sets in its environment is passed on, and KUBERNETES_SERVICE_HOST and its like",
        ),
        Demand::Umask(mask) => {
            Said::anyway().looser_if(mask & !ENGINE_UMASK != 0, "Kubernetes' mask of new files is 022")
        }
        Demand::Securebits(_) => Said::not("Kubernetes sets no securebits"),
        Demand::Limit(..) => Said::not("Kubernetes sets no rlimits: they are the container runtime's"),
        Demand::Workdir(path) => Said::exactly([pod(&[CONTAINER, "workingDir"], path)]),
        Demand::Hostname(name) if is_label(name) => Said::exactly([pod(&["spec", "hostname"], name)]),
        Demand::Hostname(_) => {
            Said::anyway().differs("a host name is lower-case letters, digits and `-` there")
        }
        Demand::Sysctl(name, value) => {
            let sysctl = json!([{"name": name, "value": value}]);
            Said::exactly([pod(&["spec", "securityContext", "sysctls"], sysctl)]).stricter(
                "the kubelet refuses the pod unless it allows the sysctl (--allowed-unsafe-sysctls)",
            )
        }
        Demand::Capabilities(kept) => capabilities(kept, policy),
        Demand::Syscalls(false) => Said::exactly([seccomp(json!({"type": "Unconfined"}))]),
        Demand::Syscalls(true) => match filter {
            Ok(notes) => {
                let file = format!("stockade/{}", file_name(&policy.name));
                let profile = seccomp(json!({"type": "Localhost", "localhostProfile": file}));
                notes.iter().fold(Said::exactly([profile]), |said, note| said.differs(note.clone()))
            }
            Err(why) => Said::exactly([seccomp(json!({"type": "RuntimeDefault"}))]).looser(format!(
                "no seccomp JSON says these decisions, so the runtime's own filter is used: {why}"
            )),
        },
        Demand::LogDenied => Said::anyway(),
        Demand::ReadTheseOnly => Said::not("Kubernetes has no list of what may be read: all of the image is"),
        Demand::ExecuteTheseOnly(_) => {
            Said::not("Kubernetes has no list of what may be executed: all of the image is")
        }
        Demand::ReadOnlyRoot => {
            Said::exactly([pod(&[CONTAINER, "securityContext", "readOnlyRootFilesystem"], true)])
        }
        Demand::Path(entry, around) => path(index, entry, around),
        Demand::Tmp(bytes) => {
            let mut memory = json!({"emptyDir": {"medium": "Memory"}});
            if bytes != u64::MAX {
                memory["emptyDir"]["sizeLimit"] = bytes.to_string().into();
            }
            Said::exactly(volume("tmp".to_owned(), memory, "/tmp", false)).looser(NO_OPTIONS)
        }
        Demand::Proc(view) => Said::exactly([pod(&[CONTAINER, "securityContext", "procMount"], "Default")])
            .looser_if(
                view != ProcView::Full,
                "Kubernetes always shows all of /proc, with the paths that leak or change the host masked",
            ),
        Demand::Devices(None) => {
            Said::anyway().stricter("the container gets a /dev of its own, and not the host's")
        }
        Demand::Devices(Some(devices)) => {
            let odd = |device: &Device| matches!(device, Device::Node(node) if !usual(node));
            let said = if devices.iter().any(odd) {
                Said::anyway().stricter("Kubernetes gives other devices through device plugins alone")
            } else {
                Said::anyway()
            };
            let all = devices.contains(&Device::Pts) && devices.contains(&Device::Shm);
            said.looser_if(!all, "the container always gets /dev/pts, /dev/shm and /dev/mqueue")
        }
        Demand::Namespace(kind, mode) => namespace(kind, mode),
        Demand::NetworkPath(_) => Said::not("Kubernetes joins no network namespace by its path"),
        Demand::Resource(resource, most) => limit(resource, most),
        Demand::DiskSize(bytes) => {
            Said::exactly([pod(&[CONTAINER, "resources", "limits", "ephemeral-storage"], bytes.to_string())])
                .looser("a pod beyond it is evicted some time later; nothing is refused")
        }
        Demand::DiskFiles => Said::not("Kubernetes does not count files"),
        Demand::Traffic(network) => traffic(&asked.subject, &network.egress, &network.ingress),
        Demand::AppArmor(label) => apparmor(label),
        Demand::SeLinux(Label::Name(name)) => {
            Said::exactly([pod(&[CONTAINER, "securityContext", "seLinuxOptions", "type"], name.as_str())])
        }
        Demand::SeLinux(Label::Unconfined) => {
            Said::anyway().stricter("the runtime's own SELinux type stays where it is turned on")
        }
        Demand::SeLinux(Label::Generate) => {
            Said::not("there is no SELinux type to name yet; the runtime's own stays where it is turned on")
        }
        Demand::TrustedPaths => Said::not("Kubernetes does not look at who can write a program"),
    }
}

const NO_OPTIONS: &str = "Kubernetes mounts volumes without noexec, nosuid and nodev";

fn seccomp(profile: Value) -> Field {
    pod(&[CONTAINER, "securityContext", "seccompProfile"], profile)
}

fn capabilities(kept: CapSet, policy: &Policy) -> Said<Field> {
    const ADD: &[&str] = &[CONTAINER, "securityContext", "capabilities", "add"];
    if kept == CapSet::ALL {
        return Said::exactly([pod(ADD, json!(["ALL"]))]);
    }
    let mut fields = vec![pod(&[CONTAINER, "securityContext", "capabilities", "drop"], json!(["ALL"]))];
    if kept != CapSet::EMPTY {
        let names: Vec<String> = kept.iter().map(capability).collect();
        fields.push(pod(ADD, json!(names)));
    }
    let said = Said::exactly(fields);
    let root = policy.users.uids.value.contains(0);
    if kept == CapSet::EMPTY || root { said } else { said.stricter(NO_AMBIENT) }
}

fn path(index: usize, entry: &MountEntry, around: Surroundings) -> Said<Field> {
    let at = entry.at.as_str();
    if masked_anyway(at, &entry.what) {
        return Said::anyway();
    }
    let empty = |limit: &str| json!({"emptyDir": {"medium": "Memory", "sizeLimit": limit}});
    match &entry.what {
        MountKind::Hide if is_within(at, "/proc") || at == "/sys" => {
            Said::not("the container always sees it, read-only or masked in part")
        }
        MountKind::Hide if around.below_hidden => Said::anyway(),
        _ if at.contains(':') => Said::not("Kubernetes cannot mount at a path with a colon"),
        MountKind::Hide => Said::exactly(volume(format!("hide-{index}"), empty("4Ki"), at, true))
            .differs("an empty directory is put there; over a file that cannot be done"),
        MountKind::Writable { exec } if around.read_only_root || around.below_hidden => {
            let source = json!({"emptyDir": {}});
            Said::exactly(volume(format!("write-{index}"), source, at, false))
                .differs("it is empty at the start and gone with the pod; a persistent volume claim keeps it")
                .looser_if(!exec, NO_OPTIONS)
        }
        MountKind::Writable { exec } => Said::anyway().looser_if(
            !exec,
            "Kubernetes cannot keep programs in the image's own directories from being executed",
        ),
        MountKind::ReadOnly { .. } if around.below_hidden => {
            Said::anyway().stricter("it is hidden with what stands above it")
        }
        MountKind::ReadOnly { .. } if around.read_only_root => Said::anyway(),
        MountKind::ReadOnly { .. } => Said::not("Kubernetes makes no single path of the image read-only"),
        MountKind::Bind { from, write, exec, suid, dev } => {
            let source = json!({"hostPath": {"path": from}});
            let mut fields = volume(format!("mount-{index}"), source, at, !write);
            if !write {
                // Mounts below it as well; or the pod is refused where the node cannot do it.
                fields[1].value[0]["recursiveReadOnly"] = "Enabled".into();
            }
            Said::exactly(fields).looser_if(!(*exec && *suid && *dev), NO_OPTIONS)
        }
    }
}

fn namespace(kind: NamespaceKind, mode: NamespaceMode) -> Said<Field> {
    let private = mode == NamespaceMode::Private;
    match kind {
        // Decided where the container starts: its own is the stricter side.
        NamespaceKind::User if mode != NamespaceMode::Host => {
            Said::exactly([pod(&["spec", "hostUsers"], false)])
        }
        NamespaceKind::User | NamespaceKind::Mount => Said::anyway(),
        NamespaceKind::Pid => Said::exactly([pod(&["spec", "hostPID"], false)]),
        NamespaceKind::Ipc => own(&["spec", "hostIPC"], private),
        NamespaceKind::Network if private => Said::exactly([pod(&["spec", "hostNetwork"], false)])
            .looser("a pod always has the cluster's network: deny it with a NetworkPolicy"),
        NamespaceKind::Network => own(&["spec", "hostNetwork"], private),
        NamespaceKind::Uts | NamespaceKind::Cgroup if private => Said::anyway(),
        NamespaceKind::Uts | NamespaceKind::Cgroup => Said::anyway().stricter(OWN),
    }
}

const OWN: &str = "the policy allows the host's, and the pod gets one of its own";

fn own(path: &'static [&'static str], private: bool) -> Said<Field> {
    let said = Said::exactly([pod(path, false)]);
    if private { said } else { said.stricter(OWN) }
}

fn limit(resource: Resource, most: u64) -> Said<Field> {
    match resource {
        Resource::Memory => {
            Said::exactly([pod(&[CONTAINER, "resources", "limits", "memory"], most.to_string())])
        }
        Resource::CpuMillis => {
            Said::exactly([pod(&[CONTAINER, "resources", "limits", "cpu"], format!("{most}m"))])
        }
        Resource::Swap => Said::not("swap is the kubelet's setting (memorySwap), for all pods of a node"),
        Resource::Processes => Said::not("the number of processes is the kubelet's setting (podPidsLimit)"),
        Resource::IoRead | Resource::IoWrite | Resource::IoReadOperations | Resource::IoWriteOperations => {
            Said::not("Kubernetes limits no traffic with block devices")
        }
    }
}

fn traffic(subject: &str, egress: &Traffic, ingress: &Traffic) -> Said<Field> {
    let (path, rate): (&'static [&'static str], _) = match subject {
        "network.egress.rate" => {
            (&["metadata", "annotations", "kubernetes.io/egress-bandwidth"], &egress.rate)
        }
        "network.ingress.rate" => {
            (&["metadata", "annotations", "kubernetes.io/ingress-bandwidth"], &ingress.rate)
        }
        _ if subject.ends_with(".peers") => {
            return Said::not("peers are admitted by a NetworkPolicy, which is no part of a pod");
        }
        _ => return Said::not("Kubernetes limits neither packets nor connections"),
    };
    let fields = rate.as_ref().map(|rate| pod(path, rate.value.per_second.to_string()));
    Said::exactly(fields).looser("the annotation counts only where the bandwidth plugin of CNI is installed")
}

fn apparmor(label: &Label) -> Said<Field> {
    const PROFILE: &[&str] = &[CONTAINER, "securityContext", "appArmorProfile"];
    match label {
        Label::Name(name) => {
            Said::exactly([pod(PROFILE, json!({"type": "Localhost", "localhostProfile": name}))])
        }
        Label::Unconfined => Said::exactly([pod(PROFILE, json!({"type": "Unconfined"}))]),
        Label::Generate => Said::exactly([pod(PROFILE, json!({"type": "RuntimeDefault"}))])
            .looser("there is no AppArmor profile to name yet"),
    }
}

/// Whether a name is a label of DNS. RFC 1123.
fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&name.len())
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// A text as a label of DNS.
fn label(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(letter).take(63).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "profile".to_owned() } else { name.to_owned() }
}

/// The pod of a policy called `name`.
pub(super) fn manifest(name: &str, fields: Vec<Field>) -> Value {
    let name = label(name);
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        // No policy speaks of the cluster's API, so there is no way to it.
        "spec": {"automountServiceAccountToken": false},
    });
    let mut container = json!({"name": name, "image": "IMAGE", "securityContext": {"privileged": false}});
    for Field { path, value } in fields {
        match path {
            [CONTAINER, below @ ..] => put(&mut container, below, value),
            path => put(&mut pod, path, value),
        }
    }
    pod["spec"]["containers"] = json!([container]);
    pod
}

fn put(node: &mut Value, path: &[&str], value: Value) {
    let place = path.iter().fold(node, |node, key| &mut node[*key]);
    match (place, value) {
        (Value::Array(items), Value::Array(more)) => items.extend(more),
        (place, value) => *place = value,
    }
}
