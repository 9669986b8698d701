//! What fetches kernels says what it lacks.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The path of a script of ours.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name)
}

/// A script with a build directory of its own and without a network.
fn offline(name: &str, arguments: &[&str], target: &Path) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--net"]).arg(script(name)).args(arguments);
    command.env("CARGO_TARGET_DIR", target).output().unwrap()
}

/// Why nothing can be fetched here even with a network, or no test be kept from it.
fn no_source() -> Option<String> {
    let target = tempfile::tempdir().unwrap();
    let output = offline("debian", &["sid", "apt-cache", "stats"], target.path());
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

#[test]
fn an_archive_that_cannot_be_reached_is_not_a_kernel_that_is_gone() {
    if let Some(why) = no_source() {
        return println!("SKIP vm-fetch: {why}");
    }
    for (name, arguments) in [("kernel", &["6.1"][..]), ("criu", &[])] {
        let target = tempfile::tempdir().unwrap();
        let output = offline(name, arguments, target.path());
        let why = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{name}: {why}");
        assert!(why.contains("cannot be reached") && !why.contains("gone"), "{name}: {why}");
        let left = std::fs::read_dir(target.path().join(if name == "kernel" { "vm/kernels" } else { name }));
        let left: Vec<_> = left.unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"], "{name}");
    }
}

#[test]
fn the_archive_is_known_without_the_lists_of_apt() {
    if let Some(why) = no_source() {
        return println!("SKIP vm-sources: {why}");
    }
    let empty = tempfile::tempdir().unwrap();
    let config = empty.path().join("apt.conf");
    std::fs::write(&config, format!("Dir::State::lists \"{}\";\n", empty.path().display())).unwrap();
    for suite in ["sid", "bookworm-security"] {
        let list = |config: Option<&Path>| {
            let target = tempfile::tempdir().unwrap();
            let mut command = Command::new(script("debian"));
            command.args([suite, "apt-cache", "stats"]).env("CARGO_TARGET_DIR", target.path());
            command.envs(config.map(|config| ("APT_CONFIG", config)));
            let output = command.output().unwrap();
            let list = std::fs::read_to_string(target.path().join("debian").join(suite).join("list"));
            list.unwrap_or_else(|_| panic!("{suite}: {}", String::from_utf8_lossy(&output.stderr)))
        };
        let without = list(Some(&config));
        assert!(without.ends_with(&format!(" {suite} main\n")), "{without}");
        assert_eq!(without, list(None));
    }
}

#[test]
fn a_name_that_no_line_has_is_bad_input() {
    let target = tempfile::tempdir().unwrap();
    let output =
        Command::new(script("kernel")).arg("5.0").env("CARGO_TARGET_DIR", target.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "no kernel 5.0 in tests/vm/kernels\n");
}
