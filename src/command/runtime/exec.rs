//! `exec`: a process that is added keeps to what the container was made with.

use super::arguments::{ArgumentError, Invocation};
use super::rules::Administered;
use super::{RuntimeError, become_inner, inner, inner_state, log};
use rustix::fs::Mode;
use serde_json::Value;
use std::convert::Infallible;
use std::path::Path;
use stockade_enforcer::oci::bundle::read_part;
use stockade_enforcer::oci::handed;
use stockade_enforcer::oci::inner::Inner;
use stockade_enforcer::oci::record::Record;
use stockade_enforcer::sealed;
use stockade_policy::oci::Bounds;
use stockade_policy::vocab::Cap;

/// What engines give where they name none.
const USUAL_UMASK: u32 = 0o022;

/// Makes the process as strict as the container's policy, and becomes the inner runtime.
pub(super) fn exec(invocation: &mut Invocation) -> Result<Infallible, RuntimeError> {
    let (rules, inner, record) = made(invocation)?;
    let Some(record) = record.filter(|record| !record.observed) else {
        return become_inner(&inner, invocation);
    };
    check_init(&rules, invocation, &inner, &record)?;
    if let Some(file) = invocation.option("process") {
        // crun reads options behind the name too.
        if let Some(more) = invocation.arguments.get(invocation.positional + 1) {
            let option = more.to_string_lossy().into_owned();
            return Err(ArgumentError::Unknown { option, command: "exec".to_owned() }.into());
        }
        let mut process = read_part(Path::new(file))?;
        let cuts = record.bounds.added(&mut process)?;
        log::cuts(&rules.log(), &record.id, false, &cuts)?;
        hand_umask_down(&record.bounds, process.get(&["user", "umask"]).and_then(Value::as_u64));
        let path = sealed::hand_on(process.text().as_bytes()).map_err(RuntimeError::HandOn)?;
        invocation.replace("process", path.as_os_str());
    } else {
        check(invocation, &record.bounds)?;
        // runc takes both from the bundle; what crun (1.8) adds by options has neither of the container.
        if record.bounds.no_new_privileges.value {
            invocation.give("no-new-privs");
        }
        if !inner.is_runc() {
            handed::take_limits(&record.bounds).map_err(RuntimeError::Limits)?;
        }
        hand_umask_down(&record.bounds, None);
        if let Some(init) = &record.bounds.init {
            invocation.insert_command(init);
        }
    }
    become_inner(&inner, invocation)
}

/// Takes on the umask of the process: runc (1.1) reads it of a container's first process alone, and what is added
/// inherits it. umask(2).
fn hand_umask_down(bounds: &Bounds, met: Option<u64>) {
    let asked = bounds.umask.value;
    if asked != 0 {
        let met = met.and_then(|met| u32::try_from(met).ok()).unwrap_or(USUAL_UMASK);
        rustix::process::umask(Mode::from_raw_mode((asked | met) & 0o777));
    }
}

/// Whoever may mount in the container could have put another program where the init was, and so could whoever has the
/// engine write a file there (`docker cp`).
fn check_init(
    rules: &Administered,
    invocation: &Invocation,
    inner: &Inner,
    record: &Record,
) -> Result<(), RuntimeError> {
    if record.bounds.init.is_none() {
        return Ok(());
    }
    let state = rules.existing_state();
    let pid = inner.pid(invocation.global_arguments(), &record.id)?;
    if state.has_init(&record.inner_state, &record.id, pid)? {
        return Ok(());
    }
    Err(RuntimeError::NoInit(record.id.clone()))
}

/// The rules, the inner runtime that made the container, and the record of it.
///
/// `None`: it is only observed, and would not have been made.
pub(super) fn made(invocation: &Invocation) -> Result<(Administered, Inner, Option<Record>), RuntimeError> {
    let rules = Administered::read(invocation)?;
    let inner = inner(invocation)?;
    let id = invocation.container()?;
    let record = rules.existing_state().find(&inner_state(&inner, invocation)?, &id)?;
    if record.is_none() && !rules.observes() {
        return Err(RuntimeError::NotOurs(id));
    }
    Ok((rules, inner, record))
}

/// Options by which a process is described without a file. What is not given is as in the bundle, which was met.
fn check(invocation: &Invocation, bounds: &Bounds) -> Result<(), RuntimeError> {
    for one in &invocation.options {
        let value = one.value.as_ref().map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let id = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok());
        let admitted = match one.name {
            "cap" => value.parse::<Cap>().is_ok_and(|cap| bounds.capabilities.value.contains(cap)),
            "user" => {
                let mut parts = value.split(':');
                let (user, group) = (id(parts.next()), parts.next());
                let group_fits = bounds.gid.as_ref().is_none_or(|own| id(group) == Some(own.value));
                user.is_some_and(|user| bounds.users.value.contains(user)) && group_fits
            }
            "additional-gids" => {
                let own = |gid: u32| bounds.groups.iter().chain(&bounds.gid).any(|group| group.value == gid);
                bounds.gid.is_none() || id(Some(&value)).is_some_and(own)
            }
            "env" => {
                let name = value.split('=').next().unwrap_or_default();
                bounds.environment.as_ref().is_none_or(|names| names.value.contains(name))
            }
            // runc knows more words for no than one.
            "no-new-privs" => one.value.is_none() || value == "true" || !bounds.no_new_privileges.value,
            // Labels are the container's own.
            "apparmor" | "process-label" => false,
            _ => true,
        };
        if !admitted {
            return Err(ArgumentError::Value { option: one.name.to_owned(), value }.into());
        }
    }
    Ok(())
}
