//! Sections with fixed keys. One table of keys makes the struct, the reader, the schema and the rule
//! for `extends`.

use super::read::{Read, unknown};
use super::report::Report;
use super::tree::{Content, Node};
use crate::diagnostic::Diagnostic;
use serde_json::{Map, Value, json};

/// The entries of a mapping while they are read.
pub(crate) struct Fields<'a> {
    entries: Vec<(&'a str, &'a Node)>,
}

impl<'a> Fields<'a> {
    /// The entries of `node`; keys that are not in `valid` are reported.
    pub(crate) fn new(node: &'a Node, what: &str, valid: &[&str], report: &mut Report) -> Option<Self> {
        let Content::Mapping(written) = &node.content else {
            let diagnostic = Diagnostic::error(format!("{what} is a mapping, not {}", node.kind()))
                .help(format!("its keys: {}", super::read::quoted(valid)));
            report.push(diagnostic, &node.origin);
            return None;
        };
        let mut entries = Vec::new();
        for (key, value) in written {
            if valid.contains(&key.scalar.text.as_str()) {
                entries.push((key.scalar.text.as_str(), value));
            } else {
                let flaw = unknown(&format!("key of {what}:"), &key.scalar.text, valid);
                // `{because: one, two}` is a text cut in two for YAML.
                let cut =
                    key.scalar.flow && matches!(&value.content, Content::Scalar(value) if value.is_null());
                let flaw = if cut {
                    flaw.help("inside `{ }` YAML cuts plain text at `,`: quote the text before, if this belongs to it")
                } else {
                    flaw
                };
                report.push(flaw, &key.origin);
            }
        }
        Some(Fields { entries })
    }

    /// The value of `key`, where it is written and can be read.
    pub(crate) fn take<T: Read>(&self, key: &str, report: &mut Report) -> Option<T> {
        T::read(self.node(key)?, report)
    }

    /// What stands behind `key`, where it is written.
    pub(crate) fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    /// Whether `key` is written.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| *name == key)
    }

    /// Reports `key` where it is not written.
    pub(crate) fn require(&self, key: &str, what: &str, node: &Node, report: &mut Report) {
        if !self.has(key) {
            report.push(Diagnostic::error(format!("{what} lacks `{key}`")), &node.origin);
        }
    }
}

/// The schema of a mapping with these keys.
pub(crate) fn object(description: &str, keys: Vec<(&str, &str, Value)>, required: &[&str]) -> Value {
    let mut properties = Map::new();
    for (key, description, schema) in keys {
        let mut schema = schema;
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), description.trim().into());
        }
        properties.insert(key.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "description": description.trim(),
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Value::Object(schema), false) = (&mut schema, required.is_empty()) {
        schema.insert("required".to_owned(), required.into());
    }
    schema
}

/// Declares a section: a struct of optional fields, all of them with their documentation.
macro_rules! record {
    ($(#[doc = $doc:literal])+ $name:ident as $what:literal $(requires [$($required:ident),+])? {
        $($(#[doc = $meaning:literal])+ $key:ident: $type:ty),+ $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub struct $name {
            /// Where it begins.
            pub origin: $crate::origin::Origin,
            $($(#[doc = $meaning])+ pub $key: Option<$type>),+
        }

        impl $crate::parse::read::Read for $name {
            fn read(
                node: &$crate::parse::tree::Node,
                report: &mut $crate::parse::report::Report,
            ) -> Option<Self> {
                let fields =
                    $crate::parse::record::Fields::new(node, $what, &[$(stringify!($key)),+], report)?;
                $($(fields.require(stringify!($required), $what, node, report);)+)?
                Some($name {
                    origin: node.origin.clone(),
                    $($key: fields.take(stringify!($key), report)),+
                })
            }
            fn schema() -> serde_json::Value {
                $crate::parse::record::object(
                    concat!($($doc),+),
                    vec![$((
                        stringify!($key),
                        concat!($($meaning),+),
                        <$type as $crate::parse::read::Read>::schema(),
                    )),+],
                    &[$($(stringify!($required)),+)?],
                )
            }
        }

        impl $crate::parse::read::Inherit for $name {
            fn inherit(&mut self, parent: Self) {
                let $name { origin: _, $($key),+ } = parent;
                $($crate::parse::read::Inherit::inherit(&mut self.$key, $key);)+
            }
        }
    };
}
pub(crate) use record;
