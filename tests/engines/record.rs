//! Records of containers as the runtime keeps them, with a plan that says what a container really is under.

use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use stockade_enforcer::filters;
use stockade_observe::Task;
use stockade_policy::plan::{
    Capabilities, Identity, MountEntry, MountKind, Mounts, Namespaces, Plan, Process, Seccomp,
};
use stockade_policy::policy::{NamespaceKind, ProcView};
use stockade_policy::vocab::Arch;

/// A state directory of its own.
pub(crate) struct State(tempfile::TempDir);

impl State {
    pub(crate) fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let containers = directory.path().join("containers");
        fs::create_dir(&containers).unwrap();
        fs::set_permissions(containers, fs::Permissions::from_mode(0o700)).unwrap();
        State(directory)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    pub(crate) fn keep(&self, id: &str, plan: &Plan) {
        let place = self.path().join("containers").join(format!("%2frun%2frunc@{id}"));
        fs::create_dir_all(&place).unwrap();
        let nobodys = |value: serde_json::Value| json!({"value": value, "origins": []});
        let bounds = json!({
            "users": nobodys(json!([[0, u32::MAX]])),
            "gid": null,
            "groups": [],
            "capabilities": nobodys(json!("all")),
            "no_new_privileges": nobodys(json!(false)),
            "limits": {},
            "umask": nobodys(json!(0)),
            "environment": null,
            "resources": {},
            "init": null,
        });
        let record = json!({
            "id": id,
            "bundle": "/",
            "inner_state": "/run/runc",
            "inner": "/usr/sbin/runc",
            "profiles": ["as-it-is"],
            "rule": null,
            "observed": false,
            "plan": plan,
            "bounds": bounds,
            "cuts": [],
        });
        fs::write(place.join("record.json"), record.to_string()).unwrap();
    }
}

/// What the kernel shows of a process, as a plan: with two paths that every engine masks and makes read-only.
pub(crate) fn plan_of(pid: u32) -> Plan {
    let task = Task::open(pid).unwrap();
    let status = task.status().unwrap();
    let (ours, theirs) = (Task::ours().unwrap().namespaces().unwrap(), task.namespaces().unwrap());
    let private: BTreeSet<_> =
        NamespaceKind::ALL.into_iter().filter(|kind| ours.0.get(kind) != theirs.0.get(kind)).collect();
    let stacks = filters::of(pid).unwrap();
    let program = stacks[0].programs.last().cloned();
    let entry = |at: &str, what| MountEntry { at: at.to_owned(), what, origins: Default::default() };
    Plan {
        profile: "as-it-is".to_owned(),
        floors: String::new(),
        arch: if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 },
        identity: Identity {
            uid: status.uids[0],
            gid: status.gids[0],
            groups: status.groups.clone(),
            user_namespace: None,
        },
        namespaces: Namespaces { private, network_path: None },
        mounts: Mounts {
            root: format!("/proc/{pid}/root"),
            read_only: false,
            proc: ProcView::Full,
            devices: None,
            tmp: None,
            entries: vec![
                entry("/proc/kcore", MountKind::Hide),
                entry("/proc/sys", MountKind::ReadOnly { exec: false }),
            ],
        },
        process: Process {
            no_new_privileges: status.no_new_privileges,
            // Nothing shows it: whoever wears the filter is believed to have it.
            write_xor_execute: true,
            environment: None,
            securebits: 0,
            umask: status.umask.unwrap(),
            limits: BTreeMap::new(),
            workdir: None,
            hostname: None,
            sysctls: BTreeMap::new(),
        },
        capabilities: Capabilities {
            bounding: status.bounding,
            permitted: status.permitted,
            effective: status.effective,
            inheritable: status.inheritable,
            ambient: status.ambient,
        },
        landlock: None,
        seccomp: program.map(|program| Seccomp { flags: 0, program }),
        cgroup: None,
        disk: None,
        traffic: None,
        lsm: None,
        gaps: Vec::new(),
    }
}
