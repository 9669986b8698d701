//! Values → YAML that every reader of YAML 1.1 and 1.2 takes alike.

use serde_json::Value;

/// Block style, keys in the order of the map.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    node(value, 0, &mut text);
    text
}

fn node(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                text.push_str(&format!("{indent}{}:", scalar(key)));
                below(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut inner = String::new();
                match item {
                    Value::Object(entries) if !entries.is_empty() => node(item, depth + 1, &mut inner),
                    Value::Array(items) if !items.is_empty() => node(item, depth + 1, &mut inner),
                    _ => inner = format!("{indent}  {}\n", plain(item)),
                }
                // The dash stands in the indentation of the item's first line.
                text.push_str(&format!("{indent}- {}", inner.get(indent.len() + 2..).unwrap_or_default()));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", plain(other))),
    }
}

/// What stands behind a key.
fn below(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            text.push('\n');
            node(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            node(value, depth + 1, text);
        }
        other => text.push_str(&format!(" {}\n", plain(other))),
    }
}

/// A value on one line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => scalar(text),
        Value::Array(_) => "[]".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        other => other.to_string(),
    }
}

/// Words that YAML 1.1 reads as something else than text.
const OTHERS: [&str; 10] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan"];

/// Text: plain where nothing can read it as something else, in quotes where not.
fn scalar(text: &str) -> String {
    let mut characters = text.chars();
    let word = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '/')
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
    if word && !OTHERS.contains(&text.to_lowercase().as_str()) {
        return text.to_owned();
    }
    let quoted: String = text.chars().map(escaped).collect();
    format!("\"{quoted}\"")
}

fn escaped(c: char) -> String {
    match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        // All else is not printable to some reader, or looks like something else.
        _ if u32::from(c) <= 0xffff => format!("\\u{:04x}", u32::from(c)),
        _ => format!("\\U{:08x}", u32::from(c)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Text;
    use crate::parse::report::Report;
    use crate::parse::tree::{Content, Node, tree};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// What the project's own reader makes of a text; everything that is no list or mapping is text to it.
    fn read(text: &str) -> Value {
        let mut report = Report::new(Arc::new(Text::new("x.yaml".into(), text)));
        let node = tree(text, &mut report);
        assert!(!report.has_errors(), "{text}: {:?}", report.finish());
        value(&node.unwrap_or_else(|| panic!("nothing in {text}")))
    }

    fn value(node: &Node) -> Value {
        match &node.content {
            // What stands without quotes must not be nothing.
            Content::Scalar(scalar) => {
                assert!(!scalar.is_null());
                scalar.text.clone().into()
            }
            Content::Sequence(items) => items.iter().map(value).collect(),
            Content::Mapping(entries) => {
                entries.iter().map(|(key, node)| (key.scalar.text.clone(), value(node))).collect()
            }
        }
    }

    /// Any but NUL, which the reader refuses.
    fn any_value() -> impl Strategy<Value = Value> {
        let odd = prop_oneof![
            "\\PC{0,12}",
            "[a-z/.:#&*!|>'\"%@`{}, \\[\\]-]{0,8}",
            Just("null".to_owned()),
            Just("No".to_owned())
        ];
        let leaf = prop_oneof![odd.clone().prop_map(Value::from), "[^\\x00]{0,6}".prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
                proptest::collection::btree_map(odd.clone(), inner, 1..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let document = serde_json::json!({"top": value});
            prop_assert_eq!(read(&text(&document)), document);
        }
    }
}
