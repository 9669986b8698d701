//! The administrator's rules for containers of engines (`/etc/stockade/runtime.yaml`): which container gets which
//! policy, and what may be mounted and started for it on the host.
//!
//! ```text
//! text → Rules → Choice for one container
//!   parse    choose
//! ```

mod choose;
mod when;

pub use choose::{Choice, Claims, Denied, REQUEST, Step};
use when::Asks as _;
pub use when::{Pairs, Pattern, When};

use crate::diagnostic::{Diagnostic, Text};
use crate::lookup::Source;
use crate::origin::At;
use crate::parse::list::{Item, List};
use crate::parse::read::{Read, words};
use crate::parse::record::record;
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::parse::{decode, tree};
use crate::policy::NamespaceKind;
use crate::profile::{AbsolutePath, ProfileName, Version};
use serde_json::{Value, json};
use std::sync::Arc;

record! {
    /// Rules for containers of engines.
    Rules as "the rules" {
        /// Version of the language: 1.
        stockade: At<Version>,
        /// The runtime that makes the containers, by name or path; runc where none is named.
        runtime: At<String>,
        /// Whether policies are put around containers, or only said what they would change.
        mode: At<Mode>,
        /// The profile of a container that no rule speaks of.
        default: At<ProfileName>,
        /// Policies that nothing may be looser than.
        floors: List<ProfileName>,
        /// The profile of the program that holds the namespaces of a Kubernetes pod; met with the default where the annotation
        /// that says so is not vouched for.
        sandbox: At<ProfileName>,
        /// Profiles that a label, an annotation or a variable of the environment may ask for.
        requests: List<ProfileName>,
        /// Annotations that only the engine sets, whatever image and user say; they count for containers of Kubernetes.
        vouched: List<String>,
        /// Paths of the host that may be mounted into containers, beside what the engines themselves keep for them.
        mounts: List<MountSource>,
        /// Namespaces of other containers that a container may be started in; Kubernetes' own may share those of their pod.
        joins: List<Joined>,
        /// Programs of the host that may be hooks, beside the engines' own.
        hooks: List<AbsolutePath>,
        /// Annotations by which the inner runtime may be given orders.
        annotations: List<String>,
        /// Whether checkpoints that nobody but root can have written may be restored; they go on only when all of the container
        /// was read and found to be under its policy.
        restore: At<bool>,
        /// Directories in which Docker keeps its containers; /var/lib/docker where none is named.
        docker: List<AbsolutePath>,
        /// Directories in which podman and CRI-O keep their containers, and what of them lives until a restart;
        /// /var/lib/containers/storage and /run/containers/storage where none is named.
        podman: List<AbsolutePath>,
        /// Directories in which kubelet keeps the volumes of pods; /var/lib/kubelet where none is named.
        kubelet: List<AbsolutePath>,
        /// Where the state of containers is kept; /var/lib/stockade where none is named.
        state: At<AbsolutePath>,
        /// Where every cut is logged, one JSON object a line; runtime.log in the state where none is named.
        log: At<AbsolutePath>,
        /// Which container gets which profile; all that fit count, and of those that the engine vouches for the first.
        rules: List<Rule>,
    }
}

record! {
    /// One rule.
    Rule as "a rule" requires [when] {
        /// Which containers it is about: all that is written must hold.
        when: When,
        /// Their profile.
        profile: At<ProfileName>,
        /// Policies that it may not be looser than, beside those for all.
        floors: List<ProfileName>,
        /// Why they are not started.
        deny: At<String>,
    }
}

impl Item for Rule {}

words! {
    /// What becomes of a container.
    Mode as "`enforce` or `observe`" {
        /// It is made as strict as its policy.
        Enforce = "enforce",
        /// It is left as it is, and what would change is logged.
        Observe = "observe",
    }
}

words! {
    /// A namespace that a container may share with others. A user or mount namespace is never shared.
    Joined as "`network`, `ipc`, `uts`, `pid` or `cgroup`" {
        /// Interfaces, addresses and ports.
        Network = "network",
        /// Shared memory and message queues.
        Ipc = "ipc",
        /// The name of the host.
        Uts = "uts",
        /// Each sees the other's processes.
        Pid = "pid",
        /// The view of the cgroup tree.
        Cgroup = "cgroup",
    }
}

impl Item for Joined {}

impl Joined {
    /// The kernel's kind.
    pub fn kind(self) -> NamespaceKind {
        match self {
            Joined::Network => NamespaceKind::Network,
            Joined::Ipc => NamespaceKind::Ipc,
            Joined::Uts => NamespaceKind::Uts,
            Joined::Pid => NamespaceKind::Pid,
            Joined::Cgroup => NamespaceKind::Cgroup,
        }
    }
}

/// A path of the host that may be mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountSource {
    /// The path; a part may be `*`, for any one name, or `{id}`, for the container's own id.
    pub path: AbsolutePath,
    /// Whether it may be written.
    pub write: bool,
}

impl Written for MountSource {
    const WHAT: &'static str = "a path of the host";

    fn from_text(text: &str) -> Result<Self, crate::diagnostic::Flaw> {
        let (path, write) = match text.strip_suffix(":ro") {
            Some(path) => (path, false),
            None => (text, true),
        };
        let path = AbsolutePath::from_text(path)
            .map_err(|flaw| flaw.help("written `/srv/data`, or `/srv/data:ro`"))?;
        Ok(MountSource { path, write })
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^/"})
    }
}

impl Item for MountSource {}

/// Reads rules. All faults that can be told apart are reported at once.
pub fn parse(source: &Source) -> Result<Rules, Vec<Diagnostic>> {
    let (text, fault) = decode(source);
    let mut report = Report::new(Arc::new(Text::new(Arc::clone(&source.file), text)));
    if let Some((diagnostic, line, column)) = fault {
        let origin = report.origin(line, column);
        report.push(diagnostic, &origin);
        return Err(report.finish());
    }
    let rules = tree::tree(text, &mut report).and_then(|node| Rules::read(&node, &mut report));
    if let Some(rules) = &rules {
        check(rules, &mut report);
    }
    match rules {
        Some(rules) if !report.has_errors() => Ok(rules),
        _ => Err(report.finish()),
    }
}

/// What must be written, and what contradicts itself.
fn check(rules: &Rules, report: &mut Report) {
    if report.has_errors() {
        return;
    }
    if rules.stockade.as_ref().is_none_or(|version| version.value.0 != 1) {
        let diagnostic = Diagnostic::error("the version of the language is missing, or unknown")
            .help("rules begin with `stockade: 1`");
        report.push(diagnostic, &rules.origin);
    }
    if rules.default.is_none() {
        let diagnostic = Diagnostic::error("the rules lack `default`")
            .help("name the profile of containers that no rule speaks of: `default: docker-default`");
        report.push(diagnostic, &rules.origin);
    }
    for rule in rules.rules.iter().flat_map(|rules| &rules.items) {
        match (&rule.value.profile, &rule.value.deny) {
            (Some(_), Some(deny)) => {
                let diagnostic = Diagnostic::error("a rule has a `profile` or says `deny`, not both");
                report.push(diagnostic, &deny.origin);
            }
            (None, None) if rule.value.floors.is_none() => {
                let diagnostic = Diagnostic::error("this rule decides nothing")
                    .help("give it a `profile`, `floors`, or the reason of a `deny`");
                report.push(diagnostic, &rule.origin);
            }
            _ => {}
        }
        if rule.value.when.is_empty() {
            let diagnostic = Diagnostic::error("this rule is about every container")
                .help("what holds for every container stands under `default` and `floors`");
            report.push(diagnostic, &rule.value.when_origin());
        }
    }
}

impl Rule {
    fn when_origin(&self) -> crate::origin::Origin {
        self.when.as_ref().map_or_else(|| self.origin.clone(), |when| when.origin.clone())
    }
}

#[cfg(test)]
mod tests;
