//! What a disk limit denies, tried from inside, on a file of the target's own.

use crate::harness::{Scratch, compile_c, run};
use std::path::Path;
use std::process::Command;

/// Everything is allowed but the capability that no limit binds.
const OPEN: &str = "stockade: 1\nextends: [unconfined]\ncapabilities: {replace: [chown]}\n";
/// `EPERM`, errno(3).
const EPERM: &str = "1";
/// What the program ends with where files have no such attributes.
const NO_ATTRIBUTES: i32 = 3;

/// Each call's name with the errno that it comes to.
fn answers(ways: &str, file: &str, profile: &str) -> Vec<(String, String)> {
    let printed = run(&["run", "--profile", profile, "--", ways, file]).success();
    let answer = |line: &str| {
        let (name, errno) = line.split_once(' ').unwrap();
        (name.to_owned(), errno.to_owned())
    };
    printed.lines().map(answer).collect()
}

/// No layer enforces a limit yet, so that it is optional here; what defends it is there all the same.
#[test]
fn nobody_inside_moves_a_file_out_of_a_disk_limit() {
    needs!("run", "gcc");
    let scratch = Scratch::new();
    let ways = scratch.join("ways");
    compile_c(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/defence/ways.c"), &ways);
    let ways = ways.display().to_string();
    let file = scratch.file("file", "its own");
    if Command::new(&ways).arg(&file).output().unwrap().status.code() == Some(NO_ATTRIBUTES) {
        return println!(
            "SKIP run-defence: files in {} have no FS_IOC_FSGETXATTR",
            scratch.join("").display()
        );
    }
    let open = scratch.file("open.yaml", OPEN);
    let limited =
        scratch.file("limited.yaml", &format!("{OPEN}disk: {{size: 1 GiB, files: 1000, optional: true}}\n"));

    let allowed = answers(&ways, &file, &open);
    assert!(allowed.len() >= 2 * 12 + 3, "{allowed:?}");
    assert!(allowed.iter().all(|(_, errno)| errno != EPERM), "{allowed:?}");
    let done = |name: &str| allowed.iter().any(|(call, errno)| call == name && errno == "0");
    assert!(done("ioctl-401c5820") && done("dirty-40086602"), "{allowed:?}");

    let denied = answers(&ways, &file, &limited);
    assert_eq!(denied.len(), allowed.len());
    assert!(denied.iter().all(|(_, errno)| errno == EPERM), "{denied:?}");
}
