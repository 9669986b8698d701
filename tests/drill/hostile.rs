//! What comes out of a container may be anything.

use crate::drilled::{run, targets};
use crate::ended::Ended;
use crate::single::drilled;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// A program of the shell's at `path`.
fn script(path: &Path, text: &str) {
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A drill whose engine is this script.
fn with_client(text: &str, arguments: &[&str]) -> Ended {
    let place = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    script(&place.path().join("docker"), &format!("[ \"$1\" = run ] || exit 0\n{text}"));
    let search = format!("{}:/usr/bin:/bin", place.path().display());
    let set = |command: &mut Command| {
        command.env("PATH", search);
    };
    run(set, &[&["--engine", "docker", "--image", "any"], arguments].concat())
}

#[test]
fn what_is_no_report_is_an_error_and_no_verdict() {
    needs!("drill");
    for text in [
        "true",
        "echo hello",
        "echo 'stockade-drill 1'",
        "printf 'stockade-drill 1\\nunshare_user open\\nend\\n'",
        "printf '\\033[2J\\033[31mall is well\\n'",
        "head -c 100000 /dev/zero",
        // Without an end: it is closed before its reader is full.
        "yes stopped",
        "trap '' PIPE; while :; do echo stopped 2>/dev/null; done",
    ] {
        let ended = with_client(text, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(70), ""), "{text}: {}", ended.stderr);
        assert!(ended.stderr.contains("no report of the drill"), "{text}: {}", ended.stderr);
        assert!(!ended.stderr.contains('\u{1b}'), "{text}: {}", ended.stderr);
    }
}

#[test]
fn an_engine_that_fails_is_told_in_its_words() {
    needs!("drill");
    let ended = with_client("printf 'no \\033[31mroom\\n' >&2; exit 125", &[]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    assert!(ended.stderr.contains("docker failed (exit code 125)"), "{}", ended.stderr);
    assert!(ended.stderr.contains("room") && !ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    let ended = run(
        |command| {
            command.env("PATH", "/nonexistent");
        },
        &["--engine", "podman"],
    );
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""));
    assert!(ended.stderr.contains("cannot start podman"), "{}", ended.stderr);
}

#[test]
fn an_open_probe_and_one_without_an_end_are_a_no_where_the_profile_says_stopped() {
    needs!("drill");
    let names: Vec<String> = {
        let mut probes: Vec<_> = drilled(0, &[]).probes.into_values().collect();
        // As the program tries them: the report's order is the table's.
        probes.sort_by_key(|probe| position(probe["name"].as_str().unwrap()));
        probes.iter().map(|probe| probe["name"].as_str().unwrap().to_owned()).collect()
    };
    let report = |word: &str| {
        let lines: String = names.iter().map(|name| format!("{name} {word}\\n")).collect();
        format!("printf 'stockade-drill 1\\n{lines}end\\n'")
    };
    for (word, verdict) in [("open", "open"), ("unfinished", "undecided"), ("not-started 11", "undecided")] {
        let ended = with_client(&report(word), &["--profile", "restricted", "--format", "json"]);
        assert_eq!(ended.code, Some(1), "{word}: {}", ended.stderr);
        let found = targets(&ended).pop().unwrap();
        assert_eq!(found.count(verdict), found.count("probes"), "{word}");
    }
    let ended = with_client(&report("open"), &["--format", "json"]);
    assert_eq!(ended.code, Some(0), "nothing says what it should be under: {}", ended.stderr);
}

/// Where a probe stands in the table.
fn position(name: &str) -> usize {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("enforcer/drill/table.rs");
    fs::read_to_string(path).unwrap().find(&format!("        {name}: \"")).unwrap()
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    needs!("drill");
    for arguments in [
        &["--limited"][..],
        &["--image", "any"],
        &["--", "--network=none"],
        &["--engine", "runc", "--root", "/"],
        &["--engine", "lxc"],
        &["--profile", "there-is-none"],
        &["--against", "there-is-none"],
        &["--engine", "runc", "--image", "any"],
    ] {
        let ended = run(|_| {}, arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{arguments:?}: {}", ended.stderr);
    }
}
