//! How a node becomes a value, and what the JSON Schema says about it: one trait, so that the two
//! cannot drift apart.

use super::report::Report;
use super::tree::{Content, Node, Scalar};
use crate::diagnostic::{Diagnostic, Flaw};
use crate::origin::{At, Origin};
use crate::vocab::nearest::nearest;
use serde_json::{Value, json};

/// A value of the language.
pub(crate) trait Read: Sized {
    /// The value of `node`; `None` when a finding says why there is none.
    fn read(node: &Node, report: &mut Report) -> Option<Self>;
    /// Its JSON Schema.
    fn schema() -> Value;
}

/// A value that `extends` can pass on.
pub(crate) trait Inherit: Sized {
    /// Adds what the parent says: single values stay as the child wrote them, lists grow.
    fn inherit(&mut self, parent: Self);
}

impl<T: Read> Read for At<T> {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        T::read(node, report).map(|value| At { value, origin: node.origin.clone() })
    }
    fn schema() -> Value {
        T::schema()
    }
}

impl<T> Inherit for At<T> {
    /// A single value replaces the parent's.
    fn inherit(&mut self, _parent: Self) {}
}

impl<T: Inherit> Inherit for Option<T> {
    fn inherit(&mut self, parent: Self) {
        match (self.as_mut(), parent) {
            (Some(child), Some(parent)) => child.inherit(parent),
            (None, parent) => *self = parent,
            (Some(_), None) => {}
        }
    }
}

impl Read for bool {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let text = scalar(node, "`true` or `false`", report)?;
        match (text.plain, text.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            (plain, _) => {
                let message = if plain {
                    format!("`{}` is neither `true` nor `false`", text.text)
                } else {
                    format!("`\"{}\"` in quotes is text, not a switch", text.text)
                };
                let diagnostic =
                    Diagnostic::error(message).help("a switch is written `true` or `false`, without quotes");
                report.push(diagnostic, &node.origin);
                None
            }
        }
    }
    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl Read for String {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        scalar(node, "text", report).map(|scalar| scalar.text.clone())
    }
    fn schema() -> Value {
        json!({"type": "string"})
    }
}

/// The scalar that `node` is; `expected` says what should stand here.
pub(crate) fn scalar<'a>(node: &'a Node, expected: &str, report: &mut Report) -> Option<&'a Scalar> {
    match &node.content {
        Content::Scalar(scalar) if !scalar.is_null() => Some(scalar),
        Content::Scalar(scalar) if scalar.text == "null" => {
            let diagnostic =
                Diagnostic::error(format!("{expected} is expected, but YAML reads `null` as nothing"))
                    .help("quote it if the word itself is meant");
            report.push(diagnostic, &node.origin);
            None
        }
        _ => {
            report.push(
                Diagnostic::error(format!("{expected} is expected, not {}", node.kind())),
                &node.origin,
            );
            None
        }
    }
}

/// The finding that no `what` is called `word`.
pub(crate) fn unknown(what: &str, word: &str, valid: &[&str]) -> Flaw {
    suggest(Flaw::new(format!("unknown {what} `{word}`")), word, valid)
}

/// The finding that `word` is none of `valid`, which are what belongs here.
pub(crate) fn not_a_word(what: &str, word: &str, valid: &[&str]) -> Flaw {
    suggest(Flaw::new(format!("`{word}` is not {what}")), word, valid)
}

/// Adds the nearest name and all valid ones.
fn suggest(flaw: Flaw, word: &str, valid: &[&str]) -> Flaw {
    // The distance takes time in the square of the word's length, and no name is this long.
    let near = (word.len() <= 64).then(|| nearest(word, valid.iter().copied())).flatten();
    let flaw = match near {
        Some(name) => flaw.help(format!("did you mean `{name}`?")),
        None => flaw,
    };
    // A list that fills the screen helps nobody.
    if valid.len() > 40 { flaw } else { flaw.help(format!("valid: {}", quoted(valid))) }
}

/// `a`, `b`, `c`
pub(crate) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The place of the character `index` of a scalar, as far as it can be told.
pub(crate) fn inside(origin: &Origin, scalar: &Scalar, index: usize) -> Origin {
    match (scalar.offset, u32::try_from(index)) {
        (Some(offset), Ok(index)) => {
            Origin { column: origin.column.saturating_add(offset).saturating_add(index), ..origin.clone() }
        }
        _ => origin.clone(),
    }
}

/// Words of the language: an enum, how each is written, and what it means.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident as $what:literal {
        $($(#[doc = $meaning:literal])+ $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $meaning])+ $variant),+ }

        impl $name {
            /// Every word, as written.
            pub const WORDS: &[(&'static str, $name)] = &[$(($word, $name::$variant)),+];

            /// As written.
            pub fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl $crate::parse::read::Read for $name {
            fn read(
                node: &$crate::parse::tree::Node,
                report: &mut $crate::parse::report::Report,
            ) -> Option<Self> {
                let text = &$crate::parse::read::scalar(node, $what, report)?.text;
                let found = Self::WORDS.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
                if found.is_none() {
                    let words: Vec<&str> = Self::WORDS.iter().map(|(word, _)| *word).collect();
                    report.push($crate::parse::read::not_a_word($what, text, &words), &node.origin);
                }
                found
            }
            fn schema() -> serde_json::Value {
                serde_json::json!({"oneOf": [$(
                    {"const": $word, "description": concat!($($meaning),+).trim()}
                ),+]})
            }
        }
    };
}
pub(crate) use words;
