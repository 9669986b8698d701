//! `linux.devices` and the cgroup's rules about devices. config-linux.md, "Devices" and "Allowed Device list".

use super::{Cut, Document, Surroundings};
use crate::policy::{Device, Policy};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A device that the policy admits: kind, major and minor number; `None` is any minor.
type Number = (char, u32, Option<u32>);

/// Terminals: the multiplexer and what it makes. Documentation/admin-guide/devices.txt.
const TERMINALS: [Number; 2] = [('c', 5, Some(2)), ('c', 136, None)];

/// Leaves the devices that the policy has too. A policy without the section leaves all.
pub(super) fn meet(
    document: &mut Document,
    policy: &Policy,
    surroundings: &dyn Surroundings,
) -> Result<Vec<Cut>, String> {
    let Some(asked) = &policy.devices else { return Ok(Vec::new()) };
    let mut admitted: Vec<(Option<String>, Number)> = Vec::new();
    for device in &asked.value {
        match device {
            Device::Node(name) => {
                if let Some((kind, major, minor)) = surroundings.device(name)? {
                    admitted.push((Some(format!("/dev/{name}")), (kind, major, Some(minor))));
                }
            }
            Device::Pts => admitted.extend(TERMINALS.map(|number| (None, number))),
            Device::Shm => {}
        }
    }
    let mut cuts = Vec::new();
    let before = document.list(&["linux", "devices"]).to_vec();
    let is_admitted = |node: &&Value| {
        let path = node.get("path").and_then(Value::as_str);
        admitted.iter().any(|(name, number)| {
            name.is_some() && name.as_deref() == path && number_of(node) == Some(*number)
        })
    };
    let after: Vec<Value> = before.iter().filter(is_admitted).cloned().collect();
    if after.len() < before.len() {
        let left: Vec<&str> = before
            .iter()
            .filter(|node| !after.contains(node))
            .filter_map(|node| node.get("path").and_then(Value::as_str))
            .collect();
        cuts.push(Cut {
            field: "linux.devices".to_owned(),
            change: format!("without {}", left.join(", ")),
            origins: asked.origins.clone(),
        });
        document.set(&["linux", "devices"], after);
    }
    let path = ["linux", "resources", "devices"];
    let rules = document.list(&path).to_vec();
    let numbers: BTreeSet<Number> = admitted.into_iter().map(|(_, number)| number).collect();
    let mut met = vec![json!({"allow": false, "access": "rwm"})];
    for number @ (kind, major, minor) in &numbers {
        let access = access(&rules, *number);
        if !access.is_empty() {
            let mut rule = json!({"allow": true, "type": kind.to_string(), "major": major, "access": access});
            if let Some(minor) = minor {
                rule["minor"] = (*minor).into();
            }
            met.push(rule);
        }
    }
    if rules.iter().any(|rule| is_wider(rule, &numbers)) {
        cuts.push(Cut {
            field: "linux.resources.devices".to_owned(),
            change: "only the devices of the policy".to_owned(),
            origins: asked.origins.clone(),
        });
    }
    document.set(&path, met);
    Ok(cuts)
}

/// A number of a rule; `None` is any.
fn part(rule: &Value, key: &str) -> Option<u32> {
    rule.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
}

fn kind(rule: &Value) -> Option<char> {
    rule.get("type").and_then(Value::as_str).and_then(|word| word.chars().next()).filter(|kind| *kind != 'a')
}

fn number_of(node: &Value) -> Option<Number> {
    Some((kind(node)?, part(node, "major")?, Some(part(node, "minor")?)))
}

/// What a list of rules, of which later ones count, allows on a device.
fn access(rules: &[Value], number: Number) -> String {
    let mut allowed = BTreeSet::new();
    for rule in rules {
        let matches = kind(rule).is_none_or(|kind| kind == number.0)
            && part(rule, "major").is_none_or(|major| major == number.1)
            && part(rule, "minor").is_none_or(|minor| Some(minor) == number.2);
        if !matches {
            continue;
        }
        let allow = rule.get("allow") == Some(&Value::Bool(true));
        for access in rule.get("access").and_then(Value::as_str).unwrap_or("rwm").chars() {
            if allow {
                allowed.insert(access);
            } else {
                allowed.remove(&access);
            }
        }
    }
    "rwm".chars().filter(|access| allowed.contains(access)).collect()
}

/// Whether a rule allows reading or writing of more than the devices of the policy. Making nodes alone is what every
/// container may, and does nothing where the node cannot be opened.
fn is_wider(rule: &Value, numbers: &BTreeSet<Number>) -> bool {
    let opens = rule.get("access").and_then(Value::as_str).is_none_or(|access| access.contains(['r', 'w']));
    let named = kind(rule).zip(part(rule, "major"));
    let within = named.is_some_and(|(kind, major)| {
        let minor = part(rule, "minor");
        numbers.iter().any(|number| *number == (kind, major, None) || *number == (kind, major, minor))
    });
    rule.get("allow") == Some(&Value::Bool(true)) && opens && !within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_rules_count() {
        let rules = [
            json!({"allow": false, "access": "rwm"}),
            json!({"allow": true, "type": "c", "major": 1, "access": "rw"}),
            json!({"allow": false, "type": "c", "major": 1, "minor": 5, "access": "w"}),
        ];
        assert_eq!(access(&rules, ('c', 1, Some(3))), "rw");
        assert_eq!(access(&rules, ('c', 1, Some(5))), "r");
        assert_eq!(access(&rules, ('b', 1, Some(3))), "");
        // A rule about one minor says nothing of all of them.
        assert_eq!(access(&rules, ('c', 1, None)), "rw");
        assert_eq!(access(&[json!({"allow": true, "access": "rwm"})], ('b', 8, Some(0))), "rwm");
        assert_eq!(access(&[json!({"allow": true, "type": "a"})], ('b', 8, Some(0))), "rwm");
        assert_eq!(access(&[json!({"allow": true, "major": -1, "minor": -1})], ('b', 8, Some(0))), "rwm");
    }

    #[test]
    fn wider_than_the_policy() {
        let numbers = BTreeSet::from([('c', 1, Some(3)), ('c', 136, None)]);
        for (rule, wider) in [
            (json!({"allow": false}), false),
            (json!({"allow": true}), true),
            (json!({"allow": true, "type": "c", "access": "m"}), false),
            (json!({"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"}), false),
            (json!({"allow": true, "type": "c", "major": 1, "access": "rwm"}), true),
            (json!({"allow": true, "type": "c", "major": 136, "minor": 7, "access": "r"}), false),
            (json!({"allow": true, "type": "b", "major": 1, "minor": 3, "access": "r"}), true),
        ] {
            assert_eq!(is_wider(&rule, &numbers), wider, "{rule}");
        }
    }
}
