//! `stockade diff A B`

use super::{Output, Sources};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
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
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    output: Output,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let (context, floors) = args.sources.open()?;
    let a = floors.policy(&context, &args.a)?;
    let b = floors.policy(&context, &args.b)?;
    let differences = diff((&args.a, &a), (&args.b, &b));
    render::result(args.output.format, "diff", &differences, || render::harmless(&differences.text()))?;
    let counts = !differences.looser.is_empty() || args.answers && !differences.answers.is_empty();
    Ok(if counts { Exit::NO } else { Exit::FINE })
}
