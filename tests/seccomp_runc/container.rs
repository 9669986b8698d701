//! A container that real runc starts, for the filter that it installs.

use crate::cgroups;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use stockade_enforcer::filters;
use stockade_policy::plan::Instruction;

/// Containers of this process, so that no two have one name.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// A running container; gone with its cgroups when dropped.
pub(crate) struct Container {
    name: String,
    bundle: tempfile::TempDir,
    pid: u32,
}

impl Container {
    /// A busybox that waits, under `seccomp`: the object of that name in an OCI `config.json`.
    pub(crate) fn start(seccomp: &Value) -> Container {
        let name =
            format!("stockade-test-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let bundle = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let bin = bundle.path().join("rootfs/bin");
        fs::create_dir_all(&bin).unwrap();
        fs::copy("/bin/busybox", bin.join("busybox")).unwrap();
        let config = config(&name, seccomp);
        fs::write(bundle.path().join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
        let mut container = Container { name, bundle, pid: 0 };
        let status = container.runc(&["run", "--detach", "--pid-file", "pid"]);
        let log = fs::read_to_string(container.path().join("log")).unwrap();
        assert!(status.success(), "runc: {log}");
        container.pid = fs::read_to_string(container.path().join("pid")).unwrap().parse().unwrap();
        container
    }

    /// The one filter that its process runs under.
    pub(crate) fn filter(&self) -> Vec<Instruction> {
        let stacks = filters::of(self.pid).unwrap();
        let [stack] = stacks.as_slice() else { panic!("its threads differ: {stacks:?}") };
        let [program] = stack.programs.as_slice() else { panic!("{} filters", stack.programs.len()) };
        program.clone()
    }

    fn path(&self) -> &Path {
        self.bundle.path()
    }

    fn runc(&self, arguments: &[&str]) -> ExitStatus {
        // A file: the container inherits it, and whoever reads a pipe to its end would wait for the container.
        let log = File::create(self.path().join("log")).unwrap();
        Command::new("runc")
            .arg("--root")
            .arg(self.path().join("state"))
            .args(arguments)
            .arg(&self.name)
            .current_dir(self.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.runc(&["delete", "--force"]);
        cgroups::remove(&self.name);
    }
}

fn config(name: &str, seccomp: &Value) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            // Ends by itself, whatever becomes of the test.
            "args": ["/bin/busybox", "sleep", "60"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": {},
        },
        "root": {"path": "rootfs", "readonly": true},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "mount"}],
            "cgroupsPath": format!("/{name}"),
            "seccomp": seccomp,
        },
    })
}
