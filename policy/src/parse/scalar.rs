//! Values written as one piece of text.

use super::read::{Read, scalar};
use super::report::Report;
use super::tree::Node;
use crate::diagnostic::Flaw;
use crate::units::{Bare, Quantity};
use serde_json::{Value, json};

/// A value written as one piece of text.
pub(crate) trait Written: Sized {
    /// What it is, for messages: `a path`.
    const WHAT: &'static str;
    /// The value, or what is wrong with the text.
    fn from_text(text: &str) -> Result<Self, Flaw>;
    /// Its JSON Schema.
    fn schema() -> Value;
}

impl<T: Written> Read for T {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let text = &scalar(node, T::WHAT, report)?.text;
        match T::from_text(text) {
            Ok(value) => Some(value),
            Err(flaw) => {
                report.push(flaw, &node.origin);
                None
            }
        }
    }

    fn schema() -> Value {
        <T as Written>::schema()
    }
}

impl<Q: Quantity> Written for Q {
    const WHAT: &'static str = Q::WHAT;

    fn from_text(text: &str) -> Result<Self, Flaw> {
        Q::parse(text).map_err(|error| Flaw::new(error.to_string()).help(Q::EXAMPLE))
    }

    /// A number without a unit is a number to YAML, not text.
    fn schema() -> Value {
        let text = json!({"type": "string", "pattern": Q::PATTERN});
        match Q::BARE {
            Bare::Never => text,
            Bare::Zero => json!({"anyOf": [text, {"const": 0}]}),
            Bare::Whole => json!({"anyOf": [text, {"type": "integer", "minimum": 0}]}),
            Bare::Any => json!({"anyOf": [text, {"type": "number", "exclusiveMinimum": 0}]}),
        }
    }
}

/// A limit, or the word that takes a parent's limit away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit<Q> {
    /// `unlimited`
    Unlimited,
    /// At most this.
    Most(Q),
}

impl<Q: Written> Written for Limit<Q> {
    const WHAT: &'static str = Q::WHAT;

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text == "unlimited" {
            return Ok(Limit::Unlimited);
        }
        Q::from_text(text)
            .map(Limit::Most)
            .map_err(|flaw| flaw.help("`unlimited` takes a parent's limit away"))
    }

    fn schema() -> Value {
        json!({"anyOf": [<Q as Written>::schema(), {"const": "unlimited"}]})
    }
}
