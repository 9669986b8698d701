//! `restore`: what comes out of a checkpoint stands frozen until all of it was read and found to be under its policy.

use super::arguments::{ArgumentError, Invocation};
use super::create::{self, Made};
use super::rules::Administered;
use super::{RuntimeError, become_inner, inner_state};
use crate::command::verify::drift;
use crate::exit::Exit;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use stockade_enforcer::oci::inner::Inner;
use stockade_enforcer::oci::record::Record;
use stockade_enforcer::oci::restored::{self, hold};
use stockade_policy::oci::{CRIU, Document};

/// Options by which something comes in that is looked at by nobody, and what.
const REFUSED: [(&str, &str); 3] = [
    ("lazy-pages", "memory would come later, from whoever serves it"),
    ("ext-unix-sk", "sockets would be joined to programs outside"),
    ("shell-job", "the terminal and the session would be the caller's"),
];

/// Where runc looks for the images if nothing is named: runc-restore(8).
const IMAGES: &str = "checkpoint";

/// Restores the container, and lets it go on if nothing of it is looser than its policy; ends it otherwise.
pub(super) fn restore(invocation: &mut Invocation) -> Result<Exit, RuntimeError> {
    let rules = Administered::read(invocation)?;
    if rules.observes() {
        let never: Infallible = create::create(invocation)?;
        match never {}
    }
    if !rules.restores() {
        return Err(RuntimeError::Restore("no rule allows it (`restore: true`)".to_owned()));
    }
    // The others are not known to give criu the file of its options.
    if !Inner::find(rules.inner())?.is_runc() {
        let why = format!("runc tells criu what it is to do, and `{}` is not known to", rules.inner());
        return Err(RuntimeError::Restore(why));
    }
    check_options(invocation)?;
    // By its own name from here on: a link could lead elsewhere later.
    let images =
        restored::checked_images(Path::new(invocation.option("image-path").unwrap_or(IMAGES.as_ref())))?;
    invocation.set("image-path", images.as_os_str());
    let program = restored::program()?;
    let mut kept = PathBuf::new();
    let made = create::make(invocation, |place, tightened| {
        restored::check_plan(&tightened.plan)?;
        let path = place.write_criu(&restored::options(place.path())?, &program)?;
        kept = place.path().to_owned();
        let path =
            path.to_str().ok_or_else(|| RuntimeError::Restore(format!("{} is not UTF-8", path.display())))?;
        tightened.document.order(CRIU, path);
        Ok(())
    })?;
    let Some((record, bundle)) = &made.record else {
        let never: Infallible = become_inner(&made.inner, invocation)?;
        match never {}
    };
    restored::leave_keys()?;
    match made.inner.run(&invocation.arguments)? {
        0 => {}
        code => {
            // Of criu alone: what it had restored until then is nobody's.
            restored::end_left(&kept)?;
            return restored::why(&kept).map_or(Ok(Exit(code)), |why| Err(why.into()));
        }
    }
    let pid = made.inner.pid(invocation.global_arguments(), &record.id);
    match pid.map_err(RuntimeError::from).and_then(|pid| go_on(record, bundle, pid, &kept)) {
        Ok(()) => Ok(Exit::FINE),
        Err(error) => {
            end(&made, record, invocation)?;
            Err(error)
        }
    }
}

/// Lets it go on, if nothing is looser than the plan.
fn go_on(record: &Record, bundle: &Document, pid: u32, kept: &Path) -> Result<(), RuntimeError> {
    let status = restored::look(&record.plan, bundle, pid, kept)?;
    if status.is_drift() {
        return Err(RuntimeError::Drift(drift(&status)));
    }
    Ok(restored::go_on(pid)?)
}

/// Ends a container that does not go on. Where that fails it stands stopped, and is known.
fn end(made: &Made, record: &Record, invocation: &Invocation) -> Result<(), RuntimeError> {
    let mut delete: Vec<OsString> = invocation.global_arguments().to_vec();
    delete.extend(["delete", "--force", &record.id].map(OsString::from));
    made.inner.run(&delete)?;
    let place = inner_state(&made.inner, invocation)?;
    if !place.join(&record.id).exists() {
        made.rules.existing_state().remove(&place, &record.id)?;
    }
    Ok(())
}

/// What criu starts, by the path `program` in what is kept of the container.
pub(crate) fn hold(program: &Path) -> Exit {
    let [step, first] = hold::VARIABLES.map(|name| std::env::var(name).ok());
    let first = first.and_then(|first| first.parse().ok());
    let place = program.parent().unwrap_or(Path::new("/"));
    hold::at(&step.unwrap_or_default(), first, place).map_or(Exit::HOST, |()| Exit::FINE)
}

fn check_options(invocation: &Invocation) -> Result<(), RuntimeError> {
    let is_on = |name: &str| {
        let given = invocation.options.iter().rev().find(|one| one.name == name);
        given.is_some_and(|one| one.value.as_deref().is_none_or(|value| value != "false"))
    };
    if let Some((name, why)) = REFUSED.iter().find(|(name, _)| is_on(name)) {
        return Err(RuntimeError::Restore(format!("with --{name} {why}")));
    }
    // Whoever waits for the container is its parent, and has nobody who looks at it first.
    if !is_on("detach") {
        return Err(RuntimeError::Restore(
            "without --detach nobody could look at what is restored".to_owned(),
        ));
    }
    let mode = invocation.option("manage-cgroups-mode");
    if let Some(mode) = mode.filter(|mode| *mode == "ignore") {
        let (option, value) = ("manage-cgroups-mode".to_owned(), mode.to_string_lossy().into_owned());
        return Err(ArgumentError::Value { option, value }.into());
    }
    Ok(())
}
