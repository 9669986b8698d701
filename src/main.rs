//! stockade: security hardening and policy enforcement for Linux containers.
#![forbid(unsafe_code)]

mod command;
mod context;
mod exit;
mod failure;
mod overrides;
mod plan_cache;
mod plan_file;
mod render;
mod shortcut;
mod stages;

use clap::Parser;
use exit::Exit;
use std::process::ExitCode;

/// Nothing is initialised before the command is known: a launch pays for everything here.
fn main() -> ExitCode {
    let (outcome, launch) = match shortcut::parse(std::env::args_os()) {
        Some(run) => (command::run::run_plan(&run), true),
        None => {
            let command = command::Cli::parse().command;
            (command.run(), matches!(command, command::Command::Run(_)))
        }
    };
    outcome
        .unwrap_or_else(|failure| {
            render::failure(&failure);
            match failure.exit() {
                // Among the codes of the launched command, 125 is the one for stockade itself.
                Exit::INTERNAL if launch => Exit::LAUNCH,
                exit => exit,
            }
        })
        .into()
}
