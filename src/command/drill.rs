//! `stockade drill`

mod target;
mod text;

use super::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use std::ffi::OsString;
use std::path::PathBuf;
use stockade_enforcer::drill::judge::{Finding, Verdict};
use stockade_enforcer::drill::place::Place;
use stockade_enforcer::drill::{self, Probe, run};
use target::Target;

/// Try known ways out of a container, harmlessly, and show which layer stops each
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Show what is tried and what obtaining it would mean, and try nothing
    #[arg(long, conflicts_with_all = ["profile", "floor", "root", "engine", "against"])]
    list: bool,
    /// What is launched; with `--engine` what its container should be under
    #[arg(long, value_name = "P")]
    profile: Option<String>,
    /// A policy that no profile may be looser than; may be given several times
    #[arg(long, value_name = "P")]
    floor: Vec<String>,
    /// The directory that becomes `/`; one with the drill alone where none is named
    #[arg(long, value_name = "DIR", conflicts_with = "engine")]
    root: Option<PathBuf>,
    /// Have this engine start the container, instead of a launch; `runc` as Docker does by default, containerd by `ctr`
    #[arg(long, value_parser = target::engines())]
    engine: Option<target::Engine>,
    /// Put the drill into this running container of the engine, have it executed there, and take it out again
    #[arg(long, value_name = "NAME", requires = "engine", conflicts_with = "image")]
    container: Option<String>,
    /// The directory of that container that it is put into: one from which the container may execute
    #[arg(long, value_name = "DIR", requires = "container", default_value = "/")]
    into: String,
    /// The engine's image; one with nothing in it where none is named
    #[arg(long, value_name = "IMAGE", requires = "engine")]
    image: Option<String>,
    /// The engine's container has limits on processes, descriptors and memory: try to go beyond them
    #[arg(long, requires = "engine")]
    limited: bool,
    /// What stands beside it: another profile, or an engine's name for its default
    #[arg(long, value_name = "P|ENGINE")]
    against: Option<String>,
    #[command(flatten)]
    output: Output,
    /// Options for the engine's `run`, or with `--container` for its `exec`
    #[arg(last = true, value_name = "OPTION", requires = "engine")]
    options: Vec<OsString>,
}

const EXIT_CODES: &str = "\
In a container that runs already nothing stays behind, unless this command is killed: then a program named
stockade-drill-… is left in the directory, and may be removed.

Exit codes: 0 every probe that the profile says is stopped is; 1 one of them is open, or its end says nothing;
2 usage or bad input; 3 this host cannot start the container; 70 what came out of it is no report.";

/// What is printed.
#[derive(serde::Serialize)]
struct Report {
    /// One, or two side by side.
    targets: Vec<Drilled>,
}

/// What is printed where nothing is tried.
#[derive(serde::Serialize)]
struct Listing {
    probes: Vec<&'static Probe>,
}

/// One container, with what was found in it.
#[derive(serde::Serialize)]
struct Drilled {
    target: String,
    /// The profile that it should be under, if any.
    profile: Option<String>,
    counts: Counts,
    probes: Vec<Finding>,
}

/// How many came to what.
#[derive(serde::Serialize)]
struct Counts {
    probes: usize,
    stopped: usize,
    open: usize,
    absent: usize,
    not_tried: usize,
    undecided: usize,
    /// Those not stopped of which the profile says that they are.
    contradicting: usize,
}

impl Counts {
    fn of(findings: &[Finding]) -> Counts {
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        Counts {
            probes: findings.len(),
            stopped: count(Verdict::Stopped),
            open: count(Verdict::Open),
            absent: count(Verdict::Absent),
            not_tried: count(Verdict::NotTried),
            undecided: count(Verdict::Undecided),
            contradicting: findings.iter().filter(|finding| finding.contradicts()).count(),
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if args.list {
        let listing = Listing { probes: drill::probes().collect() };
        render::result(args.output.format, "probes", &listing, || text::listing(&listing.probes))?;
        return Ok(Exit::FINE);
    }
    let place = Place::new()?;
    let targets: Vec<Target<'_>> = [Some(Target::asked(args)), args.against.as_deref().map(Target::beside)]
        .into_iter()
        .flatten()
        .collect();
    // First: a launch may take the right to be looked at from this process, which its children would miss.
    let outside = run::outside(&place)?;
    let drilled: Result<Vec<Drilled>, Failure> =
        targets.iter().map(|target| target.drill(args, &place, &outside)).collect();
    let report = Report { targets: drilled? };
    if !rustix::process::geteuid().is_root() {
        // The yardstick is what this caller may.
        render::note(
            "note",
            "not run as root: what is refused to this caller without any confinement, too, is counted as not on this host",
        );
    }
    render::result(args.output.format, "drill", &report, || render::harmless(&text::text(&report)))?;
    let contradicted = report.targets.iter().any(|drilled| drilled.counts.contradicting > 0);
    Ok(if contradicted { Exit::NO } else { Exit::FINE })
}
