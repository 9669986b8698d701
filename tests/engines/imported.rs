//! Images that are made of a file system by `import`, with programs of Debian that need its loader and libraries.

use crate::command_line::CommandLine;
use crate::conformance::wait_for_init;
use crate::docker::Docker;
use crate::engine::{Engine, Options, Runtime, success, text};
use crate::facts::kernel;
use crate::image::Image;
use crate::podman::Podman;
use crate::rules::Rules;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

const PROFILE: &str = "\
stockade: 1
name: dynamic
extends: [docker-default]
process: {no_new_privileges: true, write_xor_execute: true}
capabilities: {replace: [chown]}
files:
  root: read-only
  read: {replace: [/bin, /etc, /lib, /lib64, /proc]}
  write: {replace: []}
  execute: {replace: [/bin, /lib, /lib64]}
";

/// Copies a program's libraries and its loader to where it looks for them. ldd(1).
fn with_libraries(root: &Path, program: &Path) {
    let listed = success(&Command::new("ldd").arg(program).output().unwrap());
    let paths: Vec<&str> = listed.split_whitespace().filter(|word| word.starts_with('/')).collect();
    assert!(paths.iter().any(|path| path.contains("/ld-linux")), "it is not dynamic: {listed}");
    for path in paths {
        let inside = root.join(path.trim_start_matches('/'));
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(path, inside).unwrap();
    }
}

fn image() -> Image {
    Image::new("dynamic", &json!({}), |root| {
        for directory in ["bin", "etc", "srv", "proc", "dev"] {
            fs::create_dir(root.join(directory)).unwrap();
        }
        fs::write(root.join("etc/word"), "read\n").unwrap();
        fs::write(root.join("srv/word"), "never\n").unwrap();
        for program in ["bash", "cat", "ls", "sleep"] {
            fs::copy(Path::new("/bin").join(program), root.join("bin").join(program)).unwrap();
        }
        fs::copy("/bin/cat", root.join("srv/cat")).unwrap();
        kernel(root, &[]);
        for program in ["bash", "cat", "ls", "sleep", "kernel"] {
            with_libraries(root, &root.join("bin").join(program));
        }
    })
}

fn is_under_its_policy<T: CommandLine>(engine: &T, rules: &Rules, image: &Image) {
    let name = engine.name();
    success(&engine.by(&["import", image.layer().to_str().unwrap(), &image.tag]));
    let container = engine
        .start("dynamic", image, &Options::default(), &["/bin/sleep", "600"])
        .unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
    let pid = wait_for_init(engine, &container);
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    assert!(maps.contains("/ld-linux") && maps.contains("/libc.so"), "{name}: {maps}");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    // The runtime's filter, and the init's.
    for line in ["NoNewPrivs:\t1", "CapBnd:\t0000000000000001", "Seccomp_filters:\t2"] {
        assert!(status.contains(line), "{name}: {status}");
    }
    let exec = |command: &[&str]| engine.exec(&container, command);
    assert_eq!(success(&exec(&["/bin/cat", "/etc/word"])), "read", "{name}");
    assert!(success(&exec(&["/bin/ls", "/etc"])).contains("word"), "{name}");
    // Landlock: what the image lets everyone, the profile does not.
    for command in ["/bin/cat /srv/word", "/bin/ls /srv", "/srv/cat /etc/word"] {
        let denied = exec(&["/bin/bash", "-c", command]);
        assert!(text(&denied).contains("Permission denied"), "{name}, {command}: {}", text(&denied));
    }
    // write_xor_execute, as the kernel tells the process: PR_GET_MDWE, 6.3.
    assert!(success(&exec(&["/bin/kernel"])).contains("mdwe 1"), "{name}");
    let state = rules.join("state");
    let verified = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("verify")
        .args(engine.address())
        .args([Path::new("--state"), &state, Path::new("dynamic")])
        .output()
        .unwrap();
    assert!(verified.status.success(), "{name}: {}", text(&verified));
    engine.remove(container);
}

#[test]
fn dynamic_programs_of_an_imported_image_are_under_their_policy() {
    needs_engines!("cc", "ldd", "/bin/bash");
    let (image, rules) = (image(), Rules::new(&[("dynamic", PROFILE)]));
    let file = rules.join("runtime.yaml");
    let runtime =
        Runtime::new(env!("CARGO_BIN_EXE_stockade"), &["runtime", "--rules", file.to_str().unwrap()]);
    let (docker, podman) = (Docker::start(&runtime), Podman::start(&runtime));
    rules.write(&[docker.directory(), podman.directory()], "default: ./dynamic.yaml\n");
    is_under_its_policy(&docker, &rules, &image);
    is_under_its_policy(&podman, &rules, &image);
}
