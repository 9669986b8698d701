//! The committed eBPF objects are what the committed sources give, byte for byte.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn build(argument: &Path) -> Output {
    Command::new(root().join("ebpf/build")).arg(argument).output().expect("ebpf/build runs")
}

#[test]
fn the_checksums_match_the_objects() {
    let status = Command::new("sha256sum")
        .args(["--check", "--strict", "--quiet", "SHA256SUMS"])
        .current_dir(root().join("ebpf/prebuilt"))
        .status()
        .expect("sha256sum runs");
    assert!(status.success(), "ebpf/prebuilt does not match its SHA256SUMS");
    let listed = fs::read_to_string(root().join("ebpf/prebuilt/SHA256SUMS")).expect("SHA256SUMS is there");
    for entry in fs::read_dir(root().join("ebpf/prebuilt")).expect("ebpf/prebuilt is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("names are UTF-8");
        if name.ends_with(".o") {
            assert!(listed.contains(&name), "{name} has no checksum");
        }
    }
}

#[test]
fn a_rebuild_gives_the_committed_bytes() {
    let toolchain = build(Path::new("--toolchain"));
    if toolchain.status.code() == Some(3) {
        println!("SKIP ebpf-toolchain: {}", String::from_utf8_lossy(&toolchain.stderr).trim());
        return;
    }
    assert!(toolchain.status.success(), "{}", String::from_utf8_lossy(&toolchain.stderr));

    // Another compiler may give other bytes, but the sources must build with it all the same.
    let fresh = tempfile::tempdir().expect("a scratch directory");
    let output = build(fresh.path());
    assert!(output.status.success(), "ebpf/build: {}", String::from_utf8_lossy(&output.stderr));

    let prebuilt = root().join("ebpf/prebuilt");
    let read = |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (then, now) = (read(&prebuilt.join("TOOLCHAIN")), read(&fresh.path().join("TOOLCHAIN")));
    if then != now {
        println!(
            "SKIP ebpf-other-toolchain: committed with {}, here is {}",
            String::from_utf8_lossy(&then).trim().replace('\n', ", "),
            String::from_utf8_lossy(&now).trim().replace('\n', ", "),
        );
        return;
    }
    let mut compared = 0;
    for entry in fs::read_dir(fresh.path()).expect("the scratch directory can be listed") {
        let name = entry.expect("it can be listed").file_name();
        assert!(
            read(&prebuilt.join(&name)) == read(&fresh.path().join(&name)),
            "{} differs from what the sources give: run `make ebpf` and commit ebpf/prebuilt",
            name.display(),
        );
        compared += 1;
    }
    assert!(compared >= 3, "an object, SHA256SUMS and TOOLCHAIN are compared, not {compared} files");
}
