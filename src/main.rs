//! stockade: security hardening and policy enforcement for Linux containers.
#![cfg_attr(not(test), no_main)]
#![deny(unsafe_code)]

mod backend;
mod command;
mod context;
mod exit;
mod failure;
mod host;
mod kept;
mod overrides;
mod plan_cache;
mod plan_file;
mod render;
mod running;
mod shortcut;
mod stages;

use clap::Parser;
use exit::Exit;
use std::ffi::{c_char, c_int};

/// Where the C library starts. The standard library's own start (a handler for a full stack, for which it reads the
/// memory map) is 19 system calls, which a launch would pay for; what matters of it is in [`stockade_enforcer::begin`].
#[cfg_attr(not(test), expect(unsafe_code, reason = "the name by which the C library calls it"))]
#[cfg_attr(not(test), unsafe(no_mangle))]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    stockade_enforcer::begin::begin();
    // Through the standard library, so that nothing that was printed is lost.
    std::process::exit(i32::from(run().0))
}

/// Nothing is initialised before the command is known: a launch pays for everything here.
fn run() -> Exit {
    if let Some(program) = shortcut::hold(std::env::args_os()) {
        return command::runtime::hold(&program);
    }
    if let Some(arguments) = shortcut::runtime(std::env::args_os()) {
        return command::runtime::start(arguments);
    }
    let (outcome, launch) = match shortcut::parse(std::env::args_os()) {
        Some(run) => (command::run::run(&run), true),
        None => {
            let command = command::Cli::parse().command;
            (command.run(), matches!(command, command::Command::Run(_)))
        }
    };
    outcome.unwrap_or_else(|failure| {
        render::failure(&failure);
        match failure.exit() {
            // Among the codes of the launched command, 125 is the one for stockade itself.
            Exit::INTERNAL if launch => Exit::LAUNCH,
            exit => exit,
        }
    })
}
