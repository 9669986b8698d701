//! `stockade run` as a user meets it: exit codes, overrides, descriptors, the cache.
#![forbid(unsafe_code)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

fn run_with(cache: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("run")
        .args(arguments)
        .env("XDG_CACHE_HOME", cache)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .expect("the program runs")
}

fn run(arguments: &[&str]) -> Output {
    let cache = tempfile::tempdir().expect("a scratch directory");
    run_with(cache.path(), arguments)
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

#[track_caller]
fn expect_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", text(&output.stdout), text(&output.stderr));
}

const SHELL: &[&str] = &["--", "/bin/sh", "-c"];

fn shell(options: &[&str], script: &str) -> Output {
    run(&[options, SHELL, &[script]].concat())
}

#[test]
fn the_code_is_the_commands_own() {
    expect_code(&shell(&[], "exit 0"), 0);
    expect_code(&shell(&[], "exit 41"), 41);
    expect_code(&shell(&[], "kill -KILL $$"), 128 + 9);
    expect_code(&shell(&[], "kill -TERM $$"), 128 + 15);
}

#[test]
fn what_cannot_be_started_is_126_or_127() {
    expect_code(&run(&["--", "/usr/bin/no-such-program"]), 127);
    expect_code(&run(&["--", "no-such-program"]), 127);
    expect_code(&run(&["--", "/usr"]), 126);
    expect_code(&run(&["--", "/etc/passwd"]), 126);
}

#[test]
fn a_section_without_its_layer_is_3_unless_optional() {
    let output = shell(&["--set", "disk: {size: 1 GiB}"], "echo ran");
    expect_code(&output, 3);
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("disk"), "{}", text(&output.stderr));
    let output = shell(&["--set", "disk: {size: 1 GiB, optional: true}"], "echo ran");
    expect_code(&output, 0);
    assert_eq!(text(&output.stdout), "ran\n");
    assert!(text(&output.stderr).contains("warning"), "a gap is never silent: {}", text(&output.stderr));
}

#[test]
fn a_flag_that_is_wrong_is_named() {
    let output = shell(&["--memory", "many"], "exit 0");
    expect_code(&output, 2);
    assert!(text(&output.stderr).contains("--memory:1:"), "{}", text(&output.stderr));
    let output = shell(&["--set", "fils: {}"], "exit 0");
    expect_code(&output, 2);
    assert!(text(&output.stderr).contains("--set:1:1"), "{}", text(&output.stderr));
}

#[test]
fn flags_change_the_profile() {
    let output = shell(
        &["--hostname", "inside", "--env", "GIVEN=a b", "--workdir", "/usr"],
        "uname -n; echo $GIVEN; pwd",
    );
    expect_code(&output, 0);
    assert_eq!(text(&output.stdout), "inside\na b\n/usr\n");
}

#[test]
fn a_floor_holds_against_flags() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("floor.yaml");
    fs::write(&path, "stockade: 1\nname: floor\ncapabilities: []\n").unwrap();
    let script = "grep CapBnd /proc/self/status";
    let keep = ["--set", "capabilities: [chown]"];
    let loose = shell(&keep, script);
    expect_code(&loose, 0);
    assert_eq!(text(&loose.stdout), "CapBnd:\t0000000000000001\n");
    let held = shell(&[&keep[..], &["--floor", path.to_str().unwrap()]].concat(), script);
    expect_code(&held, 0);
    assert_eq!(text(&held.stdout), "CapBnd:\t0000000000000000\n");
}

#[test]
fn the_environment_is_cleared() {
    let cache = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("run")
        .args(SHELL)
        .arg("echo ${SECRET-unset}")
        .env("XDG_CACHE_HOME", cache.path())
        .env("SECRET", "hunter2")
        .output()
        .unwrap();
    expect_code(&output, 0);
    assert_eq!(text(&output.stdout), "unset\n");
}

#[test]
fn a_second_launch_takes_the_cached_plan_and_means_the_same() {
    let cache = tempfile::tempdir().unwrap();
    let arguments = [SHELL, &["grep -E '^(Cap|Seccomp|NoNew)' /proc/self/status"]].concat();
    let first = run_with(cache.path(), &arguments);
    expect_code(&first, 0);
    let plans = cache.path().join("stockade/plans");
    let entries = || fs::read_dir(&plans).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    assert_eq!(entries().len(), 1);
    assert_eq!(fs::metadata(&entries()[0]).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&plans).unwrap().permissions().mode() & 0o777, 0o700);
    let second = run_with(cache.path(), &arguments);
    expect_code(&second, 0);
    assert_eq!(text(&first.stdout), text(&second.stdout));
    assert_eq!(entries().len(), 1, "the same launch is the same entry");
}

#[test]
fn a_changed_profile_is_not_served_from_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("p.yaml");
    let profile = path.to_str().unwrap();
    for name in ["one", "two"] {
        fs::write(&path, format!("stockade: 1\nname: p\nprocess: {{hostname: {name}}}\n")).unwrap();
        let output = run_with(cache.path(), &[&["--profile", profile][..], SHELL, &["uname -n"]].concat());
        expect_code(&output, 0);
        assert_eq!(text(&output.stdout), format!("{name}\n"));
    }
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    let cache = tempfile::tempdir().unwrap();
    let plans = cache.path().join("stockade/plans");
    fs::create_dir_all(&plans).unwrap();
    fs::set_permissions(&plans, fs::Permissions::from_mode(0o777)).unwrap();
    let arguments = [SHELL, &["exit 0"]].concat();
    expect_code(&run_with(cache.path(), &arguments), 0);
    assert_eq!(fs::read_dir(&plans).unwrap().count(), 0, "nothing is kept there");

    fs::remove_dir(&plans).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    symlink(elsewhere.path(), &plans).unwrap();
    expect_code(&run_with(cache.path(), &arguments), 0);
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0, "a link is not followed");
}

#[test]
fn a_damaged_entry_is_compiled_anew() {
    let cache = tempfile::tempdir().unwrap();
    let arguments = [SHELL, &["exit 7"]].concat();
    expect_code(&run_with(cache.path(), &arguments), 7);
    for entry in fs::read_dir(cache.path().join("stockade/plans")).unwrap() {
        fs::write(entry.unwrap().path(), "{}").unwrap();
    }
    expect_code(&run_with(cache.path(), &arguments), 7);
}

#[test]
fn an_entry_that_others_can_read_or_write_is_not_believed() {
    let cache = tempfile::tempdir().unwrap();
    let arguments = [&["--hostname", "right"][..], SHELL, &["uname -n"]].concat();
    expect_code(&run_with(cache.path(), &arguments), 0);
    for entry in fs::read_dir(cache.path().join("stockade/plans")).unwrap() {
        let path = entry.unwrap().path();
        // As if someone else could have put it there.
        let forged = fs::read_to_string(&path).unwrap().replace("\"right\"", "\"forged\"");
        fs::write(&path, forged).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    }
    let output = run_with(cache.path(), &arguments);
    expect_code(&output, 0);
    assert_eq!(text(&output.stdout), "right\n");
}
