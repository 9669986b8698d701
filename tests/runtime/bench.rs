//! Rules, bundles made by hand, and the two runtimes on them.

use crate::cgroups;
use crate::ended::Ended;
use crate::hierarchy::ONE_HIERARCHY;
use crate::patience::patiently;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use stockade_policy::vocab::CapSet;

/// Benches of this process, so that no two have one cgroup.
static BENCHES: AtomicUsize = AtomicUsize::new(0);

/// A profile in which most layers have something to do.
pub(crate) const TIGHT: &str = "\
stockade: 1
name: tight
extends: [docker-default]
process:
  no_new_privileges: true
  write_xor_execute: true
  umask: \"027\"
  limits: {open_files: 512, core: 0}
capabilities: {replace: [chown, kill]}
files:
  root: read-only
  read: {replace: [/bin, /etc]}
  write: {replace: []}
  execute: {replace: [/bin]}
  tmp: 16 MiB
  proc: hidden
resources: {processes: 32, memory: 64 MiB, swap: 0, cpu: 0.5}
";

/// A directory with rules, a profile, bundles and the state of both runtimes; gone with its containers when dropped.
pub(crate) struct Bench {
    directory: tempfile::TempDir,
    /// The cgroup above those of its containers.
    cgroup: String,
    /// The inner runtime: `runc` or `crun`.
    inner: &'static str,
}

impl Bench {
    /// Where `tight` is everyone's profile.
    pub(crate) fn new() -> Bench {
        Bench::with("default: ./tight.yaml\n")
    }

    /// With these rules, beside where the state lies.
    pub(crate) fn with(rules: &str) -> Bench {
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let number = BENCHES.fetch_add(1, Ordering::Relaxed);
        let cgroup = format!("stockade-test-{}-{number}", std::process::id());
        let bench = Bench { directory, cgroup, inner: "runc" };
        bench.profile("tight", TIGHT);
        bench.rules(rules);
        bench
    }

    /// The same as `new`, with crun.
    pub(crate) fn of_crun() -> Bench {
        Bench::of("crun")
    }

    /// The same as `new`, with this inner runtime.
    pub(crate) fn of(inner: &'static str) -> Bench {
        let mut bench = Bench::new();
        bench.inner = inner;
        bench.rules(&format!("default: ./tight.yaml\nruntime: {inner}\n"));
        bench
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn profile(&self, name: &str, text: &str) {
        fs::write(self.join(&format!("{name}.yaml")), text).unwrap();
    }

    pub(crate) fn rules(&self, text: &str) {
        let text = format!("stockade: 1\nstate: {}\n{text}", self.join("state").display());
        fs::write(self.join("runtime.yaml"), text).unwrap();
    }

    /// What was logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.join("state/runtime.log")).unwrap_or_default()
    }

    /// A bundle whose container sleeps and may do what Docker's `--privileged` may, but for what has no meet.
    pub(crate) fn bundle(&self, id: &str) -> Bundle {
        let path = self.join(&format!("bundle-{id}"));
        let root = path.join("rootfs");
        for directory in ["bin", "etc", "proc", "dev", "sys", "tmp"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        for applet in ["cat", "id", "ls", "sh", "sleep", "true", "env"] {
            std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
        }
        let bundle = Bundle { id: id.to_owned(), path };
        bundle.write(&loose(&format!("/{}/{id}", self.cgroup)));
        bundle
    }

    /// `stockade runtime` with its rules and its place for runc's state.
    pub(crate) fn stockade(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(env!("CARGO_BIN_EXE_stockade"));
        command.args(["runtime", "--rules"]).arg(self.join("runtime.yaml"));
        self.place(&mut command, arguments);
        command
    }

    /// The inner runtime alone in the same place.
    pub(crate) fn plain(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(self.inner);
        self.place(&mut command, arguments);
        command
    }

    /// A program where the inner runtime can run.
    fn program(&self, program: &str) -> Command {
        if self.inner == "runc" {
            return Command::new(program);
        }
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ONE_HIERARCHY, "sh", program]);
        command
    }

    fn place(&self, command: &mut Command, arguments: &[&str]) {
        command.arg("--root").arg(self.join("inner-state")).args(arguments).stdin(Stdio::null());
    }

    /// `stockade runtime create`.
    pub(crate) fn create(&self, bundle: &Bundle) -> Ended {
        ended(&mut self.stockade(&["create", "--bundle", bundle.text(), &bundle.id]))
    }

    /// `stockade runtime create` and `start`; the container's process when it has become its command.
    pub(crate) fn start(&self, bundle: &Bundle) -> u32 {
        self.create(bundle).success();
        ended(&mut self.stockade(&["start", &bundle.id])).success();
        self.pid(&bundle.id)
    }

    /// The process of a started container, when the init has become its command.
    pub(crate) fn pid(&self, id: &str) -> u32 {
        let pid = self.state(id).expect("a container")["pid"].as_u64().unwrap();
        patiently("the command", || {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
            (!name.starts_with(self.inner) && name != ".stockade\n").then_some(())
        });
        u32::try_from(pid).unwrap()
    }

    /// What the inner runtime knows of a container.
    pub(crate) fn state(&self, id: &str) -> Option<Value> {
        let output = self.plain(&["state", id]).output().unwrap();
        output.status.success().then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Ends a container past the wrapper.
    pub(crate) fn end(&self, id: &str) {
        drop(self.plain(&["delete", "--force", id]).output());
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for container in fs::read_dir(self.join("inner-state")).into_iter().flatten().flatten() {
            self.end(&container.file_name().to_string_lossy());
        }
        cgroups::remove(&self.cgroup);
    }
}

/// A bundle.
pub(crate) struct Bundle {
    pub(crate) id: String,
    pub(crate) path: PathBuf,
}

impl Bundle {
    pub(crate) fn text(&self) -> &str {
        self.path.to_str().unwrap()
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    /// The bytes of its `config.json`.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(self.config()).unwrap()
    }

    pub(crate) fn read(&self) -> Value {
        serde_json::from_slice(&self.bytes()).unwrap()
    }

    pub(crate) fn write(&self, config: &Value) {
        fs::write(self.config(), serde_json::to_vec(config).unwrap()).unwrap();
    }

    /// Changes its `config.json`.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut config = self.read();
        change(&mut config);
        self.write(&config);
    }
}

/// What `runc spec` writes.
pub(crate) fn spec() -> Value {
    let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    assert!(
        Command::new("runc").args(["spec", "--bundle"]).arg(directory.path()).status().unwrap().success()
    );
    serde_json::from_slice(&fs::read(directory.path().join("config.json")).unwrap()).unwrap()
}

/// Every capability of capabilities(7) that whoever runs this can give away.
pub(crate) fn all_capabilities() -> Vec<String> {
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("CapBnd:\t")).unwrap();
    let own = u64::from_str_radix(own, 16).unwrap();
    CapSet(own).iter().map(|cap| format!("CAP_{}", cap.name().to_ascii_uppercase())).collect()
}

/// A configuration that gives everything away that has a meet.
fn loose(cgroup: &str) -> Value {
    let mut config = spec();
    let capabilities = all_capabilities();
    let process = &mut config["process"];
    process["terminal"] = false.into();
    // Ends by itself, whatever becomes of the test.
    process["args"] = json!(["/bin/sleep", "120"]);
    process["env"] = json!(["PATH=/bin"]);
    process["noNewPrivileges"] = false.into();
    process["rlimits"] = json!([]);
    for set in ["bounding", "effective", "inheritable", "permitted", "ambient"] {
        process["capabilities"][set] = json!(capabilities);
    }
    config["root"]["readonly"] = false.into();
    let linux = &mut config["linux"];
    linux["cgroupsPath"] = cgroup.into();
    linux["maskedPaths"] = json!([]);
    linux["readonlyPaths"] = json!([]);
    linux["resources"]["devices"] = json!([{"allow": true, "access": "rwm"}]);
    config
}

impl Ended {
    /// stockade's own refusal, with these words in it.
    pub(crate) fn refused(&self, words: &str) {
        assert_eq!(self.code, Some(125), "{words}: {self:?}");
        assert!(self.stderr.contains(words), "no `{words}` in {}", self.stderr);
    }
}

/// Runs to the end. Standard output and error go into files: a container inherits them, and whoever reads a pipe to its
/// end would wait for the container.
pub(crate) fn ended(command: &mut Command) -> Ended {
    let [stdout, stderr] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let open = |file: &tempfile::NamedTempFile| File::create(file.path()).unwrap();
    let status = command.stdout(open(&stdout)).stderr(open(&stderr)).status().unwrap();
    let read = |file: &tempfile::NamedTempFile| {
        String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned()
    };
    Ended { code: status.code(), stdout: read(&stdout), stderr: read(&stderr) }
}
