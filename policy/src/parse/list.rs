//! Lists that grow through `extends`.
//!
//! Every list can be written `[a, b]` or `{items: [a, b]}`; `{replace: [a, b]}` starts it anew, without
//! what the parents say. A list that is a section of its own also takes `optional: true` in the second
//! and third form, and some take the word `all`.

use super::read::{Inherit, Read, unknown};
use super::report::Report;
use super::tree::{Content, Node};
use crate::diagnostic::Diagnostic;
use crate::origin::{At, Origin};
use serde_json::{Value, json};

/// Entries that one list may have.
const ENTRIES: usize = 5_000;

/// An entry of a list.
pub(crate) trait Item: Read {
    /// Whether the word `all` stands for every entry there is.
    const ALL: bool = false;
    /// Whether the list is a section, which can be optional.
    const SECTION: bool = false;
}

/// A list with its places.
#[derive(Clone, Debug)]
pub struct List<T> {
    /// Where it begins.
    pub origin: Origin,
    /// Whether it drops what the parents say.
    pub replace: bool,
    /// Whether it is the word `all`.
    pub all: bool,
    /// The entries, parents' first.
    pub items: Vec<At<T>>,
    /// Whether a host may lack the layer; of sections only.
    pub optional: Option<At<bool>>,
}

/// The keys of the long form.
fn keys<T: Item>() -> Vec<&'static str> {
    if T::SECTION { vec!["items", "replace", "optional"] } else { vec!["items", "replace"] }
}

/// The list itself, without the long form.
fn entries<T: Item>(node: &Node, replace: bool, report: &mut Report) -> Option<List<T>> {
    let list = |all, items| List { origin: node.origin.clone(), replace, all, items, optional: None };
    match &node.content {
        Content::Sequence(nodes) if nodes.len() > ENTRIES => {
            let message = format!("a list has at most {ENTRIES} entries");
            report.push(Diagnostic::error(message), &node.origin);
            None
        }
        Content::Sequence(nodes) => {
            Some(list(false, nodes.iter().filter_map(|node| Read::read(node, report)).collect()))
        }
        Content::Scalar(scalar) if T::ALL && scalar.text == "all" => Some(list(true, Vec::new())),
        Content::Scalar(scalar) if !scalar.is_null() => {
            let diagnostic = Diagnostic::error(format!("a list is expected, not {}", node.kind()))
                .help(format!("a list of one is written `[{}]`", scalar.text));
            let diagnostic =
                if T::ALL { diagnostic.help("or `all` for every one there is") } else { diagnostic };
            report.push(diagnostic, &node.origin);
            None
        }
        _ => {
            let diagnostic = Diagnostic::error(format!("a list is expected, not {}", node.kind()))
                .help("an empty list is written `[]`");
            report.push(diagnostic, &node.origin);
            None
        }
    }
}

impl<T: Item> Read for List<T> {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let Content::Mapping(fields) = &node.content else {
            return entries(node, false, report);
        };
        let (mut list, mut optional): (Option<Self>, Option<At<bool>>) = (None, None);
        let mut refused = false;
        for (key, value) in fields {
            match key.scalar.text.as_str() {
                word @ ("items" | "replace") if list.is_none() => {
                    list = entries(value, word == "replace", report);
                    refused |= list.is_none();
                }
                "items" | "replace" => {
                    let diagnostic =
                        Diagnostic::error("`items` adds to the list, `replace` starts it anew: not both");
                    report.push(diagnostic, &key.origin);
                    refused = true;
                }
                "optional" if T::SECTION => optional = Read::read(value, report),
                other => {
                    report.push(unknown("key of a list:", other, &keys::<T>()), &key.origin);
                    refused = true;
                }
            }
        }
        if refused {
            return None;
        }
        let origin = node.origin.clone();
        let empty =
            List { origin: origin.clone(), replace: false, all: false, items: Vec::new(), optional: None };
        Some(List { origin, optional, ..list.unwrap_or(empty) })
    }

    fn schema() -> Value {
        let items = json!({"type": "array", "items": T::schema(), "maxItems": ENTRIES});
        let items = if T::ALL { json!({"anyOf": [items, {"const": "all"}]}) } else { items };
        let mut properties = json!({"items": items, "replace": items});
        if let (Value::Object(properties), true) = (&mut properties, T::SECTION) {
            properties.insert("optional".to_owned(), bool::schema());
        }
        json!({"anyOf": [
            items,
            {
                "type": "object",
                "properties": properties,
                "additionalProperties": false,
                "not": {"required": ["items", "replace"]},
            },
        ]})
    }
}

impl<T> Inherit for List<T> {
    fn inherit(&mut self, parent: Self) {
        self.optional.inherit(parent.optional);
        if self.replace {
            return;
        }
        self.all |= parent.all;
        let own = std::mem::replace(&mut self.items, parent.items);
        self.items.extend(own);
    }
}

impl Item for String {}
