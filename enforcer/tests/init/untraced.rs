//! Nobody of the same user can look into the init, or change it, before it has the layers.

use crate::scene::{OPEN_FILES, Scene};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What a pipe holds before a writer waits. pipe(7).
const PIPE: usize = 0x1_0000;
const USER: &str = "101";

fn as_user(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", USER, "--regid", USER, "--clear-groups", "--no-new-privs"]).arg(program);
    command
}

/// Whether another process of the user can read the memory of `program`, by its environment, once it has said so much
/// that it waits to say more.
fn is_open(program: &Path, arguments: &[&str]) -> bool {
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&[0; PIPE]).unwrap();
    let mut waiting = as_user(program).args(arguments).stdin(Stdio::null()).stderr(writer).spawn().unwrap();
    let proc = Path::new("/proc").join(waiting.id().to_string());
    // write(2) of standard error.
    while !fs::read_to_string(proc.join("syscall")).unwrap().starts_with("1 0x2 ") {
        std::thread::yield_now();
    }
    let mut look = as_user(Path::new("/bin/cat"));
    let status = look.arg(proc.join("environ")).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    drop(reader);
    waiting.wait().unwrap();
    status.success()
}

#[test]
fn the_init_is_closed_to_tracers_of_the_same_user() {
    needs!("init-untraced", "setpriv");
    let scene = Scene::new(OPEN_FILES);
    // It waits where it says that there is no such command.
    assert!(!is_open(&scene.init, &["/none"]));
    assert!(is_open(Path::new("/bin/cat"), &["/none"]), "any other program is open");
}
