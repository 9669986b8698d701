//! `stockade drill` with every engine: in a container that it starts, and in one that runs already.

use crate::command_line::CommandLine;
use crate::containerd::Containerd;
use crate::docker::Docker;
use crate::drilled::{Drilled, OPEN_BY_DEFAULT, run, targets};
use crate::ended::Ended;
use crate::engine::{Engine, Options, Running, Runtime};
use crate::image::Image;
use crate::podman::Podman;
use crate::rules::Rules;
use std::fs;
use std::path::PathBuf;

/// What is open wherever nothing but an engine's default stands around it, containerd's without a filter too.
const OPEN_ANYWHERE: [&str; 4] = ["become_other", "execute_memory", "trace_parent", "writable_code"];

/// Drills with variables by which the client finds the engine.
fn drill(variables: &[(&str, String)], arguments: &[&str]) -> Ended {
    let set = |command: &mut std::process::Command| {
        command.envs(variables.iter().cloned());
    };
    run(set, arguments)
}

fn found(ended: &Ended) -> Drilled {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    targets(ended).pop().unwrap()
}

/// Nothing of the drill is left with an engine.
fn nothing_is_left(engine: &impl CommandLine) {
    assert_eq!(engine.listed(), Vec::<String>::new());
    let images = engine.by(&["images", "--all", "--quiet"]);
    assert_eq!(String::from_utf8_lossy(&images.stdout), "");
}

#[test]
fn docker_starts_it_in_an_image_with_nothing_in_it() {
    needs!("engines", "dockerd", "/usr/bin/docker", "containerd", "/usr/sbin/runc");
    let docker = Docker::start(&Runtime::runc());
    let variables = docker.found_by();
    let ended = drill(&variables, &["--engine", "docker", "--format", "json", "--", "--network=none"]);
    nothing_is_left(&docker);
    let all = found(&ended);
    for probe in OPEN_BY_DEFAULT {
        assert_eq!(all.verdict(probe), "open", "{probe}");
    }
    assert_eq!(all.with("not_tried"), ["descriptor_burst", "memory_burst", "process_burst"]);
    // Nothing says what it should be under.
    assert!(all.probes["trace_parent"]["declared_stopped"].is_null());
    let dropped = [
        "--engine",
        "docker",
        "--limited",
        "--format",
        "json",
        "--",
        "--network=none",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--pids-limit=100",
        "--memory=64m",
        "--ulimit=nofile=1024:1024",
    ];
    let tightened = found(&drill(&variables, &dropped));
    for probe in ["raw", "make_disk", "become_other", "new_privileges", "process_burst", "memory_burst"] {
        assert_eq!(tightened.verdict(probe), "stopped", "{probe}");
    }
    let missing = ["--engine", "docker", "--image", "there-is-none", "--", "--pull=never"];
    let ended = drill(&variables, &missing);
    nothing_is_left(&docker);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.stderr);
    let named = ended.stderr.contains("docker failed") && ended.stderr.contains("there-is-none");
    assert!(named, "{}", ended.stderr);
}

/// The directory with a program `podman` that is this one, first among the places for programs.
fn search(podman: &Podman) -> [(&'static str, String); 1] {
    let directory = podman.program().parent().unwrap().display().to_string();
    [("PATH", format!("{directory}:/usr/sbin:/usr/bin:/sbin:/bin"))]
}

#[test]
fn podman_starts_it_too() {
    needs!("engines", "/usr/bin/podman", "/usr/sbin/runc");
    let podman = Podman::start(&Runtime::runc());
    let needs = podman.needs();
    let options: Vec<&str> = needs.iter().map(String::as_str).chain(["--network=none"]).collect();
    let arguments = [&["--engine", "podman", "--format", "json", "--"][..], &options].concat();
    let all = found(&drill(&search(&podman), &arguments));
    nothing_is_left(&podman);
    for probe in OPEN_ANYWHERE.into_iter().chain(["new_privileges"]) {
        assert_eq!(all.verdict(probe), "open", "{probe}");
    }
}

#[test]
fn containerd_starts_it_without_an_image() {
    needs!("engines", "containerd", "ctr", "/usr/sbin/runc", "/bin/busybox");
    let containerd = Containerd::start(&Runtime::runc());
    let cgroup = format!("--cgroup={}/drill", containerd.cgroup());
    let state = format!("--runc-root={}", containerd.directory().join("ctr-state").display());
    let arguments = ["--engine", "containerd", "--format", "json", "--", &cgroup, &state];
    let all = found(&drill(&containerd.found_by(), &arguments));
    for probe in OPEN_ANYWHERE {
        assert_eq!(all.verdict(probe), "open", "{probe}");
    }
    // As its client starts them.
    assert_eq!(all.verdict("new_privileges"), "stopped");
    let arguments = ["--engine", "containerd", "--format", "json", "--", &cgroup, &state, "--seccomp"];
    let filtered = found(&drill(&containerd.found_by(), &arguments));
    assert!(filtered.count("stopped") > all.count("stopped"));
    let left = containerd.ctr(&["containers", "ls", "--quiet"]);
    assert!(!String::from_utf8_lossy(&left.stdout).contains("drill"), "{left:?}");
}

const PROFILE: &str = "\
stockade: 1
name: drilled
extends: [docker-default]
process: {no_new_privileges: true, write_xor_execute: true}
capabilities: {replace: []}
files:
  root: read-only
  read: {replace: [/]}
  write: {replace: []}
  execute: {replace: [/bin]}
";

/// Names in the root of a container, and in its `/bin`.
fn names(container_root: &str) -> Vec<PathBuf> {
    let entries =
        ["", "bin"].iter().flat_map(|place| fs::read_dir(format!("{container_root}/{place}")).unwrap());
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names
}

#[test]
fn it_is_put_into_a_container_that_runs_and_taken_out_again() {
    needs_engines!();
    let (image, rules) = (Image::busybox(), Rules::new(&[("drilled", PROFILE)]));
    let file = rules.join("runtime.yaml");
    let runtime =
        Runtime::new(env!("CARGO_BIN_EXE_stockade"), &["runtime", "--rules", file.to_str().unwrap()]);
    let (docker, podman) = (Docker::start(&runtime), Podman::start(&runtime));
    let containerd = Containerd::start(&runtime);
    rules.write(
        &[docker.directory(), podman.directory(), containerd.directory()],
        "default: ./drilled.yaml\n",
    );
    let engines = [
        (&docker as &dyn Engine, docker.found_by().to_vec()),
        (&podman, search(&podman).to_vec()),
        (&containerd, containerd.found_by().to_vec()),
    ];
    for (engine, variables) in engines {
        let name = engine.name();
        engine.load(&image);
        let start =
            |options: &Options, name: &str| engine.start(name, &image, options, &["sleep", "600"]).unwrap();
        let drill = |container: &Running, more: &[&str]| {
            let root = format!("/proc/{}/root", engine.pid(container));
            let before = names(&root);
            let arguments =
                [&["--engine", name, "--container", &container.id, "--format", "json"], more].concat();
            let ended = drill(&variables, &arguments);
            assert_eq!(names(&root), before, "{name}: {}", ended.stderr);
            ended
        };
        let kept = start(&Options::default(), "kept");
        let profile = rules.join("drilled.yaml");
        // Its root is read-only, and it may execute from one directory.
        let ended = drill(&kept, &["--into", "/bin", "--profile", profile.to_str().unwrap()]);
        let held = found(&ended);
        assert_eq!(held.count("contradicting"), 0, "{name}");
        for probe in ["become_other", "execute_memory", "make_disk", "new_privileges"] {
            assert_eq!(held.verdict(probe), "stopped", "{name}: {probe}");
        }
        let ended = drill(&kept, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{name}: {}", ended.stderr);
        let ended = drill(&kept, &["--into", "/no/such"]);
        assert_eq!(ended.code, Some(3), "{name}");
        assert!(ended.stderr.contains("put the drill into the container's root"), "{name}: {}", ended.stderr);
        engine.remove(kept);
        let around = start(&Options { around: true, ..Options::default() }, "around");
        let open = found(&drill(&around, &[]));
        assert!(open.count("stopped") < held.count("stopped"), "{name}");
        for probe in OPEN_ANYWHERE {
            assert_eq!(open.verdict(probe), "open", "{name}: {probe}");
        }
        engine.remove(around);
        let ended = self::drill(&variables, &["--engine", name, "--container", "nobody"]);
        assert!(
            matches!(ended.code, Some(2 | 3)) && ended.stderr.contains("nobody"),
            "{name}: {}",
            ended.stderr
        );
    }
}
