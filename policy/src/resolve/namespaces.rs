//! Which namespaces are its own, and what needs one.

use super::Resolver;
use crate::diagnostic::Diagnostic;
use crate::origin::{At, Origin, Ruled};
use crate::parse::report::Report;
use crate::policy::{NamespaceKind, NamespaceMode, Namespaces, Policy};
use crate::profile::{self, NamespaceChoice, NetworkChoice, Sections, UserChoice};

impl Resolver<'_> {
    /// A profile has every namespace to itself, the user's where that is possible; a floor constrains the
    /// ones that it names.
    pub(super) fn namespaces(&mut self, written: Option<&profile::Namespaces>, namespaces: &mut Namespaces) {
        if !self.is_floor() {
            let begin = written.map_or(&self.begin, |written| &written.origin);
            let ruled = |mode| Ruled::at(mode, begin.clone());
            namespaces.modes =
                NamespaceKind::ALL.into_iter().map(|kind| (kind, ruled(NamespaceMode::Private))).collect();
            namespaces.modes.insert(NamespaceKind::User, ruled(NamespaceMode::Auto));
        }
        let Some(written) = written else { return };
        let profile::Namespaces { origin: _, user, network, ipc, uts, cgroup, pid, mount, optional: _ } =
            written;
        let mut set = |kind, mode, origin: &Origin| {
            namespaces.modes.insert(kind, Ruled::at(mode, origin.clone()));
        };
        if let Some(user) = user {
            let mode = match user.value {
                UserChoice::Private => NamespaceMode::Private,
                UserChoice::Auto => NamespaceMode::Auto,
                UserChoice::Host => NamespaceMode::Host,
            };
            set(NamespaceKind::User, mode, &user.origin);
        }
        let others = [(NamespaceKind::Ipc, ipc), (NamespaceKind::Uts, uts), (NamespaceKind::Cgroup, cgroup)];
        for (kind, choice) in others {
            if let Some(choice) = choice {
                set(kind, mode(choice), &choice.origin);
            }
        }
        for (kind, choice) in [(NamespaceKind::Pid, pid), (NamespaceKind::Mount, mount)] {
            if let Some(choice) = choice {
                set(kind, NamespaceMode::Private, &choice.origin);
            }
        }
        match network {
            Some(NetworkChoice::Mode(choice)) => set(NamespaceKind::Network, mode(choice), &choice.origin),
            Some(NetworkChoice::Join(path)) => {
                set(NamespaceKind::Network, NamespaceMode::Private, &path.origin);
                namespaces.network_path = Some(path.clone().map(|path| path.0).into());
            }
            None => {}
        }
    }
}

fn mode(choice: &At<NamespaceChoice>) -> NamespaceMode {
    match choice.value {
        NamespaceChoice::Private => NamespaceMode::Private,
        NamespaceChoice::Host => NamespaceMode::Host,
    }
}

/// Refuses what would change the host's own settings: a host name or a sysctl of a namespace that is the
/// host's.
pub(super) fn check(sections: &Sections, policy: &Policy, report: &mut Report) {
    let Some(process) = &sections.process else { return };
    let host = |kind| policy.namespaces.modes.get(&kind).filter(|mode| mode.value == NamespaceMode::Host);
    let mut refuse = |what: String, kind: NamespaceKind, origin: &Origin| {
        let Some(mode) = host(kind) else { return };
        let diagnostic = Diagnostic::error(format!("{what} would be set for the whole host"));
        let diagnostic = match mode.origins.first() {
            Some(place) => diagnostic.related(report.place(place), "its namespace is the host's"),
            None => diagnostic,
        };
        report.push(diagnostic, origin);
    };
    if let Some(hostname) = &process.hostname {
        refuse("the host name".to_owned(), NamespaceKind::Uts, &hostname.origin);
    }
    for (name, value) in process.sysctls.iter().flat_map(|sysctls| &sysctls.values) {
        if let Some(kind) = NamespaceKind::of_sysctl(name) {
            refuse(format!("`{name}`"), kind, &value.origin);
        }
    }
}
