//! Tests that run in a guest.

use crate::{Ending, Guest, GuestError, program};
use std::any::type_name;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set in a guest.
const IN_GUEST: &str = "STOCKADE_TEST_GUEST";

/// Where the program of the tests stands in a guest.
const PROGRAM: &str = "/usr/local/bin/test";

/// Runs `body` in a guest of each kernel, and fails where it failed in one. `equip` gives the guest what the test needs.
///
/// The program that calls this runs in the guest, with this one test, in which `body` is called. A kernel that cannot be
/// had here is skipped, by name.
///
/// # Panics
///
/// Where the test failed in a guest, or no guest could be made.
pub fn test<B: FnOnce()>(kernels: &[&str], equip: impl Fn(Guest) -> Result<Guest, Box<dyn Error>>, body: B) {
    if std::env::var_os(IN_GUEST).is_some() {
        return body();
    }
    let name = test_name(type_name::<B>());
    let mut failed = Vec::new();
    for kernel in kernels {
        match run(kernel, &equip, name) {
            Ok(None) => {}
            Ok(Some(why)) => failed.push(format!("== kernel {kernel}\n{why}")),
            Err(error) => match error.downcast_ref::<GuestError>() {
                Some(GuestError::NoKernel { .. }) => skip(&format!("{name}@{kernel}: {error}")),
                _ => failed.push(format!("== kernel {kernel}\n{error}")),
            },
        }
    }
    assert!(failed.is_empty(), "{name} failed in a guest\n{}", failed.join("\n"));
}

/// Runs the test in one guest; why it failed, if it did.
fn run(
    kernel: &str,
    equip: &impl Fn(Guest) -> Result<Guest, Box<dyn Error>>,
    name: &str,
) -> Result<Option<String>, Box<dyn Error>> {
    let scratch = tempfile::Builder::new().prefix("stockade-test-program-").tempdir()?;
    let own = stripped(&std::env::current_exe()?, scratch.path())?;
    let mut guest = equip(Guest::new(kernel))?.file(&own, PROGRAM).variable(IN_GUEST, kernel);
    for library in program::files(&own)?.split_off(1) {
        guest = guest.file(&library, &library);
    }
    let ended = guest.run(&[PROGRAM, "--exact", name, "--nocapture", "--test-threads=1"])?;
    // A test that is not found passes as none.
    let ran = ended.stdout.contains("1 passed");
    if ended.ending == Ending::Exited(0) && ran {
        return Ok(None);
    }
    let tail: Vec<&str> = ended.console.lines().rev().take(30).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Ok(Some(format!("{:?}\n{}{}\n-- console\n{}", ended.ending, ended.stdout, ended.stderr, tail.join("\n"))))
}

/// A copy of the program without what only a debugger reads, which is most of it.
fn stripped(path: &Path, scratch: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let copy = scratch.join("program");
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(&copy).arg(path).status()?;
    if status.success() { Ok(copy) } else { Err(format!("strip: {status}").into()) }
}

/// The name of a test by the type of a closure in it: `program::module::test::{{closure}}`.
fn test_name(closure: &str) -> &str {
    let name = closure.split_once("::{{closure}}").map_or(closure, |(name, _)| name);
    name.split_once("::").map_or(name, |(_, name)| name)
}

#[expect(clippy::print_stdout, reason = "what is skipped is counted by this line")]
fn skip(what: &str) {
    println!("SKIP {what}");
}
