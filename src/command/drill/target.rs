//! What the probes are tried in.

use super::{Args, Counts, Drilled};
use crate::context::{Context, DEFAULT_PROFILE};
use crate::failure::Failure;
use crate::host;
use crate::stages::{self, Floors};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use stockade_enforcer::drill::client::{CLIENTS, Client};
use stockade_enforcer::drill::engine::{self, in_engine};
use stockade_enforcer::drill::inside::{Running, in_container};
use stockade_enforcer::drill::judge::{Declared, judge};
use stockade_enforcer::drill::place::{PROGRAM_INSIDE, Place};
use stockade_enforcer::drill::report::Outcome;
use stockade_enforcer::drill::run::{self, Bursts};
use stockade_enforcer::drill::runc;
use stockade_policy::export::{Dialect, seccomp_json};
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;

/// Who starts containers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Engine {
    /// An engine, by its client.
    Client(&'static Client),
    /// runc, as Docker does.
    Runc,
}

/// Its name.
const RUNC: &str = "runc";

/// Reads an engine's name.
pub(super) fn engines() -> impl TypedValueParser<Value = Engine> {
    let names: Vec<&str> = CLIENTS.iter().map(|client| client.name).chain([RUNC]).collect();
    PossibleValuesParser::new(names).try_map(|name| Engine::named(&name).ok_or("there is no such engine"))
}

impl Engine {
    fn named(name: &str) -> Option<Engine> {
        let client = CLIENTS.iter().find(|client| client.name == name).map(Engine::Client);
        client.or((name == RUNC).then_some(Engine::Runc))
    }

    fn name(self) -> &'static str {
        match self {
            Engine::Client(client) => client.name,
            Engine::Runc => RUNC,
        }
    }
}

/// What Docker puts around a container by default, as a profile: what the container of runc is made from.
const DOCKER_DEFAULT: &str = "docker-default";

/// One container.
pub(super) enum Target<'a> {
    /// Launched under a profile.
    Profile(&'a str),
    /// Started by an engine, and what it should be under, if anything.
    Engine { engine: Engine, profile: Option<&'a str>, asked: bool },
}

impl<'a> Target<'a> {
    /// The one that the options describe.
    pub(super) fn asked(args: &'a Args) -> Target<'a> {
        let profile = args.profile.as_deref();
        match args.engine {
            None => Target::Profile(profile.unwrap_or(DEFAULT_PROFILE)),
            Some(engine) => Target::Engine { engine, profile, asked: true },
        }
    }

    /// The one beside it.
    pub(super) fn beside(name: &'a str) -> Target<'a> {
        match Engine::named(name) {
            Some(engine) => Target::Engine { engine, profile: None, asked: false },
            None => Target::Profile(name),
        }
    }

    /// Has the program tried there, and judges what came out.
    pub(super) fn drill(&self, args: &Args, place: &Place, outside: &[Outcome]) -> Result<Drilled, Failure> {
        let (name, declared, inside) = match self {
            Target::Profile(profile) => {
                let mut stages = Stages::of(args, place, profile)?;
                stages.plan = stages::enforceable(stages.plan)?;
                let inside = match &args.root {
                    None => run::under(&stages.plan, place, PROGRAM_INSIDE)?,
                    Some(root) => {
                        let (plan, program) = place.put_into(stages.plan.clone(), root)?;
                        run::under(&plan, place, &program)?
                    }
                };
                ((*profile).to_owned(), Some(stages), inside)
            }
            Target::Engine { engine, profile, asked } => {
                let stages = profile.map(|profile| Stages::of(args, place, profile)).transpose()?;
                let container = args.container.as_deref().filter(|_| *asked);
                let name = container.unwrap_or(engine.name()).to_owned();
                let bursts = if *asked && args.limited { Bursts::ALL } else { Bursts::default() };
                let (stages, inside) = match (engine, container) {
                    (Engine::Runc, container)
                        if *asked
                            && (container.is_some() || args.image.is_some() || !args.options.is_empty()) =>
                    {
                        return Err(Failure::Argument {
                            what: "--engine",
                            value: RUNC.to_owned(),
                            why: "it takes neither a container, nor an image, nor options: its container is Docker's \
                                  default"
                                .to_owned(),
                        });
                    }
                    (Engine::Runc, _) => in_runc(args, place, stages, bursts)?,
                    (Engine::Client(client), Some(container)) => {
                        let running =
                            Running { client, container, directory: &args.into, options: &args.options };
                        (stages, in_container(place, &running, bursts)?)
                    }
                    (Engine::Client(client), None) => {
                        let image = args.image.as_deref().filter(|_| *asked);
                        let engine = engine::Engine {
                            client,
                            image,
                            options: if *asked { &args.options } else { &[] },
                        };
                        (stages, in_engine(place, &engine, bursts)?)
                    }
                };
                (name, stages, inside)
            }
        };
        let judged = declared.as_ref().map(|stages| Declared { policy: &stages.policy, plan: &stages.plan });
        let probes = judge(&inside, outside, judged);
        let profile = declared.map(|stages| stages.policy.name);
        Ok(Drilled { target: name, profile, counts: Counts::of(&probes), probes })
    }
}

/// What a profile means, and what it comes to here.
struct Stages {
    policy: Policy,
    plan: Plan,
}

impl Stages {
    fn of(args: &Args, place: &Place, profile: &str) -> Result<Stages, Failure> {
        let own = place.root();
        let context = Context::new(args.root.as_ref().unwrap_or(&own))?;
        let floors = Floors::read(&context, &args.floor)?;
        let policy = floors.policy(&context, profile)?;
        let plan = stages::plan(&context, &policy, &host::here()?, &floors)?;
        Ok(Stages { policy, plan })
    }
}

/// As Docker would by default, whatever the container should be under.
fn in_runc(
    args: &Args,
    place: &Place,
    declared: Option<Stages>,
    bursts: Bursts,
) -> Result<(Option<Stages>, Vec<Outcome>), Failure> {
    let default = Stages::of(args, place, DOCKER_DEFAULT)?;
    let Stages { policy, plan } = &default;
    let exported = seccomp_json(&policy.syscalls, &policy.filter, plan.arch, Dialect::Oci);
    let exported = exported.map_err(|error| Failure::Filter {
        what: format!("the filter of `{DOCKER_DEFAULT}`"),
        to: "written as seccomp JSON",
        source: error.into(),
    })?;
    let seccomp = serde_json::from_str(&exported.json).map_err(Failure::Serialise)?;
    let inside = runc::docker_default(place, plan, &seccomp, bursts)?;
    Ok((Some(declared.unwrap_or(default)), inside))
}
