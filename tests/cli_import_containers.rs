//! `stockade import` of containers as a user meets it.
#![forbid(unsafe_code)]

use std::fs;
use std::process::{Command, Output};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policy/tests/import/fixtures");

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("the program runs")
}

fn fixture(name: &str) -> String {
    format!("{FIXTURES}/{name}")
}

/// What an import prints, and its messages.
fn imported(arguments: &[&str]) -> (String, String) {
    let output = stockade(&[&["import", "--arch", "x86_64", "--kernel", "6.18"], arguments].concat());
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {messages}");
    (String::from_utf8(output.stdout).expect("output is UTF-8"), messages)
}

#[test]
fn a_container_is_compared_with_a_profile() {
    let (profile, messages) = imported(&[&fixture("docker-inspect-20.10.json"), "--container", "round"]);
    assert!(messages.contains("the language has no word for: HostConfig.LogConfig"), "{messages}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("container.yaml");
    fs::write(&path, profile).unwrap();
    let path = path.to_str().unwrap();
    let output = stockade(&["diff", &fixture("round.yaml"), path]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("mean the same"), "{text}");
    // A container that asks for more is looser.
    let (plain, _) = imported(&[&fixture("docker-inspect-20.10.json"), "--container", "plain"]);
    fs::write(path, plain).unwrap();
    let output = stockade(&["diff", &fixture("round.yaml"), path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("capabilities"), "{output:?}");
}

#[test]
fn of_a_whole_configuration_the_filter_alone_is_had_too() {
    let path = fixture("oci-docker-20.10.json");
    let (whole, _) = imported(&[&path]);
    assert!(whole.contains("capabilities:") && whole.contains("\nsyscalls:"), "{whole}");
    assert_eq!(imported(&[&path, "--from", "oci"]).0, whole);
    let (filter, _) = imported(&[&path, "--from", "seccomp-json"]);
    assert!(!filter.contains("capabilities:") && filter.contains("\nsyscalls:"), "{filter}");
    assert!(whole.ends_with(filter.split_once("\nsyscalls:").unwrap().1), "the same calls");
}

#[test]
fn what_is_asked_for_must_fit() {
    let (inspect, oci) = (fixture("docker-inspect-20.10.json"), fixture("oci-runc-spec.json"));
    for (arguments, expected) in [
        (&[inspect.as_str()][..], "there are 4 containers"),
        (&[inspect.as_str(), "--container", "nobody"], "no container `nobody`"),
        (&[oci.as_str(), "--container", "x"], "nothing that `docker inspect` prints"),
        (&[oci.as_str(), "--from", "docker-inspect"], "no container of `docker inspect`"),
        (&[inspect.as_str(), "--from", "oci"], "no OCI configuration"),
        (&["--pid", "1", "--container", "x"], "cannot be used with"),
    ] {
        let output = stockade(&[&["import"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(expected), "{arguments:?}: {message}");
        assert_eq!(output.stdout, b"");
    }
}
