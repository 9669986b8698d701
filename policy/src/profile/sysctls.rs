//! `process.sysctls`: settings of its own namespaces.

use crate::diagnostic::Flaw;
use crate::origin::{At, Origin};
use crate::parse::read::{Inherit, Read, scalar};
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node};
use crate::policy::NamespaceKind;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Sysctls by dotted name.
#[derive(Clone, Debug)]
pub struct Sysctls {
    /// Where they begin.
    pub origin: Origin,
    /// Values by name, each at its own place.
    pub values: BTreeMap<String, At<String>>,
}

/// Whether a namespace has a sysctl of that name for itself.
pub(crate) fn is_namespaced(name: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    NamespaceKind::of_sysctl(name).is_some() && name.chars().all(valid) && !name.split('.').any(str::is_empty)
}

impl Read for Sysctls {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            let flaw = Flaw::new(format!("sysctls are a mapping, not {}", node.kind()));
            report.push(flaw.help("written `{net.ipv4.ip_unprivileged_port_start: 0}`"), &node.origin);
            return None;
        };
        let mut values = BTreeMap::new();
        for (key, value) in entries {
            let name = &key.scalar.text;
            if !is_namespaced(name) {
                let flaw = Flaw::new(format!("`{name}` is no sysctl that a namespace has of its own")).help(
                    "those begin with `net.`, `fs.mqueue.`, `kernel.shm`, `kernel.msg` or `kernel.sem`",
                );
                report.push(flaw, &key.origin);
            } else if let Some(text) = scalar(value, "a value", report) {
                values.insert(name.clone(), At { value: text.text.clone(), origin: key.origin.clone() });
            }
        }
        Some(Sysctls { origin: node.origin.clone(), values })
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": {"pattern": NamespaceKind::sysctl_pattern()},
            "additionalProperties": {"type": ["string", "integer"]},
        })
    }
}

impl Inherit for Sysctls {
    /// Each name is a single value of its own.
    fn inherit(&mut self, parent: Self) {
        for (name, value) in parent.values {
            self.values.entry(name).or_insert(value);
        }
    }
}
