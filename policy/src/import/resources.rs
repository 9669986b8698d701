//! `linux.resources` of an OCI configuration. runtime-spec, config-linux.md, "Control groups".

use super::container::Sections;
use super::members::{Reader, member};
use crate::compile::cgroup::PERIOD;
use crate::parse::tree::Node;

/// The limits that the language has.
pub(super) fn read(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    for (key, node) in reader.members(node, "linux.resources") {
        let name = format!("linux.resources.{key}");
        match key {
            "memory" => memory(node, sections, reader),
            "cpu" => cpu(node, sections, reader),
            "pids" => {
                for (key, node) in reader.members(node, &name) {
                    match (key, reader.number(node, key)) {
                        ("limit", Some(limit)) if limit > 0 => {
                            sections.resources.insert("processes", limit.to_string());
                        }
                        ("limit", _) => {}
                        _ => reader.no_word(&format!("{name}.{key}"), node),
                    }
                }
            }
            "devices" => devices(node, reader),
            _ => reader.no_word(&name, node),
        }
    }
}

fn memory(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let limit =
        member(node, "limit").and_then(|node| reader.number(node, "limit")).filter(|limit| *limit > 0);
    let limit = limit.and_then(|limit| u64::try_from(limit).ok());
    if let Some(limit) = limit {
        sections.bytes("memory", limit);
    }
    for (key, node) in reader.members(node, "linux.resources.memory") {
        match key {
            "limit" => {}
            // Of memory and swap together.
            "swap" => match (reader.number(node, key), limit) {
                (Some(both), Some(limit)) if both > 0 => {
                    let both = u64::try_from(both).unwrap_or(u64::MAX);
                    sections.bytes("swap", both.saturating_sub(limit));
                }
                (Some(both), None) if both > 0 => {
                    reader.told.note(
                        &node.origin,
                        "left out: a limit of memory and swap together, without one of memory",
                    );
                }
                _ => {}
            },
            _ => reader.no_word(&format!("linux.resources.memory.{key}"), node),
        }
    }
}

fn cpu(node: &Node, sections: &mut Sections, reader: &mut Reader<'_>) {
    let usual = i128::from(PERIOD);
    let mut period = usual;
    if let Some(node) = member(node, "period") {
        period = reader.number(node, "period").filter(|period| *period > 0).unwrap_or(usual);
    }
    for (key, node) in reader.members(node, "linux.resources.cpu") {
        match key {
            "period" => {}
            "quota" => {
                if let Some(quota) = reader.number(node, key).filter(|quota| *quota > 0) {
                    processors(quota, period, node, sections, reader);
                }
            }
            _ => reader.no_word(&format!("linux.resources.cpu.{key}"), node),
        }
    }
}

/// A quota of a period as thousandths of a processor, rounded down: never more than was given.
pub(super) fn processors(
    quota: i128,
    period: i128,
    node: &Node,
    sections: &mut Sections,
    reader: &mut Reader<'_>,
) {
    let millis = quota.saturating_mul(1000) / period.max(1);
    if quota.saturating_mul(1000) % period.max(1) != 0 || millis == 0 {
        let text = "the processor time is no whole number of thousandths of a processor, and is rounded";
        reader.told.note(&node.origin, text);
    }
    // Nought would be nothing at all.
    sections.processors(u64::try_from(millis).unwrap_or(u64::MAX / 1000).max(1));
}

/// Rules on device numbers: a profile names nodes. What lets everything through is told apart.
fn devices(node: &Node, reader: &mut Reader<'_>) {
    let rules = reader.items(node, "linux.resources.devices");
    let mut allowed = 0;
    for rule in rules {
        let allow = member(rule, "allow").and_then(|allow| reader.switch(allow, "allow")).unwrap_or(false);
        let any = member(rule, "major").is_none()
            && member(rule, "type").is_none_or(|kind| reader.text(kind, "type") == Some("a"));
        if allow && any {
            reader.told.note(&rule.origin, "every device can be opened there that a node is made for");
        }
        allowed += usize::from(allow && !any);
    }
    if allowed > 0 {
        let text = "rules allow device numbers: a profile names nodes, those of `linux.devices`";
        reader.told.note(&node.origin, format!("{allowed} {text}"));
    }
}
