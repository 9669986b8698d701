//! Tests that run in a guest.

use crate::{Ended, Ending, Guest, missing};
use std::any::type_name;
use std::error::Error;

/// Set in a guest.
const IN_GUEST: &str = "STOCKADE_TEST_GUEST";

/// Where the program of the tests stands in a guest.
const PROGRAM: &str = "/usr/local/bin/test";

/// Runs `body` in a guest of each kernel, and fails where it failed in one. `equip` gives the guest what the test needs.
///
/// The program that calls this runs in the guest, with this one test, in which `body` is called. A kernel that cannot be
/// had here is skipped, by name, and so is what the test skips in a guest.
///
/// # Panics
///
/// Where the test failed in a guest, or no guest could be made.
pub fn test<B: FnOnce()>(kernels: &[&str], equip: impl Fn(Guest) -> Result<Guest, Box<dyn Error>>, body: B) {
    if is_guest() {
        return body();
    }
    let name = test_name(type_name::<B>());
    again(kernels, equip, name, &[name]);
}

/// Runs other tests of the program that calls this, by their names, in a guest of each kernel, as `test` does: what holds
/// here holds there. `name` is what a skip is called by.
///
/// # Panics
///
/// Where one of them failed in a guest or is not there, or no guest could be made.
pub fn again(
    kernels: &[&str],
    equip: impl Fn(Guest) -> Result<Guest, Box<dyn Error>>,
    name: &str,
    tests: &[&str],
) {
    let mut failed = Vec::new();
    for kernel in kernels {
        if let Some(why) = missing(&[kernel]) {
            skip(&format!("{}-{kernel}: {why}", name.replace("::", "-")));
            continue;
        }
        match run(kernel, &equip, tests) {
            Ok(ended) => {
                for what in skipped(&ended.stdout) {
                    skip(&format!("{what} (kernel {kernel})"));
                }
                if let Some(why) = fault(&ended, tests.len()) {
                    failed.push(format!("== kernel {kernel}\n{why}"));
                }
            }
            Err(error) => failed.push(format!("== kernel {kernel}\n{error}")),
        }
    }
    assert!(failed.is_empty(), "{name} failed in a guest\n{}", failed.join("\n"));
}

/// Whether this runs in a guest.
pub fn is_guest() -> bool {
    std::env::var_os(IN_GUEST).is_some()
}

/// Runs the tests in one guest.
fn run(
    kernel: &str,
    equip: &impl Fn(Guest) -> Result<Guest, Box<dyn Error>>,
    tests: &[&str],
) -> Result<Ended, Box<dyn Error>> {
    let guest =
        equip(Guest::new(kernel))?.built(std::env::current_exe()?, PROGRAM).variable(IN_GUEST, kernel);
    let options = ["--exact", "--nocapture", "--test-threads=1"];
    Ok(guest.run(&[&[PROGRAM], tests, &options].concat())?)
}

/// Why one of so many tests failed, if it did.
fn fault(ended: &Ended, tests: usize) -> Option<String> {
    // A test that is not found passes as none.
    if ended.ending == Ending::Exited(0) && ended.stdout.contains(&format!(" {tests} passed;")) {
        return None;
    }
    let tail: Vec<&str> = ended.console.lines().rev().take(30).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Some(format!("{:?}\n{}{}\n-- console\n{}", ended.ending, ended.stdout, ended.stderr, tail.join("\n")))
}

/// What the tests skipped. The first line that one prints stands behind its own name.
fn skipped(stdout: &str) -> Vec<&str> {
    let printed = |line| match str::strip_prefix(line, "test ").and_then(|rest| rest.split_once(" ... ")) {
        Some((_, printed)) => printed,
        None => line,
    };
    stdout.lines().filter_map(|line| printed(line).strip_prefix("SKIP ")).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_in_a_guest_is_found() {
        let stdout = "\nrunning 1 test\ntest a::b ... SKIP one: no\nno SKIP here\nSKIP two: not here\nok\n";
        assert_eq!(skipped(stdout), ["one: no", "two: not here"]);
    }

    #[test]
    fn a_test_is_found_by_a_closure_in_it() {
        assert_eq!(test_name("program::module::test::{{closure}}"), "module::test");
        assert_eq!(test_name("program::test::{{closure}}::{{closure}}"), "test");
    }
}
