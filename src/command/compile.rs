//! `stockade compile P`

mod overview;

use super::{Output, Sources};
use crate::backend::Backend;
use crate::context::DEFAULT_PROFILE;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::render::{self, Format};
use crate::stages;
use clap::ValueEnum as _;
use std::path::PathBuf;
use stockade_policy::compile::needs_filter;
use stockade_policy::export::{self, Dialect, Engine, seccomp_bpf, seccomp_json};
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;
use stockade_policy::seccomp::bpf;
use stockade_policy::seccomp::listing::listing;

/// Compile a profile into the plan for a host
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A built-in profile, or a file
    #[arg(default_value = DEFAULT_PROFILE)]
    profile: String,
    /// A host described by `stockade doctor --format json`, instead of this one
    #[arg(long, value_name = "FILE")]
    host: Option<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// What is printed
    #[arg(long, value_enum, default_value_t)]
    emit: Emit,
    /// Who makes the filter
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,
    #[command(flatten)]
    output: Output,
}

/// What a policy compiles to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Emit {
    /// The whole plan; as JSON it is what `run --plan` takes
    #[default]
    Plan,
    /// The filter: as text one instruction a line, as JSON `[code, jt, jf, k]` each
    Seccomp,
    /// The filter as the kernel takes it: an array of `struct sock_filter`; one that allows everything where the
    /// profile needs none
    SeccompBpf,
    /// The same, ready for a descriptor of `bwrap --seccomp FD`
    Bwrap,
    /// The filter, with what comes to each instruction and the lines that decide
    Asm,
    /// JSON for `docker run --security-opt seccomp=FILE`
    DockerSeccomp,
    /// The `linux.seccomp` object of an OCI runtime's bundle
    Oci,
    /// The strictest `docker run` that there is for the profile, one argument a line; what Docker cannot be told
    /// stands above as comments
    DockerArgs,
    /// The same as a service of Docker Compose
    Compose,
    /// The strictest pod of Kubernetes
    Kubernetes,
    /// The strictest service of systemd
    Systemd,
}

impl Emit {
    /// The engine that it is for, whose host need not be this one.
    fn engine(self) -> Option<Engine> {
        match self {
            Emit::DockerArgs => Some(Engine::DockerArgs),
            Emit::Compose => Some(Engine::Compose),
            Emit::Kubernetes => Some(Engine::Kubernetes),
            Emit::Systemd => Some(Engine::Systemd),
            _ => None,
        }
    }
}

#[derive(serde::Serialize)]
struct Filter<'a> {
    arch: stockade_policy::vocab::Arch,
    filter: &'a Option<stockade_policy::plan::Seccomp>,
}

#[derive(serde::Serialize)]
struct Listing<'a> {
    arch: stockade_policy::vocab::Arch,
    listing: Vec<&'a str>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let (context, floors) = args.sources.open()?;
    let policy = floors.policy(&context, &args.profile)?;
    let host = match &args.host {
        Some(path) => host::described(path)?,
        None => host::here()?,
    };
    let mut plan = stages::plan(&context, &policy, &host, &floors)?;
    if let Some(engine) = args.emit.engine() {
        // What this host cannot enforce says nothing about the engine.
        return engine_text(args, engine, &policy, &plan);
    }
    args.backend.replace(&mut plan, &policy)?;
    let alone = matches!(args.emit, Emit::SeccompBpf | Emit::Bwrap);
    if alone && plan.seccomp.is_none() && needs_filter(&policy, plan.arch) {
        // In place of a filter that the host cannot take there is none to give out.
        stages::enforceable(plan)?;
        return Ok(Exit::HOST);
    }
    emit(args, &policy, &plan)?;
    // The plan is printed all the same: it is where the gaps stand.
    stages::enforceable(plan)?;
    Ok(Exit::FINE)
}

/// What an engine can be told, which comes in no envelope.
fn engine_text(args: &Args, engine: Engine, policy: &Policy, plan: &Plan) -> Result<Exit, Failure> {
    if args.output.format == Format::Json {
        return Err(no_json(args.emit, "it is a file of the engine's own"));
    }
    if args.backend != Backend::default() {
        return Err(Failure::Argument {
            what: "--backend",
            value: "libseccomp".to_owned(),
            why: "what an engine is told holds no filter".to_owned(),
        });
    }
    render::bytes(export::engine(engine, policy, plan).as_bytes())?;
    Ok(Exit::FINE)
}

fn no_json(emit: Emit, why: &str) -> Failure {
    Failure::Argument {
        what: "--emit",
        value: emit.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default(),
        why: why.to_owned(),
    }
}

fn emit(args: &Args, policy: &Policy, plan: &Plan) -> Result<(), Failure> {
    let program = plan.seccomp.as_ref().map(|seccomp| seccomp.program.as_slice()).unwrap_or_default();
    match args.emit {
        Emit::Plan => render::result(args.output.format, "plan", plan, || overview::text(plan)),
        Emit::Seccomp => {
            let filter = Filter { arch: plan.arch, filter: &plan.seccomp };
            render::result(args.output.format, "seccomp", &filter, || bpf::text(program))
        }
        Emit::Asm => {
            let text = render::harmless(&listing(program, &policy.syscalls, plan.arch));
            let shown = Listing { arch: plan.arch, listing: text.lines().collect() };
            render::result(args.output.format, "listing", &shown, || text.clone())
        }
        Emit::DockerSeccomp | Emit::Oci if args.backend != Backend::default() => Err(Failure::Argument {
            what: "--backend",
            value: "libseccomp".to_owned(),
            why: "this JSON holds rules and no filter: the engine makes one of them, with its own libseccomp"
                .to_owned(),
        }),
        Emit::DockerSeccomp => json(policy, plan, Dialect::Docker),
        Emit::Oci => json(policy, plan, Dialect::Oci),
        Emit::SeccompBpf | Emit::Bwrap if args.output.format == Format::Json => {
            Err(no_json(args.emit, "it is no JSON; `--emit seccomp --format json` prints the instructions"))
        }
        Emit::Bwrap if plan.seccomp.is_none() => Err(Failure::Argument {
            what: "--emit",
            value: "bwrap".to_owned(),
            why: format!("the profile `{}` has no filter here: run bwrap without --seccomp", plan.profile),
        }),
        Emit::SeccompBpf | Emit::Bwrap => render::bytes(&seccomp_bpf(plan)),
        // Printed before.
        Emit::DockerArgs | Emit::Compose | Emit::Kubernetes | Emit::Systemd => Ok(()),
    }
}

/// The filter as an engine's JSON, which is a file of its own and comes in no envelope.
fn json(policy: &Policy, plan: &Plan, dialect: Dialect) -> Result<(), Failure> {
    let exported = seccomp_json(&policy.syscalls, &policy.filter, plan.arch, dialect).map_err(|error| {
        Failure::Filter {
            what: format!("the filter of `{}`", plan.profile),
            to: "written as seccomp JSON",
            source: error.into(),
        }
    })?;
    exported.notes.iter().for_each(|note| render::note("note", note));
    render::bytes(exported.json.as_bytes())
}
