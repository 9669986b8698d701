//! podman's checkpoints: what it restores goes on under its policy.

use crate::command_line::CommandLine;
use crate::engine::{Engine, Options, Runtime, success};
use crate::image::Image;
use crate::patience::patiently;
use crate::podman::Podman;
use crate::rules::Rules;
use std::fs;
use std::process::Command;

const KEPT: &str = "\
stockade: 1
name: kept
extends: [docker-default]
process: {no_new_privileges: true, sysctls: {net.ipv4.ip_unprivileged_port_start: \"1000\"}}
capabilities: {replace: [chown, kill]}
";

#[test]
fn podman_restores_what_is_under_its_policy() {
    needs!("engines", "/usr/bin/podman", "/usr/sbin/runc", "/bin/busybox");
    let criu = match crate::criu::directory() {
        Ok(criu) => criu,
        Err(why) => return println!("SKIP engines-restore: {why}"),
    };
    let rules = Rules::new(&[("kept", KEPT)]);
    let file = rules.join("runtime.yaml");
    let podman = Podman::start(&Runtime::new(
        env!("CARGO_BIN_EXE_stockade"),
        &["runtime", "--rules", file.to_str().unwrap()],
    ));
    let text = "default: ./kept.yaml\n";
    rules.write(&[podman.directory()], text);
    // podman and runc take the one of their PATH.
    let path = format!("{}:{}", criu.display(), std::env::var("PATH").unwrap());
    let by = |arguments: &[&str]| podman.client(false).env("PATH", &path).args(arguments).output().unwrap();
    let image = Image::busybox();
    podman.load(&image);
    let container = podman.start("kept", &image, &Options::default(), &["sleep", "600"]).unwrap();
    let before = podman.pid(&container);
    success(&by(&["container", "checkpoint", &container.id]));
    let refused = by(&["container", "restore", &container.id]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no rule allows it"), "{refused:?}");
    rules.write(&[podman.directory()], &format!("{text}restore: true\n"));
    success(&by(&["container", "restore", &container.id]));
    let pid = podman.pid(&container);
    assert_ne!(pid, before);
    let status = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    patiently("a process that goes on", || status().contains("State:\tS").then_some(()));
    for line in
        ["CapEff:\t0000000000000021", "CapBnd:\t0000000000000021", "NoNewPrivs:\t1", "Seccomp_filters:\t2"]
    {
        assert!(status().contains(line), "{line}: {}", status());
    }
    let mut verify = Command::new(env!("CARGO_BIN_EXE_stockade"));
    verify.args(["verify", &container.id, "--state"]).arg(rules.join("state")).args(podman.address());
    success(&verify.output().unwrap());
    podman.remove(container);
}
