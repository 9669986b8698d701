//! Images that are made of containers.

use crate::command_line::CommandLine;
use crate::conformance::{PROFILE, wait_for_init};
use crate::docker::Docker;
use crate::engine::{Engine, Options, Running, Runtime, success, text};
use crate::image::Image;
use crate::podman::Podman;
use crate::rules::Rules;
use std::path::Path;

/// The file that the runtime makes to mount the init on is in what is committed, and no hindrance.
fn starts_again<T: CommandLine>(engine: &T, image: &Image) {
    engine.load(image);
    let sleep = ["/bin/sleep", "600"];
    let first = engine
        .start("first", image, &Options::default(), &sleep)
        .unwrap_or_else(|output| panic!("{}: {}", T::NAME, text(&output)));
    wait_for_init(engine, &first);
    success(&engine.by(&["commit", "first", "localhost/made:1"]));
    engine.remove(first);
    let mut flags = vec!["run".to_owned(), "--detach".to_owned(), "--network=none".to_owned()];
    flags.extend(engine.own_flags(&Options::default()));
    let mut run = engine.client(false);
    run.args(&flags).args(["--name", "second", "localhost/made:1"]).args(sleep);
    let id = success(&run.output().unwrap());
    let second = Running { name: "second".to_owned(), id, again: None };
    let pid = wait_for_init(engine, &second);
    let seen = success(&engine.exec(&second, &["/bin/sh", "-c", "grep -c /.stockade /proc/self/mountinfo"]));
    assert_eq!(seen, "1", "{}", T::NAME);
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Seccomp_filters:\t2"), "{}: {status}", T::NAME);
    engine.remove(second);
}

#[test]
fn an_image_of_a_container_starts() {
    needs_engines!();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    let file = rules.join("runtime.yaml");
    let runtime =
        Runtime::new(env!("CARGO_BIN_EXE_stockade"), &["runtime", "--rules", file.to_str().unwrap()]);
    let (docker, podman) = (Docker::start(&runtime), Podman::start(&runtime));
    let places: [&Path; 2] = [docker.directory(), podman.directory()];
    rules.write_bare(&places, "default: ./conformance.yaml\n");
    let image = Image::busybox();
    starts_again(&docker, &image);
    starts_again(&podman, &image);
}
