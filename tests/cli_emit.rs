//! `stockade compile --emit`: filters in the forms of other tools.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("output is UTF-8")
}

fn fine(arguments: &[&str]) -> Output {
    let output = stockade(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
    output
}

fn file(directory: &Path, name: &str, bytes: &[u8]) -> String {
    let path = directory.join(name);
    fs::write(&path, bytes).expect("the file can be written");
    path.to_str().expect("scratch directories are UTF-8").to_owned()
}

/// A profile whose filter alone matters.
const PROFILE: &str = "\
stockade: 1
name: small
extends: [unconfined]
syscalls:
  architectures: {replace: [x86_64, aarch64]}
  deny:
    - call: socket
      when: domain in {AF_VSOCK, AF_ALG}
      action: eafnosupport
    - mkdir: erofs
    - mkdirat: erofs
    - io_uring_setup: enosys
    - io_uring_enter: enosys
    - io_uring_register: enosys
  otherwise: allow
  unknown: enosys
";

#[test]
fn json_for_engines_is_read_back_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let small = file(directory.path(), "small.yaml", PROFILE.as_bytes());
    for profile in ["restricted", "docker-default", "database", &small] {
        let before = fine(&["compile", profile, "--emit", "seccomp-bpf"]).stdout;
        for (form, key) in [("docker-seccomp", "archMap"), ("oci", "architectures")] {
            let json = fine(&["compile", profile, "--emit", form]).stdout;
            let document: Value = serde_json::from_slice(&json).unwrap();
            assert!(document[key].is_array(), "{profile} {form}");
            let json = file(directory.path(), "filter.json", &json);
            let imported = fine(&["import", &json]).stdout;
            let imported = file(directory.path(), "imported.yaml", &imported);
            let after = fine(&["compile", &imported, "--emit", "seccomp-bpf"]).stdout;
            assert!(after == before, "{profile} {form}");
        }
    }
}

#[test]
fn a_listing_says_what_comes_and_why() {
    if std::env::consts::ARCH != "x86_64" {
        println!("SKIP emit-asm: the listing is of another architecture");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let small = file(directory.path(), "small.yaml", PROFILE.as_bytes());
    let listing = fine(&["compile", &small, "--emit", "asm"]).stdout;
    let listing = text(&listing).replace(directory.path().to_str().unwrap(), "DIRECTORY");
    for line in listing.lines().filter(|line| line.contains("return")) {
        assert!(line.contains("; ") && !line.contains("nothing comes here"), "{line}");
    }
    // How the tests stand is the compiler's business; that the lines decide is not.
    let deciding = |words: &str| listing.lines().any(|line| line.contains(words));
    assert!(deciding("return errno 97") && deciding("small.yaml:7"), "{listing}");
    assert!(deciding("socket: family, low half"), "{listing}");
    assert!(deciding("mkdir") && deciding("small.yaml:10"), "{listing}");
    assert!(deciding("other machines"), "{listing}");
    let json = fine(&["compile", &small, "--emit", "asm", "--format", "json"]).stdout;
    let document: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(document["kind"], "listing");
    assert_eq!(document["listing"].as_array().unwrap().len(), listing.lines().count());
}

#[test]
fn bwrap_takes_the_filter() {
    let directory = tempfile::tempdir().unwrap();
    let small = file(directory.path(), "small.yaml", PROFILE.as_bytes());
    let bytes = fine(&["compile", &small, "--emit", "bwrap"]).stdout;
    let filter = file(directory.path(), "filter", &bytes);
    let bwrap = |script: &str| {
        // The shell hands its standard input on as the filter.
        let command = format!(
            "exec bwrap --seccomp 9 --bind / / --dev /dev --tmpfs /tmp sh -c '{script}' 9<&0 </dev/null"
        );
        Command::new("sh").args(["-c", &command]).stdin(File::open(&filter).unwrap()).output()
    };
    match bwrap("true") {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!("SKIP emit-bwrap: {}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        Err(error) => {
            println!("SKIP emit-bwrap: {error}");
            return;
        }
    }
    let denied = bwrap("mkdir /tmp/x").unwrap();
    assert!(!denied.status.success());
    assert!(text(&denied.stderr).contains("Read-only file system"), "{}", text(&denied.stderr));
    let allowed = bwrap("touch /tmp/x && ls /tmp").unwrap();
    assert_eq!(text(&allowed.stdout), "x\n", "{}", text(&allowed.stderr));
}

#[test]
fn what_there_is_not_is_refused() {
    for (form, format, words) in [
        ("bwrap", "text", "without --seccomp"),
        ("bwrap", "json", "no JSON"),
        ("seccomp-bpf", "json", "no JSON"),
    ] {
        let output = stockade(&["compile", "unconfined", "--emit", form, "--format", format]);
        assert_eq!(output.status.code(), Some(2), "{form} {format}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
        assert_eq!(output.stdout, b"", "{form} {format}");
    }
    // Nothing is denied: a filter that says so, which others than bwrap may want.
    let open = fine(&["compile", "unconfined", "--emit", "seccomp-bpf"]).stdout;
    assert_eq!(open, [6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
    let directory = tempfile::tempdir().unwrap();
    // A host that takes no filter gets none, and least of all that one.
    let host: Value = serde_json::from_slice(&fine(&["doctor", "--format", "json"]).stdout).unwrap();
    let mut host = host["host"].clone();
    host["seccomp"] = Value::Null;
    let host = file(directory.path(), "host.json", host.to_string().as_bytes());
    for form in ["bwrap", "seccomp-bpf"] {
        let output = stockade(&["compile", "restricted", "--host", &host, "--emit", form]);
        assert_eq!(output.status.code(), Some(3), "{form}: {}", text(&output.stderr));
        assert_eq!(output.stdout, b"", "{form}");
    }
    let trap = PROFILE.replace("mkdir: erofs", "mkdir: trap(5)");
    let trap = file(directory.path(), "trap.yaml", trap.as_bytes());
    let output = stockade(&["compile", &trap, "--emit", "docker-seccomp"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("`mkdir` gets trap(5)"), "{}", text(&output.stderr));
}
