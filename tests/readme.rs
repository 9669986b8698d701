//! The profile that the README begins with is one.
#![forbid(unsafe_code)]

use std::fs;
use std::process::Command;

#[test]
fn the_first_profile_is_accepted_and_says_what_the_readme_says() {
    let readme = fs::read_to_string("README.md").expect("README.md");
    let profile =
        readme.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a profile");
    let directory = tempfile::tempdir().expect("a directory");
    let stockade = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .expect("stockade runs")
    };
    // The user of the example need not exist where this test runs.
    let profile = profile.replace("user: redis", "user: 102");
    fs::write(directory.path().join("cache.yaml"), profile).expect("written");
    let checked = stockade(&["check", "cache.yaml"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // What `explain` printed when the README was written it prints still.
    let explained =
        String::from_utf8(stockade(&["explain", "cache.yaml", "syscall:mount"]).stdout).expect("text");
    assert!(!explained.is_empty() && readme.contains(&explained), "{explained}");
}
