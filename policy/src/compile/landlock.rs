//! Landlock rules by ABI. landlock(7), linux/landlock.h.
//!
//! A rule adds rights to everything beneath its path, and no rule takes any away: what the tree narrows
//! below a grant is the mounts' part. They enforce write and hidden paths everywhere by themselves, so that
//! a right missing from an old ABI (truncate before 3; refer, which ABI 1 always denies) opens nothing.
//! Landlock alone enforces reading, and execution outside noexec mounts.

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use super::implied::{Implied, Kind};
use super::paths;
use super::view::View;
use crate::host::Host;
use crate::lattice::files::Rights;
use crate::origin::Origins;
use crate::plan::{Capabilities, Landlock, LandlockRule, Namespaces};
use crate::policy::{NamespaceKind, Policy, Section};
use crate::vocab::Cap;
use std::collections::BTreeMap;

/// `LANDLOCK_ACCESS_FS_*`: bit and the ABI that brought it. linux/landlock.h.
mod access {
    pub(super) const EXECUTE: u64 = 1 << 0;
    pub(super) const WRITE_FILE: u64 = 1 << 1;
    pub(super) const READ_FILE: u64 = 1 << 2;
    pub(super) const READ_DIR: u64 = 1 << 3;
    pub(super) const REMOVE_DIR: u64 = 1 << 4;
    pub(super) const REMOVE_FILE: u64 = 1 << 5;
    pub(super) const MAKE_CHAR: u64 = 1 << 6;
    pub(super) const MAKE_DIR: u64 = 1 << 7;
    pub(super) const MAKE_REG: u64 = 1 << 8;
    pub(super) const MAKE_SOCK: u64 = 1 << 9;
    pub(super) const MAKE_FIFO: u64 = 1 << 10;
    pub(super) const MAKE_BLOCK: u64 = 1 << 11;
    pub(super) const MAKE_SYM: u64 = 1 << 12;
    pub(super) const REFER: u64 = 1 << 13;
    pub(super) const TRUNCATE: u64 = 1 << 14;
    pub(super) const IOCTL_DEV: u64 = 1 << 15;

    /// Rights by the ABI that brought them.
    pub(super) const SINCE: [(u32, u64); 4] = [(1, REFER - 1), (2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)];

    /// What each right of a policy stands for.
    pub(super) const READ: u64 = READ_FILE | READ_DIR;
    pub(super) const WRITE: u64 = WRITE_FILE
        | REMOVE_DIR
        | REMOVE_FILE
        | MAKE_CHAR
        | MAKE_DIR
        | MAKE_REG
        | MAKE_SOCK
        | MAKE_FIFO
        | MAKE_BLOCK
        | MAKE_SYM
        | REFER
        | TRUNCATE;
    /// The kernel reads what it starts.
    pub(super) const START: u64 = EXECUTE | READ_FILE;
    /// A device: no directory, nothing made in it.
    pub(super) const DEVICE: u64 = READ_FILE | WRITE_FILE | IOCTL_DEV;
}

/// `LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET`, ABI 6.
const SCOPE_ABSTRACT_UNIX_SOCKET: u64 = 1 << 0;
/// `LANDLOCK_SCOPE_SIGNAL`, ABI 6.
const SCOPE_SIGNAL: u64 = 1 << 1;
/// The ABI that brought scopes.
const SCOPE_ABI: u32 = 6;

/// The ruleset; `None` where `/` grants everything, as rules only add, or where the host has none.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    view: &View,
    namespaces: &Namespaces,
    capabilities: &Capabilities,
    gaps: &mut Gaps<'_>,
) -> Result<Option<Landlock>, CompileError> {
    let root = policy.files.tree.rights("/");
    if root.value == Rights::ALL {
        return Ok(None);
    }
    let switch = &policy.process.no_new_privileges;
    if !switch.value && !capabilities.effective.contains(Cap::SYS_ADMIN) {
        return Err(CompileError::LandlockNeedsNoNewPrivileges {
            origins: both(&root.origins, &switch.origins),
        });
    }
    if host.landlock_abi == 0 {
        without(view, gaps);
        return Ok(None);
    }
    let handled_fs = handled(host.landlock_abi);
    Ok(Some(Landlock {
        abi: host.landlock_abi,
        handled_fs,
        scoped: scoped(host.landlock_abi, namespaces),
        rules: rules(policy, view, handled_fs),
    }))
}

/// Every file right that the ABI knows.
fn handled(abi: u32) -> u64 {
    access::SINCE.iter().filter(|(since, _)| *since <= abi).fold(0, |all, (_, bits)| all | bits)
}

/// Signals stay inside, as they do by the pid namespace. Abstract sockets belong to a network namespace: in
/// the host's own the policy asked for them.
fn scoped(abi: u32, namespaces: &Namespaces) -> u64 {
    if abi < SCOPE_ABI {
        return 0;
    }
    if namespaces.private.contains(&NamespaceKind::Network) {
        SCOPE_SIGNAL | SCOPE_ABSTRACT_UNIX_SOCKET
    } else {
        SCOPE_SIGNAL
    }
}

/// What only Landlock could have enforced.
fn without(view: &View, gaps: &mut Gaps<'_>) {
    for (right, name) in [(Rights::READ, "landlock: read"), (Rights::EXECUTE, "landlock: execute")] {
        let origins: Vec<&Origins> = view
            .places()
            .filter(|(_, rights)| rights.value != Rights::NONE && !rights.value.contains(right))
            .map(|(_, rights)| &rights.origins)
            .collect();
        if origins.is_empty() {
            continue;
        }
        let obstacle = Obstacle::new(
            "the kernel has no Landlock, and a mount cannot withhold this right",
            "boot a kernel of 5.13 or later with CONFIG_SECURITY_LANDLOCK and `landlock` among its `lsm=`",
        );
        gaps.add(Section::Files, name, obstacle, &origins.into_iter().flatten().cloned().collect());
    }
}

/// One rule a path that adds something to the rules above it.
fn rules(policy: &Policy, view: &View, handled: u64) -> Vec<LandlockRule> {
    let mut rules: BTreeMap<String, LandlockRule> = BTreeMap::new();
    let placed = view.places().map(|(path, rights)| {
        let rule = rule(path, of_rights(rights.value) | of_devices(path, rights.value), rights.value);
        LandlockRule { origins: rights.origins.clone(), ..rule }
    });
    for rule in placed.chain(implied(policy)) {
        rules
            .entry(rule.path.clone())
            .and_modify(|known| {
                known.access |= rule.access;
                known.rights = known.rights.union(rule.rights);
                known.origins.extend(rule.origins.iter().cloned());
            })
            .or_insert(rule);
    }
    let adds = |rule: &LandlockRule| {
        let above = paths::above(&rule.path)
            .filter_map(|path| rules.get(path))
            .fold(0, |access, rule| access | rule.access);
        rule.access & handled & !above != 0
    };
    let adding: Vec<LandlockRule> = rules.values().filter(|rule| adds(rule)).cloned().collect();
    adding.into_iter().map(|rule| LandlockRule { access: rule.access & handled, ..rule }).collect()
}

fn rule(path: &str, access: u64, rights: Rights) -> LandlockRule {
    LandlockRule { path: path.to_owned(), access, rights, origins: Origins::new() }
}

fn of_rights(rights: Rights) -> u64 {
    let bits =
        [(Rights::READ, access::READ), (Rights::WRITE, access::WRITE), (Rights::EXECUTE, access::START)];
    bits.iter().filter(|(right, _)| rights.contains(*right)).fold(0, |all, (_, bits)| all | bits)
}

/// Whoever may write where devices are may also control them. Elsewhere there are none: writable mounts
/// are nodev.
fn of_devices(path: &str, rights: Rights) -> u64 {
    let devices = paths::is_within(path, "/dev") || path == "/";
    if devices && rights.contains(Rights::WRITE) { access::IOCTL_DEV } else { 0 }
}

/// What the sections beside the tree put into it.
fn implied(policy: &Policy) -> impl Iterator<Item = LandlockRule> {
    super::implied::all(policy).into_iter().map(|Implied { at, kind, rights, origins, .. }| {
        let access = match kind {
            // Nothing is made or removed there.
            Kind::Proc => of_rights(rights) & (access::READ | access::WRITE_FILE),
            Kind::Devices => 0,
            Kind::Node => access::DEVICE,
            Kind::Terminals => access::DEVICE | access::READ_DIR,
            Kind::Scratch | Kind::Mount { devices: false } => of_rights(rights),
            Kind::Mount { devices: true } => of_rights(rights) | access::IOCTL_DEV,
        };
        LandlockRule { origins, ..rule(&at, access, rights) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_abi_knows_the_rights_of_the_one_before() {
        // landlock(7), "File system flags" and "ABI version compatibility".
        assert_eq!(handled(1), 0x1fff);
        assert_eq!(handled(2), 0x3fff);
        assert_eq!(handled(3), 0x7fff);
        assert_eq!(handled(4), 0x7fff);
        assert_eq!(handled(5), 0xffff);
        assert_eq!(handled(7), 0xffff);
    }

    #[test]
    fn the_rights_of_a_policy_are_all_the_files_rights() {
        assert_eq!(of_rights(Rights::ALL) | access::IOCTL_DEV, handled(7));
        assert_eq!(of_rights(Rights::VISIBLE), 0);
    }
}
