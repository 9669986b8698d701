//! `stockade prove P`

use super::{Output, Sources};
use crate::backend::Backend;
use crate::context::DEFAULT_PROFILE;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{self, HostArch};
use crate::render;
use crate::running;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use stockade_enforcer::filters::Stack;
use stockade_policy::compile::needs_filter;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::policy::Policy;
use stockade_policy::seccomp::bpf;
use stockade_policy::seccomp::prove::{Proof, prove_all};
use stockade_policy::vocab::Arch;

/// Decide whether a filter does what a profile says, for every interface, number and argument
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    #[arg(default_value = DEFAULT_PROFILE)]
    profile: String,
    /// A filter as the kernel takes it, an array of `struct sock_filter`, instead of the compiled ones
    #[arg(long, value_name = "FILE", conflicts_with = "pid")]
    filter: Option<PathBuf>,
    /// The filters that every thread of this process runs under, instead of the compiled ones
    #[arg(long, value_name = "PID", conflicts_with_all = ["arch", "host"])]
    pid: Option<u32>,
    /// Who makes the filters that are proven
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["filter", "pid"])]
    backend: Backend,
    /// The kernel's architecture; every one where none is named, for a filter in a file this host's
    #[arg(long, value_enum, conflicts_with = "host")]
    arch: Option<HostArch>,
    /// A host described by `stockade doctor --format json`, whose architecture is taken
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    #[command(flatten)]
    output: Output,
}

const EXIT_CODES: &str = "\
Exit codes: 0 proven; 1 not equal, or an allowed call is not cached; 2 usage or bad input; 70 not decided:
the filter computes too much with what it is called with.";

#[derive(serde::Serialize)]
struct Report {
    profile: String,
    proven: bool,
    filters: Vec<Proven>,
}

/// A filter, or a stack of them, with what was found out.
#[derive(serde::Serialize)]
struct Proven {
    /// Where it comes from; `None`: compiled here.
    from: Option<String>,
    #[serde(flatten)]
    proof: Proof,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let (context, floors) = args.sources.open()?;
    let policy = floors.policy(&context, &args.profile)?;
    let syscalls = &policy.syscalls;
    let filters = match (&args.filter, args.pid) {
        (Some(path), _) => vec![in_file(args, syscalls, path)?],
        (None, Some(pid)) => of_process(syscalls, pid)?,
        (None, None) => compiled(args, &policy)?,
    };
    let proven = filters.iter().all(|filter| filter.proof.proven);
    let report = Report { profile: policy.name, proven, filters };
    render::result(args.output.format, "prove", &report, || render::harmless(&text(&report)))?;
    Ok(if proven { Exit::FINE } else { Exit::NO })
}

/// The architecture that the arguments name.
fn named(args: &Args) -> Result<Option<Arch>, Failure> {
    let described = args.host.as_deref().map(host::described).transpose()?;
    Ok(described.map(|host| host.arch).or(args.arch.map(Arch::from)))
}

/// What is compiled here; no filter where everything is allowed.
fn compiled(args: &Args, policy: &Policy) -> Result<Vec<Proven>, Failure> {
    let arches = match named(args)? {
        Some(arch) => vec![arch],
        None => vec![Arch::X86_64, Arch::Aarch64],
    };
    let one = |arch: Arch| {
        let programs =
            if needs_filter(policy, arch) { vec![args.backend.compile(policy, arch)?] } else { Vec::new() };
        prove(&policy.syscalls, arch, &programs, None)
    };
    arches.into_iter().map(one).collect()
}

fn in_file(args: &Args, syscalls: &Syscalls, path: &Path) -> Result<Proven, Failure> {
    let fault = |source| Failure::Read { path: path.to_owned(), source };
    // One more than a filter has, so that the longer ones are told.
    let most = u64::try_from(8 * (bpf::MAX_INSTRUCTIONS + 1)).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(most).read_to_end(&mut bytes).map_err(fault)?;
    let program = bpf::from_bytes(&bytes).map_err(|source| Failure::Argument {
        what: "the filter",
        value: path.display().to_string(),
        why: source.to_string(),
    })?;
    let arch = match named(args)? {
        Some(arch) => arch,
        None => host::here()?.arch,
    };
    prove(syscalls, arch, &[program], Some(path.display().to_string()))
}

fn of_process(syscalls: &Syscalls, pid: u32) -> Result<Vec<Proven>, Failure> {
    let arch = host::here()?.arch;
    let stacks = running::filters(pid)?;
    let one = |stack: Stack| {
        let threads = match stack.threads.as_slice() {
            [one] => format!("thread {one}"),
            more => format!("{} threads, {} first", more.len(), more.first().copied().unwrap_or(pid)),
        };
        prove(syscalls, arch, &stack.programs, Some(threads))
    };
    stacks.into_iter().map(one).collect()
}

fn prove(
    syscalls: &Syscalls,
    arch: Arch,
    programs: &[Vec<Instruction>],
    from: Option<String>,
) -> Result<Proven, Failure> {
    let subject = from.clone().unwrap_or_else(|| format!("the filter for {arch}"));
    match prove_all(syscalls, arch, programs) {
        Ok(proof) => Ok(Proven { from, proof }),
        Err(source) => Err(Failure::Undecided { subject, source }),
    }
}

fn text(report: &Report) -> String {
    let line = |filter: &Proven| match &filter.from {
        Some(from) => format!("{from}: {}", filter.proof.text()),
        None => filter.proof.text(),
    };
    report.filters.iter().map(line).collect()
}
