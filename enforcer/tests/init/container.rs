//! A container that real runc starts with the init before its command.

use crate::cgroups;
use crate::ended::Ended;
use crate::scene::{Scene, probe_program};
use serde_json::{Value, json};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use stockade_enforcer::oci::init::PATH;

/// Containers of this process, so that no two have one name.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// What busybox is called as.
const APPLETS: [&str; 12] =
    ["cat", "chmod", "cp", "env", "id", "ls", "mv", "rm", "sh", "sleep", "true", "umount"];

/// A bundle, and its container; gone with its cgroups when dropped.
pub(crate) struct Container {
    name: String,
    bundle: tempfile::TempDir,
    /// `config.json`, as the next call of runc finds it.
    pub(crate) config: Value,
    /// Whether the init stands before the command.
    pub(crate) wrapped: bool,
}

impl Container {
    /// A root with nothing but the probe.
    pub(crate) fn from_scratch(scene: &Scene) -> Container {
        let name =
            format!("stockade-test-{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let bundle = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let init = bundle.path().join("init");
        fs::copy(&scene.init, &init).unwrap();
        let config = config(&name, &init, &scene.seccomp);
        let container = Container { name, bundle, config, wrapped: true };
        fs::create_dir(container.root()).unwrap();
        fs::set_permissions(container.root(), Permissions::from_mode(0o755)).unwrap();
        fs::copy(probe_program(), container.root().join("probe")).unwrap();
        container
    }

    /// A root with busybox, the probe, and files in `/data` that everybody may read and write as far as modes go.
    pub(crate) fn busybox(scene: &Scene) -> Container {
        let container = Container::from_scratch(scene);
        let root = container.root();
        fs::create_dir(root.join("bin")).unwrap();
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        APPLETS.iter().for_each(|name| symlink("busybox", root.join("bin").join(name)).unwrap());
        for directory in ["data", "data/mine"] {
            fs::create_dir(root.join(directory)).unwrap();
            fs::set_permissions(root.join(directory), Permissions::from_mode(0o777)).unwrap();
        }
        for file in ["data/seen", "data/unseen", "data/file"] {
            container.file(file, "text", 0o666);
        }
        container
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.bundle.path().join("rootfs")
    }

    /// The init's file, outside.
    pub(crate) fn init(&self) -> PathBuf {
        self.path().join("init")
    }

    /// Puts a file into the root.
    pub(crate) fn file(&self, path: &str, text: &str, mode: u32) {
        fs::write(self.root().join(path), text).unwrap();
        fs::set_permissions(self.root().join(path), Permissions::from_mode(mode)).unwrap();
    }

    /// Runs a command to its end in a new container.
    pub(crate) fn run(&self, command: &[&str]) -> Ended {
        self.write(command);
        let ended = Ended::from(self.runc(&["run", &self.name]).output().unwrap());
        let _ = self.runc(&["delete", "--force", &self.name]).output();
        ended
    }

    /// Starts a command and leaves it once it is the command's program; its process id.
    pub(crate) fn start(&self, command: &[&str]) -> u32 {
        self.write(command);
        // Files: the container inherits them, and whoever reads a pipe to its end would wait for the container.
        let log = File::create(self.path().join("log")).unwrap();
        let status = self
            .runc(&["run", "--detach", "--pid-file", "pid", &self.name])
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .status()
            .unwrap();
        assert!(status.success(), "runc: {}", fs::read_to_string(self.path().join("log")).unwrap());
        let pid = fs::read_to_string(self.path().join("pid")).unwrap().parse().unwrap();
        // runc returns when the init may start, not when it has become the command.
        while fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim_end() != command[0] {
            std::thread::yield_now();
        }
        pid
    }

    /// Runs another command in the container that was started.
    pub(crate) fn exec(&self, command: &[&str]) -> Ended {
        let mut process = self.config["process"].clone();
        process["args"] = self.arguments(command);
        fs::write(self.path().join("process.json"), serde_json::to_vec(&process).unwrap()).unwrap();
        Ended::from(self.runc(&["exec", "--process", "process.json", &self.name]).output().unwrap())
    }

    fn arguments(&self, command: &[&str]) -> Value {
        let init = self.wrapped.then_some(PATH);
        init.into_iter().chain(command.iter().copied()).collect()
    }

    fn write(&self, command: &[&str]) {
        let mut config = self.config.clone();
        config["process"]["args"] = self.arguments(command);
        fs::write(self.path().join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    }

    fn path(&self) -> &Path {
        self.bundle.path()
    }

    fn runc(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("runc");
        command.arg("--root").arg(self.path().join("state")).args(arguments);
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.runc(&["delete", "--force", &self.name]).output();
        cgroups::remove(&self.name);
    }
}

fn config(name: &str, init: &Path, seccomp: &Value) -> Value {
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": true,
            "capabilities": {},
        },
        "root": {"path": "rootfs", "readonly": false},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": PATH,
                "type": "bind",
                "source": init,
                "options": ["bind", "ro", "nosuid", "nodev"],
            },
        ],
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "mount"}],
            "cgroupsPath": format!("/{name}"),
            "seccomp": seccomp,
        },
    })
}
