//! A container as Docker starts one by default, by runc alone: fourteen capabilities, Docker's filter, its masks.

use super::DrillError;
use super::place::{PROGRAM_INSIDE, Place};
use super::report::Outcome;
use super::run::{Bursts, by_client};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use stockade_policy::plan::Plan;
use stockade_policy::vocab::masks::MASKS;

/// The runtime's program.
const RUNC: &str = "runc";
/// What Docker masks beside the masks of a whole `/proc`: `DefaultLinuxMaskedPaths` of moby, oci/defaults.go.
const MASKED: [&str; 2] = ["/proc/interrupts", "/sys/firmware"];

/// What the program obtains in such a container: with the capabilities of `plan`, and with `seccomp`, the object of
/// that name in an OCI `config.json`.
pub fn docker_default(
    place: &Place,
    plan: &Plan,
    seccomp: &Value,
    bursts: Bursts,
) -> Result<Vec<Outcome>, DrillError> {
    let fault = |source| DrillError::Place { operation: "write a bundle for runc", source };
    let bundle = place.directory();
    let arguments = place.arguments(1, &bursts.letters());
    let document = config(place.name(), plan, seccomp, &arguments).to_string();
    fs::write(bundle.join("config.json"), document).map_err(fault)?;
    let _container = Container { place };
    let mut command = runc(bundle);
    command.args(["run", "--bundle"]).arg(bundle).arg(place.name());
    by_client(command, RUNC)
}

fn runc(bundle: &Path) -> Command {
    let mut command = Command::new(RUNC);
    command.arg("--root").arg(bundle.join("state"));
    command
}

/// Removes what a runtime that failed half-way left.
struct Container<'a> {
    place: &'a Place,
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        let mut command = runc(self.place.directory());
        command.args(["delete", "--force"]).arg(self.place.name());
        // Nothing is left where it ended well.
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn config(name: &str, plan: &Plan, seccomp: &Value, arguments: &[String]) -> Value {
    let capabilities: Vec<String> = plan
        .capabilities
        .bounding
        .iter()
        .map(|cap| format!("CAP_{}", cap.name().to_ascii_uppercase()))
        .collect();
    let args: Vec<&str> = [PROGRAM_INSIDE].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let mount = |at: &str, kind: &str, options: &[&str]| json!({"destination": at, "type": kind, "source": kind, "options": options});
    let of_proc = |hide: bool| MASKS.iter().filter(move |mask| mask.hide == hide).map(|mask| mask.path);
    let masked: Vec<&str> = of_proc(true).chain(MASKED).collect();
    let read_only: Vec<&str> = of_proc(false).collect();
    let namespaces = ["mount", "network", "uts", "pid", "ipc"].map(|kind| json!({"type": kind}));
    json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": args,
            "env": ["PATH=/bin"],
            "cwd": "/",
            "noNewPrivileges": false,
            "capabilities": {
                "bounding": &capabilities, "permitted": &capabilities, "effective": &capabilities,
            },
        },
        "root": {"path": "root"},
        "mounts": [
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            mount("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
            mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        ],
        "linux": {
            "namespaces": namespaces,
            "cgroupsPath": format!("/{name}"),
            "maskedPaths": masked,
            "readonlyPaths": read_only,
            "seccomp": seccomp,
        },
    })
}
