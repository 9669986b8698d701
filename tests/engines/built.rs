//! Steps of image builds, which are containers, too.

use crate::command_line::CommandLine;
use crate::docker::Docker;
use crate::engine::{Engine, success, text};
use crate::image::Image;
use crate::patience::patiently;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A build whose one step sleeps; that step as `verify --all` reports it, with a process of its own.
pub(crate) fn step(docker: &Docker, image: &Image, state: &Path) -> (Value, String) {
    docker.load(image);
    let context = tempfile::tempdir().unwrap();
    let file = format!("FROM {}\nRUN [\"sleep\", \"600\"]\n", image.tag);
    fs::write(context.path().join("Dockerfile"), file).unwrap();
    let mut build = docker.build(context.path()).spawn().unwrap();
    let (step, status) = patiently("step of the build", || {
        if let Some(status) = build.try_wait().unwrap() {
            panic!("the build ended with {status}");
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.arg("verify").args(docker.address()).arg("--state").arg(state);
        let output = command.args(["--all", "--format", "json"]).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", text(&output));
        let all: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = all["containers"].as_array().unwrap().iter().filter(|one| one["engine"] == "buildkit");
        let read = |one: &Value, name: &str| fs::read_to_string(format!("/proc/{}/{name}", one["pid"])).ok();
        let cgroup = format!("{}/", docker.place().cgroup());
        // Others build at the same time; and what is there first is the inner runtime on its way, and may end.
        let ours = |one: &&Value| {
            read(one, "cgroup").is_some_and(|groups| groups.contains(&cgroup))
                && read(one, "comm").is_some_and(|name| name == "sleep\n")
        };
        steps.filter(|one| one["state"] != "starting").find(ours).and_then(|one| {
            let status = read(one, "status")?;
            Some((one.clone(), status))
        })
    });
    // The step ends with its build.
    success(&Command::new("kill").args(["-KILL", &step["pid"].to_string()]).output().unwrap());
    assert!(!build.wait().unwrap().success());
    (step, status)
}
