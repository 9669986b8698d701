//! crun takes a filter as a program: what its containers run under is byte for byte what was compiled here, and no
//! other program can be slipped in.
#![forbid(unsafe_code)]
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[macro_use]
#[path = "host/needs.rs"]
mod needs;
#[path = "host/cgroups.rs"]
mod cgroups;
#[path = "host/hierarchy.rs"]
mod hierarchy;
#[path = "../policy/tests/profiles/world.rs"]
mod world;

use hierarchy::ONE_HIERARCHY;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use stockade_enforcer::filters;
use stockade_policy::seccomp::outer::outer;
use stockade_policy::seccomp::{self, bpf};
use stockade_policy::vocab::Arch;

/// crun(1), "EXTENSIONS": a filter as a program, in base64.
const ANNOTATION: &str = "run.oci.seccomp_bpf_data";
/// A program that allows every call: `BPF_RET|BPF_K` with `SECCOMP_RET_ALLOW`, in base64.
const ALLOW_ALL: &str = "BgAAAAAA/38=";

static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A container by `stockade runtime`; gone when dropped.
struct Container {
    id: String,
    place: tempfile::TempDir,
}

impl Container {
    /// A bundle of a busybox that waits, with these annotations and, where it is not null, this filter; and rules by
    /// which it gets `profile` by the runtime `inner`.
    fn new(inner: &str, profile: &str, annotations: Value, filter: Value) -> Container {
        let id = format!("stockade-test-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let place = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let bin = place.path().join("bundle/rootfs/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::copy("/bin/busybox", bin.join("busybox")).unwrap();
        let mut config = config(&id);
        config["annotations"] = annotations;
        if !filter.is_null() {
            config["linux"]["seccomp"] = filter;
        }
        let container = Container { id, place };
        fs::write(container.config(), config.to_string()).unwrap();
        container.rules(inner, profile, "");
        container
    }

    fn rules(&self, inner: &str, profile: &str, more: &str) {
        let state = self.place.path().join("state");
        let rules =
            format!("stockade: 1\nruntime: {inner}\ndefault: {profile}\nstate: {}\n{more}", state.display());
        fs::write(self.place.path().join("rules.yaml"), rules).unwrap();
    }

    fn config(&self) -> PathBuf {
        self.place.path().join("bundle/config.json")
    }

    /// The annotation that the inner runtime found.
    fn annotation(&self) -> Value {
        let config: Value = serde_json::from_slice(&fs::read(self.config()).unwrap()).unwrap();
        config["annotations"][ANNOTATION].clone()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("state/runtime.log")).unwrap_or_default()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.place.path().join("said")).unwrap_or_default()
    }

    fn runtime(&self, words: &[&str]) -> ExitStatus {
        // A file: the container inherits it, and whoever reads a pipe to its end would wait for the container.
        let said = File::create(self.place.path().join("said")).unwrap();
        Command::new("unshare")
            .args([
                "--mount",
                "sh",
                "-c",
                ONE_HIERARCHY,
                "sh",
                env!("CARGO_BIN_EXE_stockade"),
                "runtime",
                "--rules",
            ])
            .arg(self.place.path().join("rules.yaml"))
            .arg("--root")
            .arg(self.place.path().join("inner"))
            .args(words)
            .arg(&self.id)
            .current_dir(self.place.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .status()
            .unwrap()
    }

    /// Writes the profile that stands beside the rules.
    fn profile(&self, text: &str) {
        fs::write(self.place.path().join("profile.yaml"), text).unwrap();
    }

    /// Starts it; the filters of its first process, the oldest first, when the command itself runs.
    fn filters(&self) -> Vec<Vec<u8>> {
        let file = self.place.path().join("pid");
        let options = ["run", "--detach", "--bundle", "bundle", "--pid-file", file.to_str().unwrap()];
        let status = self.runtime(&options);
        assert!(status.success(), "{}", self.said());
        let pid: u32 = fs::read_to_string(file).unwrap().trim().parse().unwrap();
        // The runtime returns when the process is about to become its command.
        let start = Instant::now();
        while !fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default().starts_with(b"/bin/busybox") {
            // Only a hang takes as long.
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "{pid} never became its command: {}",
                self.said()
            );
            sleep(Duration::from_millis(10));
        }
        let stacks = filters::of(pid).unwrap();
        let [stack] = stacks.as_slice() else { panic!("its threads differ: {stacks:?}") };
        stack.programs.iter().map(|program| bpf::bytes(program)).collect()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.runtime(&["delete", "--force"]);
        cgroups::remove(&self.id);
    }
}

fn config(id: &str) -> Value {
    let capabilities = json!(["CAP_CHOWN", "CAP_KILL"]);
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            // Ends by itself, whatever becomes of the test.
            "args": ["/bin/busybox", "sleep", "60"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities},
        },
        "root": {"path": "rootfs"},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
        ],
        "linux": {
            "namespaces": [
                {"type": "pid"}, {"type": "mount"}, {"type": "network"}, {"type": "uts"}, {"type": "ipc"},
                {"type": "cgroup"},
            ],
            "cgroupsPath": format!("/{id}"),
        },
    })
}

/// The exact filter of a profile that is built in, by the command line.
fn compiled(profile: &str) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["compile", profile, "--emit", "seccomp-bpf"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Docker's default, and a layer that no runtime applies.
const WITH_INIT: &str = "stockade: 1\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n\
                         files: {write: {replace: [/dev, /proc]}}\n";

#[test]
fn a_container_is_under_our_program_whatever_its_annotations_say() {
    needs!("runtime-crun", "crun", "busybox");
    let container = Container::new("crun", "docker-default", json!({ANNOTATION: ALLOW_ALL}), Value::Null);
    assert_eq!(container.filters(), [compiled("docker-default")]);
    assert_ne!(container.annotation(), ALLOW_ALL);
    assert!(container.log().contains(&format!("annotations.{ANNOTATION}")), "{}", container.log());
}

#[test]
fn an_engines_own_program_goes_where_there_is_no_filter_at_all() {
    needs!("runtime-crun", "crun", "busybox");
    let container = Container::new("crun", "./profile.yaml", json!({ANNOTATION: ALLOW_ALL}), Value::Null);
    container.profile("stockade: 1\nextends: [unconfined]\n");
    assert_eq!(container.filters(), Vec::<Vec<u8>>::new());
    assert_eq!(container.annotation(), Value::Null);
}

/// A rule that lets orders through is about other orders.
#[test]
fn no_rule_admits_another_program() {
    needs!("runtime-crun", "crun", "busybox");
    for (inner, profile) in [("crun", "docker-default"), ("crun", "./profile.yaml")] {
        let container = Container::new(inner, profile, json!({ANNOTATION: ALLOW_ALL}), Value::Null);
        container.profile("stockade: 1\nextends: [unconfined]\n");
        container.rules(inner, profile, &format!("annotations: [{ANNOTATION}]\n"));
        let expected = if profile == "docker-default" { vec![compiled(profile)] } else { Vec::new() };
        assert_eq!(container.filters(), expected, "{profile}");
    }
}

#[test]
fn the_init_puts_the_exact_program_on_top_of_the_outer_one() {
    needs!("runtime-crun", "crun", "busybox");
    let container = Container::new(&which("crun"), "./profile.yaml", json!({}), Value::Null);
    container.profile(WITH_INIT);
    let shown = outer(&world::policy("docker-default").syscalls).unwrap();
    let outer = bpf::bytes(&seccomp::compile(&shown, Arch::X86_64).unwrap());
    // Kilobytes in a message help nobody.
    let found = container.filters();
    assert_eq!(found.len(), 2, "one by the runtime, one by the init");
    assert!(found[0] == outer, "the outer one");
    assert!(found[1] == compiled("docker-default"), "the exact one");
}

/// What decides is met with what the engine asked for: the program is the one of both.
#[test]
fn the_program_is_the_meet_with_the_engines_rules() {
    needs!("runtime-crun", "crun", "busybox");
    let rules = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": [{"names": ["mknod"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}],
    });
    let container = Container::new("crun", "docker-default", json!({}), rules);
    let filters = container.filters();
    let [program] = filters.as_slice() else { panic!("{} filters", filters.len()) };
    let file = container.place.path().join("program");
    fs::write(&file, program).unwrap();
    container.profile("stockade: 1\nextends: [docker-default]\nsyscalls: {deny: [{mknod: eperm}]}\n");
    let proof = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["prove", "./profile.yaml", "--filter"])
        .arg(&file)
        .args(["--arch", "x86_64"])
        .current_dir(container.place.path())
        .output()
        .unwrap();
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stdout));
}

/// A runtime that is called crun and knows no annotation: runc by that name.
#[test]
fn a_runtime_that_does_not_know_the_annotation_starts_nothing() {
    needs!("runtime-crun", "crun", "busybox");
    let impostor = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    let crun = impostor.path().join("crun");
    fs::copy(which("runc"), &crun).unwrap();
    let container = Container::new(crun.to_str().unwrap(), "docker-default", json!({}), Value::Null);
    let status = container.runtime(&["run", "--bundle", "bundle"]);
    assert!(!status.success());
    assert!(container.annotation().is_string(), "it was handed over");
}

fn which(program: &str) -> String {
    let places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let paths = places.map(|place| format!("{place}/{program}"));
    paths.into_iter().find(|path| Path::new(path).exists()).unwrap()
}
