//! Which namespaces are made and joined. namespaces(7).

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use crate::host::Host;
use crate::plan::{Identity, Namespaces};
use crate::policy::{NamespaceKind, NamespaceMode, Policy, Section};
use crate::vocab::Cap;
use std::collections::BTreeSet;

/// Mount and pid are always its own: the view of the tree and of `/proc` stands on them.
const ALWAYS: [NamespaceKind; 2] = [NamespaceKind::Mount, NamespaceKind::Pid];

/// The namespaces made anew, and the one joined.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    identity: &Identity,
    gaps: &mut Gaps<'_>,
) -> Result<Namespaces, CompileError> {
    let mut private: BTreeSet<NamespaceKind> = ALWAYS.into();
    let written = &policy.namespaces.modes;
    // Whether there is a user namespace was decided with the identity.
    private.extend(
        written
            .iter()
            .filter(|(kind, mode)| **kind != NamespaceKind::User && mode.value != NamespaceMode::Host)
            .map(|(kind, _)| *kind),
    );
    if identity.user_namespace.is_some() {
        private.insert(NamespaceKind::User);
    }
    let Some(path) = &policy.namespaces.network_path else {
        return Ok(Namespaces { private, network_path: None });
    };
    if let Some(mode) = written.get(&NamespaceKind::Network)
        && mode.value == NamespaceMode::Host
    {
        return Err(CompileError::NetworkTwice {
            path: path.value.clone(),
            origins: both(&path.origins, &mode.origins),
        });
    }
    if !host.caller.capabilities.contains(Cap::SYS_ADMIN) {
        let why = format!("joining {} takes sys_admin, which the caller does not have", path.value);
        let obstacle = Obstacle::new(why, "start as root, or write `network: private`");
        gaps.add(Section::Namespaces, "namespaces: network", obstacle, &path.origins);
    }
    private.remove(&NamespaceKind::Network);
    Ok(Namespaces { private, network_path: Some(path.value.clone()) })
}
