//! `namespaces`: which ones are its own.

use super::path::AbsolutePath;
use crate::diagnostic::Flaw;
use crate::origin::At;
use crate::parse::read::{Inherit, Read, words};
use crate::parse::record::record;
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node};
use serde_json::{Value, json};

record! {
    /// Which namespaces are its own. namespaces(7).
    Namespaces as "`namespaces`" {
        /// User and group ids.
        user: At<UserChoice>,
        /// Network devices, addresses and ports.
        network: NetworkChoice,
        /// System V objects and POSIX message queues.
        ipc: At<NamespaceChoice>,
        /// Host name.
        uts: At<NamespaceChoice>,
        /// The view of the cgroup tree.
        cgroup: At<NamespaceChoice>,
        /// Processes: always its own.
        pid: At<Confined>,
        /// Mounts: always its own.
        mount: At<Confined>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

words! {
    /// Whose user namespace it is.
    UserChoice as "a choice of user namespace" {
        /// Its own.
        Private = "private",
        /// Its own where the host and the launcher make that possible; shown in the plan.
        Auto = "auto",
        /// The launcher's.
        Host = "host",
    }
}

words! {
    /// Whose namespace it is.
    NamespaceChoice as "`private` or `host`" {
        /// Its own.
        Private = "private",
        /// The launcher's.
        Host = "host",
    }
}

words! {
    /// A namespace that is always its own.
    Confined as "`private`: this namespace is always its own" {
        /// Its own.
        Private = "private",
    }
}

/// Whose network it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkChoice {
    /// Its own, or the launcher's.
    Mode(At<NamespaceChoice>),
    /// One that exists, by the path of its file.
    Join(At<AbsolutePath>),
}

impl Read for NetworkChoice {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        match &node.content {
            Content::Mapping(entries) => match entries.as_slice() {
                [(key, value)] if key.scalar.text == "join" => {
                    Read::read(value, report).map(NetworkChoice::Join)
                }
                _ => {
                    let flaw = Flaw::new("a network as a mapping has the one key `join`")
                        .help("written `{join: /run/netns/NAME}`, `private` or `host`");
                    report.push(flaw, &node.origin);
                    None
                }
            },
            _ => Read::read(node, report).map(NetworkChoice::Mode),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [
            NamespaceChoice::schema(),
            {
                "type": "object",
                "properties": {"join": AbsolutePath::schema()},
                "required": ["join"],
                "additionalProperties": false,
            },
        ]})
    }
}

impl Inherit for NetworkChoice {
    /// A single value: the child's replaces the parent's.
    fn inherit(&mut self, _parent: Self) {}
}
