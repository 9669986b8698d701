//! Keys that the engines have.

use crate::{ENGINES, WEB, builtin, of};
use stockade_policy::export::Engine;

/// Fields of a pod, each below its parent. <https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.33/>:
/// Pod, ObjectMeta, PodSpec, PodSecurityContext, Sysctl, Volume, EmptyDirVolumeSource, HostPathVolumeSource,
/// Container, SecurityContext, Capabilities, SeccompProfile, AppArmorProfile, SELinuxOptions, VolumeMount,
/// ResourceRequirements.
const POD: &[(&str, &[&str])] = &[
    ("", &["apiVersion", "kind", "metadata", "spec"]),
    ("metadata", &["annotations", "name"]),
    ("annotations", &["kubernetes.io/egress-bandwidth", "kubernetes.io/ingress-bandwidth"]),
    (
        "spec",
        &[
            "automountServiceAccountToken",
            "containers",
            "enableServiceLinks",
            "hostIPC",
            "hostNetwork",
            "hostPID",
            "hostUsers",
            "hostname",
            "securityContext",
            "volumes",
        ],
    ),
    ("containers", &["image", "name", "resources", "securityContext", "volumeMounts", "workingDir"]),
    (
        "securityContext",
        &[
            "allowPrivilegeEscalation",
            "appArmorProfile",
            "capabilities",
            "privileged",
            "procMount",
            "readOnlyRootFilesystem",
            "runAsGroup",
            "runAsNonRoot",
            "runAsUser",
            "seLinuxOptions",
            "seccompProfile",
            "supplementalGroups",
            "supplementalGroupsPolicy",
            "sysctls",
        ],
    ),
    ("appArmorProfile", &["localhostProfile", "type"]),
    ("capabilities", &["add", "drop"]),
    ("seLinuxOptions", &["type"]),
    ("seccompProfile", &["localhostProfile", "type"]),
    ("sysctls", &["name", "value"]),
    ("resources", &["limits"]),
    ("limits", &["cpu", "ephemeral-storage", "memory"]),
    ("volumeMounts", &["mountPath", "name", "readOnly", "recursiveReadOnly"]),
    ("volumes", &["emptyDir", "hostPath", "name"]),
    ("emptyDir", &["medium", "sizeLimit"]),
    ("hostPath", &["path"]),
];

/// Keys of a service. <https://github.com/compose-spec/compose-spec/blob/main/05-services.md>
const SERVICE: &[(&str, &[&str])] = &[
    ("", &["services"]),
    ("services", &["web"]),
    (
        "web",
        &[
            "cap_add",
            "cap_drop",
            "cgroup",
            "cpus",
            "devices",
            "group_add",
            "hostname",
            "image",
            "ipc",
            "mem_limit",
            "memswap_limit",
            "network_mode",
            "pids_limit",
            "read_only",
            "security_opt",
            "storage_opt",
            "sysctls",
            "tmpfs",
            "ulimits",
            "user",
            "volumes",
            "working_dir",
        ],
    ),
    ("storage_opt", &["size"]),
    ("sysctls", &["kernel.shm_rmid_forced"]),
    ("ulimits", &["core", "cpu", "nofile", "nproc"]),
    ("volumes", &["bind", "read_only", "source", "target", "type"]),
    ("bind", &["create_host_path", "propagation"]),
];

/// Each key of a YAML text in block style with the key above it.
fn keys(text: &str) -> Vec<(String, String)> {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let bare = line.trim_start_matches(' ').trim_start_matches("- ");
        let depth = line.len() - bare.len();
        let Some((key, rest)) =
            bare.split_once(':').filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '))
        else {
            continue;
        };
        if key.starts_with('"') {
            continue;
        }
        open.retain(|(above, _)| *above < depth);
        let parent = open.last().map(|(_, parent)| parent.clone()).unwrap_or_default();
        found.push((parent, key.to_owned()));
        if rest.is_empty() {
            open.push((depth, key.to_owned()));
        }
    }
    found
}

fn only(text: &str, table: &[(&str, &[&str])]) -> usize {
    let keys = keys(text);
    for (parent, key) in &keys {
        let known = table.iter().find(|(name, _)| name == parent);
        let valid = known.unwrap_or_else(|| panic!("no `{parent}` in the table:\n{text}")).1;
        assert!(valid.contains(&key.as_str()), "`{parent}` has no `{key}`:\n{text}");
    }
    keys.len()
}

#[test]
fn a_pod_has_the_fields_of_the_api() {
    assert!(only(&of(WEB, Engine::Kubernetes), POD) > 60);
    for name in builtin::names() {
        let profile = format!("stockade: 1\nname: web\nextends: [{name}]\n");
        assert!(only(&of(&profile, Engine::Kubernetes), POD) > 12, "{name}");
    }
    // A misspelt field would be seen.
    let misspelt = of(WEB, Engine::Kubernetes).replace("runAsUser", "runasUser");
    assert!(std::panic::catch_unwind(|| only(&misspelt, POD)).is_err());
}

#[test]
fn a_service_has_the_keys_of_the_specification() {
    assert!(only(&of(WEB, Engine::Compose), SERVICE) > 30);
}

#[test]
fn every_engine_is_deterministic() {
    for (form, to) in ENGINES {
        assert_eq!(of(WEB, to), of(WEB, to), "{form}");
    }
}
