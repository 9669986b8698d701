//! Engines that are started from the files that `stockade install` edited, and from what `--undo` leaves.

use crate::built::step;
use crate::command_line::CommandLine;
use crate::containerd::Containerd;
use crate::docker::Docker;
use crate::engine::{Engine, Options, Runtime, success};
use crate::image::Image;
use crate::place::Place;
use crate::podman::Podman;
use crate::rules::Rules;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;

const PROFILE: &str = "\
stockade: 1
name: installed
extends: [docker-default]
process: {no_new_privileges: true, write_xor_execute: true}
capabilities: {replace: [chown]}
";

/// What shows whether the profile is around a process.
const SHOWN: [&str; 2] = ["CapBnd:\t0000000000000001", "NoNewPrivs:\t1"];

/// The binary in a directory of its own, by the name that engines start with rules of its own.
struct Binary {
    rules: Rules,
    directory: tempfile::TempDir,
}

impl Binary {
    fn new(place: &Place, keep: impl Fn(&Runtime, &Path) -> PathBuf) -> Self {
        let rules = Rules::new(&[("installed", PROFILE)]);
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let own = directory.path().join("bin/stockade");
        fs::create_dir(directory.path().join("bin")).unwrap();
        if fs::hard_link(env!("CARGO_BIN_EXE_stockade"), &own).is_err() {
            fs::copy(env!("CARGO_BIN_EXE_stockade"), &own).unwrap();
        }
        let file = rules.join("runtime.yaml");
        let runtime = Runtime::new(&own, &["runtime", "--rules", file.to_str().unwrap()]);
        keep(&runtime, &directory.path().join("bin/stockade-runtime"));
        rules.write(&[place.path()], "default: ./installed.yaml\n");
        Binary { rules, directory }
    }

    fn install(&self, engine: &str, file: &Path, more: &[&str]) -> Output {
        let mut command = Command::new(self.directory.path().join("bin/stockade"));
        command.args(["install", engine, "--config"]).arg(file).args(more);
        command.output().unwrap()
    }
}

/// Whether a container that asks for nothing is under the profile.
fn is_under_it(engine: &dyn Engine, image: &Image, name: &str) -> bool {
    engine.load(image);
    let output = engine.run(name, image, &Options::default(), &["cat", "/proc/self/status"]);
    let said = success(&output);
    let held = SHOWN.map(|line| said.contains(line));
    assert!(held == [true; 2] || held == [false; 2], "{}: {said}", engine.name());
    held == [true; 2]
}

/// Starts an engine from its file as it was, as it is installed, and as it is left.
fn installed(binary: &Binary, engine: &str, file: &Path, start: impl Fn() -> Box<dyn Engine>) {
    let image = Image::busybox();
    let before = fs::read_to_string(file).unwrap();
    assert!(!is_under_it(&*start(), &image, "before"), "{engine}");
    success(&binary.install(engine, file, &["--default"]));
    assert!(is_under_it(&*start(), &image, "installed"), "{engine}");
    assert!(!binary.rules.log().is_empty(), "{engine}: what was cut is told");
    success(&binary.install(engine, file, &["--undo"]));
    assert_eq!(fs::read_to_string(file).unwrap(), before);
    assert!(!is_under_it(&*start(), &image, "undone"), "{engine}");
}

#[test]
fn docker_keeps_to_the_file_that_was_edited() {
    needs!("engines", "dockerd", "/usr/bin/docker", "containerd", "/usr/sbin/runc", "/bin/busybox");
    let place = Rc::new(Place::new());
    let binary = Binary::new(&place, |runtime, path| runtime.script(path));
    let file = Docker::configure(&place, &json!({}));
    installed(&binary, "docker", &file, || Box::new(Docker::on(&place, &[])));
}

#[test]
fn podman_keeps_to_the_file_that_was_edited() {
    needs!("engines", "/usr/bin/podman", "/usr/sbin/runc", "/bin/busybox");
    let place = Rc::new(Place::new());
    let state = format!("--root={}", place.join("runtime-state").display());
    let binary = Binary::new(&place, |runtime, path| runtime.with(&state).script(path));
    let file = place.join("containers.conf");
    let runc = Podman::keeping_state(&place, &Runtime::runc(), "plain");
    fs::write(
        &file,
        format!("[engine]\nruntime = \"plain\"\n[engine.runtimes]\nplain = [\"{}\"]\n", runc.display()),
    )
    .unwrap();
    installed(&binary, "podman", &file, || Box::new(Podman::on(&place)));
}

#[test]
fn containerd_keeps_to_the_file_that_was_edited() {
    needs!("engines", "containerd", "/usr/sbin/runc", "/bin/busybox");
    let place = Rc::new(Place::new());
    let binary = Binary::new(&place, |runtime, path| runtime.script(path));
    let file = Containerd::configure(&place, "default_runtime_name = \"runc\"\n");
    installed(&binary, "containerd", &file, || Box::new(Containerd::on(&place)));
}

/// What a step that makes a file leaves in the root of the image.
fn made_by_a_step(docker: &Docker, image: &Image) -> BTreeSet<String> {
    let context = tempfile::tempdir().unwrap();
    fs::write(context.path().join("Dockerfile"), format!("FROM {}\nRUN [\"touch\", \"/made\"]\n", image.tag))
        .unwrap();
    assert!(docker.build(context.path()).args(["--tag", "made"]).status().unwrap().success());
    // Of containers that never ran: one that runs has the init for all to see.
    let listed = |tag: &str| {
        let container = success(&docker.by(&["create", "--network=none", tag]));
        let file = context.path().join("root.tar");
        success(&docker.by(&["export", "--output", file.to_str().unwrap(), &container]));
        let listed = success(&Command::new("tar").arg("-tf").arg(&file).output().unwrap());
        listed.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    listed("made").difference(&listed(&image.tag)).cloned().collect()
}

/// What the drop-in of a unit sets, as systemd would read it.
fn environment(drop_in: &Path) -> (String, String) {
    let text = fs::read_to_string(drop_in).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Environment=\"")?.strip_suffix('"')).unwrap();
    let (name, value) = line.split_once('=').unwrap();
    (name.to_owned(), value.to_owned())
}

#[test]
fn steps_of_builds_are_under_the_policy_where_it_is_installed() {
    needs!("engines", "dockerd", "/usr/bin/docker", "containerd", "/usr/sbin/runc", "/bin/busybox");
    let place = Rc::new(Place::new());
    let binary = Binary::new(&place, |runtime, path| runtime.script(path));
    Docker::configure(&place, &json!({}));
    let (image, state) = (Image::busybox(), binary.rules.join("state"));
    // What BuildKit itself mounts needs no rule.
    let rules = format!(
        "stockade: 1\nstate: {}\ndocker: [{}]\ndefault: ./installed.yaml\n",
        state.display(),
        place.join("data").display()
    );
    fs::write(binary.rules.join("runtime.yaml"), rules).unwrap();
    let drop_in = place.join("stockade.conf");
    success(&binary.install("docker-buildkit", &drop_in, &[]));
    let (name, value) = environment(&drop_in);
    let docker = Docker::on(&place, &[(&name, &value)]);
    let (found, status) = step(&docker, &image, &state);
    assert_eq!(found["state"], "verified", "{found}");
    assert!(SHOWN.iter().all(|line| status.contains(line)), "{status}");
    // What the init was mounted on is not in the image.
    assert_eq!(made_by_a_step(&docker, &image), BTreeSet::from(["made".to_owned()]));
    drop(docker);
    success(&binary.install("docker-buildkit", &drop_in, &["--undo"]));
    assert!(!drop_in.exists());
    let docker = Docker::on(&place, &[]);
    let (found, status) = step(&docker, &image, &state);
    assert_eq!(found["state"], "not_under_stockade", "{found}");
    assert!(!SHOWN.iter().any(|line| status.contains(line)), "{status}");
}
