//! `stockade completions SHELL`

use super::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use clap::CommandFactory;
use clap_complete::Shell;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "stockade", &mut script);
    render::bytes(&script)?;
    Ok(Exit::FINE)
}
