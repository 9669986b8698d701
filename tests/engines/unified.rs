//! A real Docker on a host that has the unified hierarchy of cgroups alone, which is a guest.

use crate::conformance::{PROFILE, verifies, wait_for_init};
use crate::docker::Docker;
use crate::engine::{Engine, Options, Runtime, success, text};
use crate::image::Image;
use crate::limits;
use crate::rules::Rules;
use std::error::Error;
use std::fs;
use std::path::Path;
use stockade_vm::{Guest, test};

/// What it is made of, by the paths by which tests start it.
const PROGRAMS: [&str; 7] = [
    "dockerd",
    "/usr/bin/docker",
    "containerd",
    "containerd-shim-runc-v2",
    "runc",
    "setpriv",
    "/bin/busybox",
];

fn with_docker(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    let stockade = env!("CARGO_BIN_EXE_stockade");
    let guest = guest.built(stockade, stockade).module("overlay").memory(2560);
    Ok(PROGRAMS.into_iter().fold(guest, Guest::program))
}

#[test]
fn a_container_of_docker_is_under_its_policy_where_that_is_the_only_hierarchy() {
    // Only these are in the guest too.
    if let Some(why) = crate::needs::missing(&PROGRAMS) {
        return println!("SKIP engines: {why}");
    }
    test(&["6.12"], with_docker, || {
        assert!(Path::new("/sys/fs/cgroup/cgroup.controllers").exists());
        let image = Image::busybox();
        let rules = Rules::new(&[("conformance", PROFILE)]);
        let file = rules.join("runtime.yaml");
        let arguments = ["runtime", "--rules", file.to_str().unwrap()];
        let docker = Docker::start(&Runtime::new(env!("CARGO_BIN_EXE_stockade"), &arguments));
        rules.write(&[docker.directory()], "default: ./conformance.yaml\n");
        docker.load(&image);
        let options = Options { privileged: true, health: Some("true"), ..Options::default() };
        let container = docker.start("unified", &image, &options, &["/bin/sleep", "600"]);
        let container = container.unwrap_or_else(|output| panic!("{}", text(&output)));
        let found = limits::of(wait_for_init(&docker, &container));
        assert_eq!((found.memory, found.both, found.processes), (64 << 20, Some(64 << 20), 32));
        assert_eq!(found.cpu, (50_000, 100_000));
        verifies(&rules, &docker, "unified");
        let status = success(&docker.exec(&container, &["/bin/cat", "/proc/self/status"]));
        for line in ["CapBnd:\t0000000000000021", "NoNewPrivs:\t1", "Seccomp_filters:\t2"] {
            assert!(status.contains(line), "{line}: {status}");
        }
        assert_eq!(docker.healthy(&container), Some(true));
        docker.pause(&container, true);
        verifies(&rules, &docker, "unified");
        docker.pause(&container, false);
        let pid = docker.pid(&container);
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let cgroup = format!("/sys/fs/cgroup{}", membership.strip_prefix("0::").unwrap().trim_end());
        assert!(Path::new(&cgroup).exists());
        docker.remove(container);
        assert!(!Path::new(&cgroup).exists(), "{cgroup}");
    });
}
