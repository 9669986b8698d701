//! Sysctls and labels of a profile in a container.

use crate::bench::{Bench, ended};
use serde_json::json;
use std::fs::File;
use std::process::Command;

const SYSCTLS: &str = "\
stockade: 1
name: set
extends: [docker-default]
process:
  no_new_privileges: true
  sysctls: {net.ipv4.ip_unprivileged_port_start: \"1000\", kernel.msgmax: \"4096\"}
";

/// What a process finds in its own namespaces.
fn settings(pid: u32) -> String {
    let files = ["/proc/sys/net/ipv4/ip_unprivileged_port_start", "/proc/sys/kernel/msgmax"];
    ended(Command::new("nsenter").args(["-t", &pid.to_string(), "-n", "-i", "cat"]).args(files)).success()
}

#[test]
fn a_profile_sets_what_is_the_containers_own() {
    needs!("runtime", "runc", "busybox", "nsenter");
    let bench = Bench::with("default: ./set.yaml\n");
    bench.profile("set", SYSCTLS);
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["linux"]["sysctl"] =
            json!({"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ip_forward": "0"});
    });
    let pid = bench.start(&bundle);
    assert_eq!(settings(pid), "1000\n4096\n");
    let written = &bundle.read()["linux"]["sysctl"];
    assert_eq!(written["net.ipv4.ip_forward"], "0");
    assert!(bench.log().contains("`0` became `1000`"), "{}", bench.log());
}

#[test]
fn a_setting_that_others_share_is_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./set.yaml\n");
    bench.profile("set", SYSCTLS);
    // A network that somebody else has made.
    let mut other = Command::new("unshare").args(["--net", "sleep", "120"]).spawn().unwrap();
    let path = format!("/proc/{}/ns/net", other.id());
    let own = std::fs::read_link("/proc/self/ns/net").unwrap();
    crate::patience::patiently("a network", || (std::fs::read_link(&path).unwrap() != own).then_some(()));
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| entry["type"] != "network");
        namespaces.push(json!({"type": "network", "path": path}));
    });
    let ended = bench.create(&bundle);
    other.kill().unwrap();
    other.wait().unwrap();
    ended.refused(
        "linux.sysctl.net.ipv4.ip_unprivileged_port_start: the container shares the network namespace",
    );
    assert!(bench.state("x").is_none());
}

#[test]
fn a_label_that_no_module_here_gives_starts_nothing() {
    needs!("runtime", "runc", "busybox");
    if File::open("/sys/module/apparmor").is_ok() {
        println!("SKIP runtime-no-apparmor: this host has AppArmor");
        return;
    }
    let bench = Bench::with("default: ./labelled.yaml\n");
    let label = "stockade: 1\nname: labelled\nextends: [docker-default]\nlsm: {apparmor: web}\n";
    bench.profile("labelled", label);
    let bundle = bench.bundle("x");
    bench.create(&bundle).refused("lsm: apparmor");
    assert!(bench.state("x").is_none());
    // Where the profile lets it be missing the container starts without.
    bench.profile("labelled", &label.replace("web}", "web, optional: true}"));
    bench.start(&bundle);
    assert!(bundle.read()["process"].get("apparmorProfile").is_none());
}
