//! Who it runs as, and the user namespace that makes it possible. user_namespaces(7), credentials(7).

use super::error::CompileError;
use super::gaps::{Gaps, Obstacle};
use crate::host::{Availability, Host};
use crate::origin::Origins;
use crate::plan::{IdMap, IdMaps, Identity};
use crate::policy::{NamespaceKind, NamespaceMode, Policy, Section};
use crate::vocab::{Cap, CapSet};

/// Every id but -1, which the kernel keeps for "no id".
const ALL_IDS: IdMap = IdMap { inside: 0, outside: 0, count: u32::MAX };

/// User, groups and id maps.
pub(super) fn compile(policy: &Policy, host: &Host, gaps: &mut Gaps<'_>) -> Result<Identity, CompileError> {
    let uid = user(policy, host)?;
    let gid = policy.users.gid.as_ref().map_or(uid, |gid| gid.value);
    let mut identity = Identity { uid, gid, groups: groups(policy), user_namespace: None };
    let written = policy.namespaces.modes.get(&NamespaceKind::User);
    // A mode that no one wrote binds no one: the plan may decide, as for `auto`.
    let mode = written.map_or(NamespaceMode::Auto, |mode| mode.value);
    let origins = written.map(|mode| mode.origins.clone()).unwrap_or_default();
    if changes_identity(host) {
        identity.user_namespace = privileged(policy, host, &identity, mode);
    } else {
        if mode == NamespaceMode::Host {
            let why = format!(
                "user {} without setuid, setgid and sys_admin can make the other namespaces only inside a user \
                 namespace of its own",
                host.caller.uid
            );
            let remedy = "start as root, or write `user: auto` under `namespaces`";
            gaps.add(Section::Namespaces, "namespaces: user", Obstacle::new(why, remedy), &origins);
        }
        drop_groups(policy, &mut identity, gaps);
        note_kept_groups(policy, host, gaps);
        identity.user_namespace = Some(unprivileged(host, &identity));
    }
    if let (Some(_), Availability::No { why, remedy }) = (&identity.user_namespace, &host.user_namespaces) {
        let obstacle = Obstacle::new(why.clone(), remedy.clone());
        gaps.add(Section::Namespaces, "namespaces: user", obstacle, &origins);
        if changes_identity(host) {
            // Where the gap is optional, the launch goes on without; a caller without privilege cannot.
            identity.user_namespace = None;
        }
    }
    Ok(identity)
}

/// The one user admitted, else the caller's own.
fn user(policy: &Policy, host: &Host) -> Result<u32, CompileError> {
    let admitted = &policy.users.uids;
    if let Some(uid) = admitted.value.value() {
        return Ok(uid);
    }
    if admitted.value.contains(host.caller.uid) {
        return Ok(host.caller.uid);
    }
    let ranges: Vec<String> = admitted
        .value
        .ranges()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first} to {last}") })
        .collect();
    Err(CompileError::User {
        admitted: if ranges.is_empty() { "none".to_owned() } else { ranges.join(", ") },
        caller: host.caller.uid,
        origins: admitted.origins.clone(),
    })
}

fn groups(policy: &Policy) -> Vec<u32> {
    let mut groups: Vec<u32> = policy.users.groups.iter().map(|group| group.value).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// Whether the caller may become another user and map ids that are not its own.
fn changes_identity(host: &Host) -> bool {
    [Cap::SETUID, Cap::SETGID, Cap::SYS_ADMIN].iter().all(|cap| host.caller.capabilities.contains(*cap))
}

/// A caller with privilege needs no user namespace, and takes one where nothing is lost by it: a capability
/// kept inside would be another and weaker one, over what the namespace owns alone.
fn privileged(policy: &Policy, host: &Host, identity: &Identity, mode: NamespaceMode) -> Option<IdMaps> {
    let kept = policy.capabilities.value.intersection(host.kernel_capabilities);
    let private = match mode {
        NamespaceMode::Private => true,
        NamespaceMode::Host => false,
        NamespaceMode::Auto => kept.is_empty() && host.user_namespaces == Availability::Yes,
    };
    private.then(|| IdMaps {
        uids: identity_map(kept, Cap::SETUID, vec![identity.uid]),
        gids: identity_map(kept, Cap::SETGID, groups_of(identity)),
        deny_setgroups: false,
    })
}

fn groups_of(identity: &Identity) -> Vec<u32> {
    let mut gids = identity.groups.clone();
    gids.push(identity.gid);
    gids.sort_unstable();
    gids.dedup();
    gids
}

/// Each id as itself and no other one; all of them where the capability to change among them is kept.
fn identity_map(kept: CapSet, changes: Cap, ids: Vec<u32>) -> Vec<IdMap> {
    if kept.contains(changes) {
        return vec![ALL_IDS];
    }
    ids.into_iter().map(|id| IdMap { inside: id, outside: id, count: 1 }).collect()
}

/// Without privilege the kernel takes one line for the caller's own id, under any number inside, and
/// the group's only once setgroups(2) is denied.
fn unprivileged(host: &Host, identity: &Identity) -> IdMaps {
    IdMaps {
        uids: vec![IdMap { inside: identity.uid, outside: host.caller.uid, count: 1 }],
        gids: vec![IdMap { inside: identity.gid, outside: host.caller.gid, count: 1 }],
        deny_setgroups: true,
    }
}

fn drop_groups(policy: &Policy, identity: &mut Identity, gaps: &mut Gaps<'_>) {
    let asked = std::mem::take(&mut identity.groups);
    if asked.is_empty() {
        return;
    }
    let origins: Origins =
        policy.users.groups.iter().flat_map(|group| group.origins.iter().cloned()).collect();
    let names: Vec<String> = asked.iter().map(ToString::to_string).collect();
    let obstacle = Obstacle::new(
        "without setgid setgroups(2) is denied in a new user namespace",
        "start as root, or leave the supplementary groups out",
    );
    gaps.add(Section::Process, format!("process: groups {}", names.join(", ")), obstacle, &origins);
}

/// setgroups(2) is denied in the new user namespace, so the caller's own groups stay, and with them what files
/// in view grant to them.
fn note_kept_groups(policy: &Policy, host: &Host, gaps: &mut Gaps<'_>) {
    let kept: Vec<String> = host
        .caller
        .groups
        .iter()
        .filter(|group| **group != host.caller.gid)
        .map(ToString::to_string)
        .collect();
    if kept.is_empty() {
        return;
    }
    let why = format!("a caller without setgid cannot leave its own groups {}", kept.join(", "));
    let obstacle = Obstacle::new(why, "start as root, or as a user without supplementary groups");
    gaps.add_unavoidable(Section::Process, "process: no other groups", obstacle, &policy.users.uids.origins);
}
