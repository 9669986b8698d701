//! `linux.sysctl`: settings of the kernel, as far as they are the container's own. config-linux.md, "Sysctl".

use super::{Cut, Document, Refusal};
use crate::origin::Ruled;
use crate::policy::{NamespaceKind, NamespaceMode, Policy, ProcView};
use crate::profile::is_namespaced;
use serde_json::Value;
use std::collections::BTreeMap;

/// Leaves the bundle's settings of its own namespaces, and puts the policy's in their place or beside them: what one
/// allows more than another nobody can say in general, so that the administrator's value stands.
pub(super) fn meet(
    document: &mut Document,
    policy: &Policy,
    modes: &BTreeMap<NamespaceKind, Ruled<NamespaceMode>>,
    refusals: &mut Vec<Refusal>,
) -> Vec<Cut> {
    let written = document.get(&["linux", "sysctl"]).and_then(Value::as_object).cloned().unwrap_or_default();
    for name in written.keys() {
        let own = NamespaceKind::of_sysctl(name)
            .and_then(|kind| modes.get(&kind))
            .is_some_and(|mode| mode.value == NamespaceMode::Private);
        if !is_namespaced(name) || !own {
            refusals.push(Refusal::plain(format!("linux.sysctl.{name}"), "it is a setting of the host"));
        }
    }
    let proc = &policy.files.proc;
    let asked = &policy.process.sysctls;
    // The inner runtime sets them through the container's /proc, in which there are none then.
    if proc.value == ProcView::Minimal {
        for (name, value) in asked {
            let why = "there is no /proc/sys, through which it is set, where `proc` is `minimal`";
            let origins = value.origins.union(&proc.origins).cloned().collect();
            refusals.push(Refusal { field: field(name), why: why.to_owned(), origins });
        }
        if written.is_empty() {
            return Vec::new();
        }
        document.remove(&["linux", "sysctl"]);
        let names: Vec<&str> = written.keys().map(String::as_str).collect();
        return vec![Cut {
            field: "linux.sysctl".to_owned(),
            change: format!("without {}: there is no /proc/sys", names.join(", ")),
            origins: proc.origins.clone(),
        }];
    }
    let mut cuts = Vec::new();
    for (name, value) in asked {
        if let Some((word, path)) = NamespaceKind::of_sysctl(name).and_then(|kind| shared(document, kind)) {
            let why = format!("the container shares the {word} namespace {path}, of which it is a setting");
            refusals.push(Refusal { field: field(name), why, origins: value.origins.clone() });
            continue;
        }
        let before = written.get(name).and_then(Value::as_str);
        if before == Some(&value.value) {
            continue;
        }
        let change = match before {
            Some(before) => format!("`{before}` became `{}`", value.value),
            None => format!("set to `{}`", value.value),
        };
        cuts.push(Cut { field: field(name), change, origins: value.origins.clone() });
        document.set(&["linux", "sysctl", name], value.value.as_str());
    }
    cuts
}

fn field(name: &str) -> String {
    format!("linux.sysctl.{name}")
}

/// The word and the path of a namespace that others have made: of a pod, or of another container.
fn shared<'a>(document: &'a Document, kind: NamespaceKind) -> Option<(&'static str, &'a str)> {
    let word = kind.name();
    let entries = document.list(&["linux", "namespaces"]).iter();
    let text = |entry: &'a Value, key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut joined = entries.filter(|entry| text(entry, "type") == word).map(|entry| text(entry, "path"));
    joined.find(|path| !path.is_empty()).map(|path| (word, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(sysctls: &[(&str, &str)]) -> Policy {
        let mut policy = Policy::unconstrained("test");
        let each =
            sysctls.iter().map(|(name, value)| ((*name).to_owned(), Ruled::unwritten((*value).to_owned())));
        policy.process.sysctls = each.collect();
        policy
    }

    fn met(linux: Value, policy: &Policy) -> (Value, Vec<String>, Vec<String>) {
        let mut document = Document::part(json!({"linux": linux}));
        let own = NamespaceKind::ALL.map(|kind| (kind, Ruled::unwritten(NamespaceMode::Private)));
        let mut refusals = Vec::new();
        let cuts = meet(&mut document, policy, &own.into_iter().collect(), &mut refusals);
        let cuts = cuts.into_iter().map(|cut| format!("{}: {}", cut.field, cut.change)).collect();
        let refusals = refusals.iter().map(ToString::to_string).collect();
        (document.get(&["linux", "sysctl"]).cloned().unwrap_or_default(), cuts, refusals)
    }

    #[test]
    fn the_policys_value_stands() {
        let policy = policy(&[("net.ipv4.ip_unprivileged_port_start", "1024"), ("kernel.msgmax", "4096")]);
        let bundle = json!({"sysctl": {
            "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ip_forward": "0", "kernel.msgmax": "4096",
        }});
        let (sysctls, cuts, refusals) = met(bundle, &policy);
        assert_eq!(
            sysctls,
            json!({
                "net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv4.ip_forward": "0", "kernel.msgmax": "4096",
            })
        );
        assert_eq!(cuts, ["linux.sysctl.net.ipv4.ip_unprivileged_port_start: `0` became `1024`"]);
        assert_eq!(refusals, [""; 0]);
        let (sysctls, cuts, _) = met(json!({}), &policy);
        assert_eq!(sysctls["kernel.msgmax"], "4096");
        assert_eq!(cuts.len(), 2, "{cuts:?}");
    }

    #[test]
    fn what_others_would_get_too_is_refused() {
        let policy = policy(&[("net.ipv4.ip_forward", "0"), ("kernel.msgmax", "4096")]);
        let bundle = json!({"namespaces": [{"type": "network", "path": "/run/netns/pod"}, {"type": "ipc"}]});
        let (sysctls, _, refusals) = met(bundle, &policy);
        assert_eq!(sysctls, json!({"kernel.msgmax": "4096"}));
        assert_eq!(
            refusals,
            [
                "linux.sysctl.net.ipv4.ip_forward: the container shares the network namespace /run/netns/pod, of which \
              it is a setting"
            ]
        );
    }

    #[test]
    fn without_proc_sys_there_is_nothing_to_set() {
        let mut policy = policy(&[("kernel.msgmax", "4096")]);
        policy.files.proc = Ruled::unwritten(ProcView::Minimal);
        let (sysctls, cuts, refusals) = met(json!({"sysctl": {"kernel.msgmax": "1"}}), &policy);
        assert_eq!((sysctls, cuts.len()), (Value::Null, 1));
        assert!(refusals[0].starts_with("linux.sysctl.kernel.msgmax: there is no /proc/sys"), "{refusals:?}");
    }
}
