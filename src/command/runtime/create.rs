//! `create` and `run`: the bundle is met with the policy before the inner runtime reads it.

use super::arguments::{ArgumentError, Invocation};
use super::kept_meet::{self, KeptMeet};
use super::rules::Administered;
use super::{RuntimeError, become_inner, inner_state, log};
use crate::context::Context;
use crate::host;
use std::convert::Infallible;
use std::path::Path;
use stockade_enforcer::oci::bundle::Bundle;
use stockade_enforcer::oci::claims::claims;
use stockade_enforcer::oci::init;
use stockade_enforcer::oci::inner::Inner;
use stockade_enforcer::oci::record::Record;
use stockade_enforcer::oci::surroundings::Here;
use stockade_policy::oci::{Around, HandOver, Init, OciError, Of, Request, Tightened, tighten};
use stockade_policy::rules::{Choice, Mode};

/// The pod of a container by the CRI: containerd, pkg/cri/annotations.
const SANDBOX: &str = "io.kubernetes.cri.sandbox-id";

/// Makes the bundle as strict as its policy, and becomes the inner runtime.
pub(super) fn create(invocation: &Invocation) -> Result<Infallible, RuntimeError> {
    let rules = Administered::read(invocation)?;
    let inner = Inner::find(rules.inner())?;
    let id = invocation.container()?;
    // crun reads options behind the name too, and would take another bundle than the one that is met.
    if let Some(more) = invocation.arguments.get(invocation.positional + 1) {
        let option = more.to_string_lossy().into_owned();
        return Err(ArgumentError::Unknown { option, command: invocation.command.clone() }.into());
    }
    if let Some(config) = invocation.option("config").filter(|config| *config != "config.json") {
        let (option, value) = ("config".to_owned(), config.to_string_lossy().into_owned());
        return Err(ArgumentError::Value { option, value }.into());
    }
    let bundle = Bundle::open(invocation.option("bundle").map_or(Path::new("."), Path::new))?;
    let root = bundle.root()?;
    init::check_root(&root)?;
    let state = rules.state()?;
    state.collect()?;
    let inner_state = inner_state(&inner, invocation);
    let (choice, made) = met(&rules, &inner, &bundle, &root, &id, &state.init(&inner_state, &id))?;
    let observed = choice.mode == Mode::Observe;
    match made {
        Ok(tightened) => {
            let place = state.place(&inner_state, &id)?;
            place.clear()?;
            log::cuts(&rules.log(), &id, observed, &tightened.cuts)?;
            if !observed && tightened.bounds.init.is_some() {
                place.write_init(&init::file(&tightened.plan)?)?;
            }
            let Tightened { document, plan, bounds, cuts, .. } = tightened;
            place.write(&Record {
                bundle: bundle.path().to_owned(),
                inner_state,
                inner: inner.path().to_owned(),
                profiles: choice.steps.into_iter().map(|step| step.profile).collect(),
                rule: choice.rule.map(|rule| rule.to_string()),
                id,
                observed,
                plan,
                bounds,
                cuts,
            })?;
            // Last: until then the engine's own stands there, and nothing of ours has started it.
            if !observed {
                bundle.replace(&document)?;
            }
        }
        // What would not start is said, and started.
        Err(error) if observed => {
            state.remove(&inner_state, &id)?;
            log::refusal(&rules.log(), &id, &error)?;
        }
        Err(error) => return Err(error.into()),
    }
    become_inner(&inner, invocation)
}

/// The choice for a container, and its bundle under it.
fn met(
    rules: &Administered,
    inner: &Inner,
    bundle: &Bundle,
    root: &Path,
    id: &str,
    init: &Path,
) -> Result<(Choice, Result<Tightened, OciError>), RuntimeError> {
    let choice = rules.choose(&claims(bundle, id, &rules.docker())?)?;
    if !rules.admits_root(root, bundle.path()) {
        return Err(OciError::Host(format!(
            "root.path: no rule admits {} of the host as a root",
            root.display()
        ))
        .into());
    }
    let context = Context::new(root)?.guarded();
    let host = host::here()?;
    let here = Here::new(root).map_err(|error| OciError::Host(error.to_string()))?;
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| OciError::Host(format!("{} is not UTF-8", path.display())))
    };
    let hand_over = if inner.is_crun() { HandOver::Program } else { HandOver::Rules };
    let sandbox = bundle.config.get(&["annotations", SANDBOX]).and_then(|id| id.as_str());
    let (admission, root, init) = (rules.admission(sandbox), text(root)?, text(init)?);
    let meet = |policy: Of<'_>, floors: &str| {
        let request = Request {
            policy,
            floors,
            admission: &admission,
            host: &host,
            id,
            root: &root,
            lookup: &context,
            surroundings: &here,
            init: Init { path: init::PATH, file: &init },
            hand_over,
        };
        tighten(&bundle.config, &request)
    };
    let place = KeptMeet::open(rules, &choice, &host, hand_over, bundle);
    if let Some(kept) = place.as_ref().and_then(|place| place.read(&context)) {
        match meet(Of::Kept(&kept.around, &kept.filters), &kept.floors) {
            Err(OciError::Kept) => {}
            made => return Ok((choice, made)),
        }
    }
    let (policy, floors) = rules.policy(&context, &choice)?;
    // What is asked from here on is about this container's root.
    let questions = context.asked();
    let mut made = meet(Of::Policy(&policy), &floors);
    if let (Some(place), Ok(tightened)) = (&place, &mut made)
        && let Some(filters) = tightened.filters.take()
    {
        let around = Around::of(&policy);
        place.write(&kept_meet::Entry { questions, floors, around, filters });
    }
    Ok((choice, made))
}
