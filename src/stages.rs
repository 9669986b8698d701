//! The stages of a profile as commands go through them: text → policy → policy under floors → plan.

use crate::context::Context;
use crate::failure::Failure;
use stockade_policy::compile::{self, Request};
use stockade_policy::diagnostic::Diagnostic;
use stockade_policy::host::Host;
use stockade_policy::lattice::Lattice;
use stockade_policy::parse;
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{self, Mode};

/// The policy that a profile means.
pub(crate) fn policy(context: &Context, name: &str) -> Result<Policy, Failure> {
    examine(context, name).map(|(policy, _)| policy)
}

/// The policy that a profile means, with what may not mean what was intended.
pub(crate) fn examine(context: &Context, name: &str) -> Result<(Policy, Vec<Diagnostic>), Failure> {
    let source = context.named(name)?;
    let profile = parse::parse(&source).map_err(Failure::Diagnostics)?;
    resolve::examine(&profile, context, Mode::Profile).map_err(Failure::Diagnostics)
}

/// Policies that may not be left, and the hash that says which they are.
pub(crate) struct Floors {
    floors: Vec<(String, Policy)>,
    /// SHA-256 over those of every text that the floors came from; empty where there is none.
    pub(crate) hash: String,
}

impl Floors {
    /// Reads them.
    pub(crate) fn read(context: &Context, names: &[String]) -> Result<Floors, Failure> {
        let before = context.asked().len();
        let mut floors = Vec::new();
        for name in names {
            let source = context.named(name)?;
            let profile = parse::parse(&source).map_err(Failure::Diagnostics)?;
            let floor = resolve::resolve(&profile, context, Mode::Floor).map_err(Failure::Diagnostics)?;
            floors.push((name.clone(), floor));
        }
        let hash = if names.is_empty() { String::new() } else { hex(&context.texts_since(before)) };
        Ok(Floors { floors, hash })
    }

    /// The policy that a profile means under these floors.
    pub(crate) fn policy(&self, context: &Context, name: &str) -> Result<Policy, Failure> {
        self.meet(policy(context, name)?)
    }

    /// The loosest policy at least as strict as `policy` and every floor.
    pub(crate) fn meet(&self, policy: Policy) -> Result<Policy, Failure> {
        self.floors.iter().try_fold(policy, |policy, (name, floor)| {
            policy.meet(floor).map_err(|source| Failure::Floor { floor: name.clone(), source })
        })
    }
}

/// The plan of `policy` for `host`. What the host lacks is among its gaps.
pub(crate) fn plan(
    context: &Context,
    policy: &Policy,
    host: &Host,
    floors: &Floors,
) -> Result<Plan, Failure> {
    let root = context.root().to_string_lossy().into_owned();
    let request = Request { root, floors: floors.hash.clone() };
    Ok(compile::compile(policy, host, &request, context)?)
}

/// Refuses a plan that this host cannot enforce whole.
pub(crate) fn enforceable(plan: Plan) -> Result<Plan, Failure> {
    if plan.gaps.iter().all(|gap| gap.optional) {
        return Ok(plan);
    }
    Err(Failure::Gaps { profile: plan.profile, gaps: plan.gaps })
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
