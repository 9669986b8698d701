//! What `stockade runtime` keeps of a meet for the next container: the same comes out with it and without, nothing comes
//! out of what somebody else could have written, and what depends on another text, bundle or form is made anew.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[macro_use]
#[path = "host/needs.rs"]
mod needs;

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Layers on every side: an init, limits, paths.
const PROFILE: &str = "stockade: 1\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n\
                       files: {write: {replace: [/tmp]}, hide: [/opt]}\nresources: {processes: 50}\n";

/// Rules, a profile and a bundle. The inner runtime does nothing: what it would read is what counts.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap());
        fs::set_permissions(place.0.path(), fs::Permissions::from_mode(0o700)).unwrap();
        fs::create_dir_all(place.join("bundle/rootfs/tmp")).unwrap();
        fs::create_dir_all(place.join("bundle/rootfs/opt")).unwrap();
        for runtime in ["runc", "crun"] {
            fs::copy("/bin/true", place.join(runtime)).unwrap();
        }
        place.profile(PROFILE);
        place.rules("runc");
        place
    }

    fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn profile(&self, text: &str) {
        fs::write(self.join("profile.yaml"), text).unwrap();
    }

    fn rules(&self, runtime: &str) {
        let (runtime, state) = (self.join(runtime), self.join("state"));
        let text = format!(
            "stockade: 1\nruntime: {}\ndefault: ./profile.yaml\nstate: {}\n",
            runtime.display(),
            state.display()
        );
        fs::write(self.join("rules.yaml"), text).unwrap();
    }

    /// A `create` of this bundle, to its end.
    fn attempt(&self, bundle: &Value) -> Output {
        fs::write(self.join("bundle/config.json"), bundle.to_string()).unwrap();
        Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(["runtime", "--rules"])
            .arg(self.join("rules.yaml"))
            .arg("--root")
            .arg(self.join("inner"))
            .args(["create", "--bundle"])
            .arg(self.join("bundle"))
            .arg("one")
            .output()
            .unwrap()
    }

    /// What the inner runtime would read, and the record, after a `create` of this bundle.
    fn create(&self, bundle: &Value) -> (Value, Value) {
        let output = self.attempt(bundle);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        let container = only(&self.join("state/containers"));
        let mut record: Value = read(&container.join("record.json"));
        // Every create is a process of its own.
        record.as_object_mut().unwrap().remove("maker").unwrap();
        (read(&self.join("bundle/config.json")), record)
    }

    /// What is kept.
    fn entries(&self) -> Vec<PathBuf> {
        let mut entries = children(&self.join("state/meets"));
        entries.sort();
        entries
    }

    /// Puts another default action into the one entry.
    fn tamper(&self) -> PathBuf {
        let entry = only(&self.join("state/meets"));
        let mut kept: Value = serde_json::from_slice(&fs::read(&entry).unwrap()).unwrap();
        kept["filters"]["given"]["rules"]["defaultAction"] = json!(TAMPERED);
        fs::write(&entry, kept.to_string()).unwrap();
        entry
    }
}

const TAMPERED: &str = "SCMP_ACT_ALLOW";

fn children(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn only(directory: &Path) -> PathBuf {
    let found = children(directory);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    one.clone()
}

fn action(config: &Value) -> &str {
    config["linux"]["seccomp"]["defaultAction"].as_str().unwrap()
}

fn bundle() -> Value {
    let capabilities = json!(["CAP_CHOWN", "CAP_KILL"]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["/bin/true"],
            "cwd": "/",
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
        },
        "root": {"path": "rootfs"},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}],
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "uts"}, {"type": "ipc"},
                {"type": "cgroup"},
            ],
            "cgroupsPath": "/stockade-test-kept",
            "seccomp": {
                "defaultAction": "SCMP_ACT_ALLOW",
                "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
                "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
            },
        },
    })
}

#[test]
fn the_same_comes_out_with_what_was_kept() {
    needs!("runtime-kept");
    for runtime in ["runc", "crun"] {
        let place = Place::new();
        place.rules(runtime);
        let first = place.create(&bundle());
        assert_eq!(place.entries().len(), 1);
        let text = fs::read(&place.entries()[0]).unwrap();
        let second = place.create(&bundle());
        assert!(first == second, "{runtime}");
        // Nothing was kept anew: the entry answered.
        assert_eq!(place.entries().len(), 1);
        assert!(fs::read(&place.entries()[0]).unwrap() == text);
    }
}

/// What a disk limit denies is in the filters that are kept, and a limit without it is nowhere. The limit itself is
/// optional, as no layer enforces it yet.
#[test]
fn a_disk_limit_is_kept_with_its_defence() {
    needs!("runtime-kept");
    let place = Place::new();
    let (without, _) = place.create(&bundle());
    place.profile(&format!("{PROFILE}disk: {{size: 1 GiB, optional: true}}\n"));
    let first = place.create(&bundle());
    let kept = fs::read(only(&place.join("state/meets"))).unwrap();
    let second = place.create(&bundle());
    assert!(first == second);
    assert!(fs::read(only(&place.join("state/meets"))).unwrap() == kept, "the entry answered");
    assert_ne!(without["linux"]["seccomp"], first.0["linux"]["seccomp"]);
    assert_eq!(first.1["plan"]["disk"]["size"], 1 << 30);
}

/// ext4 does not limit who has the capability outside any user namespace, and a process may be added that has it.
#[test]
fn a_profile_that_grants_sys_resource_limits_no_disk() {
    needs!("runtime-kept");
    let place = Place::new();
    let profile = format!("{PROFILE}disk: {{size: 1 GiB, optional: true}}\n");
    place.profile(&format!("{profile}capabilities: [sys_resource]\nnamespaces: {{user: auto}}\n"));
    let mut with = bundle();
    with["process"]["capabilities"]["bounding"] = json!(["CAP_CHOWN", "CAP_SYS_RESOURCE"]);
    for bundle in [bundle(), with.clone()] {
        let output = place.attempt(&bundle);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("sys_resource"), "{said}");
        assert!(said.contains("profile.yaml:"), "{said}");
    }
    place.profile(&profile);
    let (cut, _) = place.create(&with);
    assert_eq!(cut["process"]["capabilities"]["bounding"], json!(["CAP_CHOWN"]));
}

#[test]
fn an_entry_is_looked_at_where_it_is_the_callers_own_alone() {
    needs!("runtime-kept");
    let place = Place::new();
    let (honest, _) = place.create(&bundle());
    assert_ne!(action(&honest), TAMPERED);
    // Root's own hand: it shows that entries are taken at all.
    let entry = place.tamper();
    assert_eq!(action(&place.create(&bundle()).0), TAMPERED);
    let refused = |why: &str| assert!(place.create(&bundle()).0 == honest, "{why}");

    fs::set_permissions(&entry, fs::Permissions::from_mode(0o620)).unwrap();
    refused("others may write it");
    place.tamper();
    chown(&entry, Some(1), None).unwrap();
    refused("it is another one's");
    let entry = place.tamper();
    fs::rename(&entry, place.join("elsewhere")).unwrap();
    symlink(place.join("elsewhere"), &entry).unwrap();
    refused("it is a link");
    fs::remove_file(&entry).ok();
    for text in ["", "{", "{}", "[]", "null"] {
        fs::write(&entry, text).unwrap();
        fs::set_permissions(&entry, fs::Permissions::from_mode(0o600)).unwrap();
        refused(text);
    }
    place.tamper();
    fs::set_permissions(place.join("state/meets"), fs::Permissions::from_mode(0o770)).unwrap();
    refused("others may put entries beside it");
}

#[test]
fn what_depends_on_something_else_is_made_anew() {
    needs!("runtime-kept");
    let place = Place::new();
    let (first, record) = place.create(&bundle());
    place.tamper();

    let mut other = bundle();
    other["linux"]["seccomp"]["syscalls"][0]["names"] = json!(["mknodat"]);
    let (config, _) = place.create(&other);
    assert_ne!(action(&config), TAMPERED, "other rules of the engine");
    assert_ne!(config["linux"]["seccomp"], first["linux"]["seccomp"]);
    let mut other = bundle();
    other["process"]["capabilities"]["bounding"] = json!(["CAP_CHOWN"]);
    other["process"]["capabilities"]["effective"] = json!(["CAP_CHOWN"]);
    other["process"]["capabilities"]["permitted"] = json!(["CAP_CHOWN"]);
    assert_ne!(action(&place.create(&other).0), TAMPERED, "other capabilities");
    place.rules("crun");
    let (config, _) = place.create(&bundle());
    assert!(config["annotations"]["run.oci.seccomp_bpf_data"].is_string(), "another form");
    place.rules("runc");
    place.profile(&format!("{PROFILE}syscalls: {{deny: [{{chown: eperm}}]}}\n"));
    let (config, stricter) = place.create(&bundle());
    assert_ne!(action(&config), TAMPERED, "another text");
    assert_ne!(stricter["plan"]["seccomp"], record["plan"]["seccomp"]);
}

/// Every text counts, also one that only another profile names.
#[test]
fn what_a_profile_extends_counts_like_its_own_text() {
    needs!("runtime-kept");
    let place = Place::new();
    let parent = |text: &str| fs::write(place.join("parent.yaml"), text).unwrap();
    parent(PROFILE);
    place.profile("stockade: 1\nextends: [./parent.yaml]\n");
    let (_, first) = place.create(&bundle());
    place.tamper();
    parent(&format!("{PROFILE}syscalls: {{deny: [{{chown: eperm}}]}}\n"));
    let (config, stricter) = place.create(&bundle());
    assert_ne!(action(&config), TAMPERED, "an entry of another text");
    assert_ne!(stricter["plan"]["seccomp"], first["plan"]["seccomp"]);
    assert_ne!(stricter["plan"]["floors"], first["plan"]["floors"], "the hash says which texts it was");
}

/// What a meet leaves to the container is not kept: its own limits and ids.
#[test]
fn what_is_the_containers_own_is_never_another_ones() {
    needs!("runtime-kept");
    let place = Place::new();
    place.create(&bundle());
    let mut other = bundle();
    other["process"]["user"] = json!({"uid": 7, "gid": 8});
    other["process"]["noNewPrivileges"] = json!(true);
    other["linux"]["resources"] = json!({"pids": {"limit": 5}});
    let (config, record) = place.create(&other);
    assert_eq!(place.entries().len(), 1, "what it shares with the first is taken");
    assert_eq!(record["plan"]["identity"]["uid"], 7);
    assert_eq!(config["linux"]["resources"]["pids"]["limit"], 5);
    fs::remove_dir_all(place.join("state/meets")).unwrap();
    assert!(place.create(&other) == (config, record), "and nothing else");
}
