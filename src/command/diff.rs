//! `stockade diff A B`

use super::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use crate::stages::{self, Floors};
use std::path::PathBuf;
use stockade_policy::diff::diff;

/// Compare two profiles in meaning: what B allows that A denies, and back; exit 1 where B is looser
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    a: String,
    /// Another one
    b: String,
    /// Exit 1 also where a system call is only answered otherwise, as with another errno
    #[arg(long)]
    answers: bool,
    /// The directory in which users, groups and programs are looked up
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
    /// A policy that neither profile may be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let context = Context::new(&args.root)?;
    let floors = Floors::read(&context, &args.floor)?;
    let a = floors.meet(stages::policy(&context, &args.a)?)?;
    let b = floors.meet(stages::policy(&context, &args.b)?)?;
    let differences = diff((&args.a, &a), (&args.b, &b));
    render::result(args.output.format, "diff", &differences, || render::harmless(&differences.text()))?;
    let counts = !differences.looser.is_empty() || args.answers && !differences.answers.is_empty();
    Ok(if counts { Exit::NO } else { Exit::FINE })
}
