//! Launches the real thing and looks at it from outside, through /proc.
//!
//! The program has its own main: run without arguments it is the tests; with `STOCKADE_TEST_LAUNCH` it is a
//! launcher, a process with one thread, as the command line is.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test with its own main, which clippy does not know for one"
)]

#[path = "launch/cases.rs"]
mod cases;
#[path = "launch/confinement.rs"]
mod confinement;
#[path = "launch/ends.rs"]
mod ends;
#[path = "launch/fixture.rs"]
mod fixture;
#[path = "launch/hostile.rs"]
mod hostile;
#[path = "launch/launcher.rs"]
mod launcher;
#[path = "../../tests/host/mounts.rs"]
mod mounts;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(request) = std::env::var_os(launcher::VARIABLE) {
        return launcher::main(&request);
    }
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if std::env::args().any(|argument| argument == "--list") {
        cases::ALL.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if let Err(why) = fixture::possible() {
        println!("SKIP launch: {why}");
        return ExitCode::SUCCESS;
    }
    let chosen = cases::ALL
        .iter()
        .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|part| name.contains(part)));
    let mut failed = Vec::new();
    let mut run = 0;
    for (name, case) in chosen {
        run += 1;
        let good = catch_unwind(AssertUnwindSafe(case)).is_ok();
        println!("test {name} ... {}", if good { "ok" } else { "FAILED" });
        if !good {
            failed.push(*name);
        }
    }
    println!(
        "\ntest result: {}. {} passed; {} failed; {failed:?}",
        if failed.is_empty() { "ok" } else { "FAILED" },
        run - failed.len(),
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
