//! `stockade man [COMMAND]`

use super::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use clap::CommandFactory;
use std::fs;
use std::path::PathBuf;

/// Print a manual page
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The command that the page is about; stockade itself where none is named
    command: Option<String>,
    /// Write every page into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    all: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let mut program = Cli::command();
    program.build();
    if let Some(directory) = &args.all {
        for (file, page) in pages(&program)? {
            let path = directory.join(file);
            fs::write(&path, page).map_err(|source| Failure::Write { path, source })?;
        }
        return Ok(Exit::FINE);
    }
    let about = match &args.command {
        None => &program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| Failure::Argument {
            what: "the command",
            value: name.clone(),
            why: "there is none of this name".to_owned(),
        })?,
    };
    render::bytes(&page(about)?)?;
    Ok(Exit::FINE)
}

/// Every page with its file name: `stockade.1`, `stockade-run.1` and so on.
fn pages(program: &clap::Command) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut pages = vec![("stockade.1".to_owned(), page(program)?)];
    for command in program.get_subcommands() {
        pages.push((format!("stockade-{}.1", command.get_name()), page(command)?));
    }
    Ok(pages)
}

fn page(command: &clap::Command) -> Result<Vec<u8>, Failure> {
    let title = command.get_display_name().unwrap_or(command.get_name());
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).title(title).render(&mut page).map_err(Failure::Output)?;
    Ok(page)
}
