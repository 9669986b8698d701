//! `create` and `run`: the bundle is met with the policy before the inner runtime reads it.

use super::arguments::{ArgumentError, Invocation};
use super::kept_meet::{self, KeptMeet};
use super::rules::Administered;
use super::{RuntimeError, become_inner, inner_state, log};
use crate::context::Context;
use crate::host;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use stockade_enforcer::oci::bundle::Bundle;
use stockade_enforcer::oci::canonical::canonical;
use stockade_enforcer::oci::claims::{claims, partners};
use stockade_enforcer::oci::init;
use stockade_enforcer::oci::inner::Inner;
use stockade_enforcer::oci::record::{Place, Record};
use stockade_enforcer::oci::sources::{self, Namespaces};
use stockade_enforcer::oci::surroundings::Here;
use stockade_policy::oci::{
    Admission, Around, Document, HandOver, Init, OciError, Of, Request, Tightened, tighten,
};
use stockade_policy::plan::{MountKind, Plan};
use stockade_policy::rules::{Choice, Mode};

/// Makes the bundle as strict as its policy, and becomes the inner runtime.
pub(super) fn create(invocation: &Invocation) -> Result<Infallible, RuntimeError> {
    let made = make(invocation, |_, _| Ok(()))?;
    become_inner(&made.inner, invocation)
}

/// A bundle that the inner runtime may read.
pub(super) struct Made {
    pub(super) rules: Administered,
    pub(super) inner: Inner,
    /// What is kept of the container, and the bundle as the inner runtime reads it; `None` where it is only observed.
    pub(super) record: Option<(Record, Document)>,
}

/// Makes the bundle as strict as its policy, with what `more` adds to it.
pub(super) fn make(
    invocation: &Invocation,
    more: impl FnOnce(&Place, &mut Tightened) -> Result<(), RuntimeError>,
) -> Result<Made, RuntimeError> {
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
    let inner_state = inner_state(&inner, invocation)?;
    let Met { choice, admission, namespaces, made } =
        match met(&rules, &inner, &bundle, &root, &id, &state.init(&inner_state, &id)) {
            // No policy was found for it: what would not start is said, and started.
            Err(error) if rules.observes() => {
                bundle.give_back()?;
                state.remove(&inner_state, &id)?;
                log::refusal(&rules.log(), &id, &error)?;
                return Ok(Made { rules, inner, record: None });
            }
            met => met?,
        };
    let observed = choice.mode == Mode::Observe;
    if observed {
        // Before the init goes that it has.
        bundle.give_back()?;
    }
    let mut kept = None;
    match made {
        Ok(tightened) if !observed && !inner.filters_added() && is_filtered_outside_alone(&tightened) => {
            return Err(RuntimeError::Unfiltered(inner.path().to_owned()));
        }
        Ok(mut tightened) => {
            let place = state.place(&inner_state, &id)?;
            place.clear()?;
            if !observed {
                more(&place, &mut tightened)?;
            }
            log::cuts(&rules.log(), &id, observed, &tightened.cuts)?;
            if !observed && tightened.bounds.init.is_some() {
                place.write_init(&init::file(&tightened.plan)?)?;
            }
            let Tightened { mut document, plan, bounds, cuts, .. } = tightened;
            let record = Record {
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
            };
            place.write(&record)?;
            // Last: until then the engine's own stands there, and nothing of ours has started it.
            if !observed {
                if invocation.command == "run" && record.bounds.init.is_some() {
                    leave_no_place(&mut document, &root)?;
                }
                let bound = bound(&record.plan);
                let is_named = |path: &str| {
                    admission.mounts.iter().any(|one| one.is(path, &record.id))
                        || bound.iter().any(|source| source == Path::new(path))
                };
                sources::hold(&mut document, &root, rules.state_path(), &is_named, &namespaces)?;
                bundle.replace(&document)?;
                kept = Some((record, document));
            }
        }
        Err(error) if observed => {
            state.remove(&inner_state, &id)?;
            log::refusal(&rules.log(), &id, &error)?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Made { rules, inner, record: kept })
}

/// Where the paths of the host lead that the policy itself mounts.
fn bound(plan: &Plan) -> Vec<PathBuf> {
    let sources = plan.mounts.entries.iter().filter_map(|entry| match &entry.what {
        MountKind::Bind { from, .. } => canonical(Path::new(from)).ok(),
        _ => None,
    });
    sources.collect()
}

/// Whether the runtime alone puts the filter around processes, and no init.
fn is_filtered_outside_alone(tightened: &Tightened) -> bool {
    tightened.plan.seccomp.is_some() && tightened.bounds.init.is_none()
}

/// What takes away the file that the runtime makes in the root to mount the init on. A step of a build, which is `run` and
/// never `create`d, would leave it in the image.
const REMOVE: &str = "/bin/rm";

/// Has the runtime take that file away at the end, unless the image has one.
fn leave_no_place(document: &mut Document, root: &Path) -> Result<(), RuntimeError> {
    let place = root.join(init::PATH.trim_start_matches('/'));
    if place.symlink_metadata().is_err() {
        document.add_poststop(REMOVE, &["rm", "-f", "--", &utf8(&place)?]);
    }
    Ok(())
}

fn utf8(path: &Path) -> Result<String, OciError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| OciError::Host(format!("{} is not UTF-8", path.display())))
}

/// The choice for a container, what is admitted for it, the namespaces that it joins, and its bundle under all that.
struct Met {
    choice: Choice,
    admission: Admission,
    namespaces: Namespaces,
    made: Result<Tightened, OciError>,
}

/// Meets a bundle with the policy that is chosen for it.
fn met(
    rules: &Administered,
    inner: &Inner,
    bundle: &Bundle,
    root: &Path,
    id: &str,
    init: &Path,
) -> Result<Met, RuntimeError> {
    let claims = claims(bundle, id, &rules.stores(), rules.asks_for_labels())?;
    let choice = rules.choose(&claims)?;
    if !rules.admits_root(root, bundle.path(), id) {
        return Err(OciError::Host(format!(
            "root.path: no rule admits {} of the host as a root",
            root.display()
        ))
        .into());
    }
    let context = Context::new(root)?.guarded();
    let host = host::here()?;
    let here = Here::new(root).map_err(|error| OciError::Host(error.to_string()))?;
    let hand_over = if inner.is_crun() { HandOver::Program } else { HandOver::Rules };
    let admission = rules.admission(&claims, &partners(bundle, &rules.stores(), &here));
    let (root, init) = (utf8(root)?, utf8(init)?);
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
            made => return Ok(Met { choice, namespaces: here.into_namespaces(), made, admission }),
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
    Ok(Met { choice, namespaces: here.into_namespaces(), made, admission })
}
