//! Reading JSON whose keys are not all known: what is not understood is told and not refused.

use super::told::Told;
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::parse::read::scalar;
use crate::parse::report::Report;
use crate::parse::tree::{Content, Node, Scalar};

/// What reading needs at every step.
pub(super) struct Reader<'a> {
    pub(super) report: &'a mut Report,
    pub(super) told: Told,
}

impl<'a> Reader<'a> {
    pub(super) fn new(report: &'a mut Report) -> Self {
        Reader { report, told: Told::default() }
    }

    /// Each member of an object but those that say nothing; of `null` there are none.
    pub(super) fn members<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Node)> {
        match &node.content {
            Content::Mapping(entries) => {
                let written = entries.iter().map(|(key, node)| (key.scalar.text.as_str(), node));
                written.filter(|(_, node)| !is_null(node)).collect()
            }
            _ => {
                self.expected(node, what, "an object");
                Vec::new()
            }
        }
    }

    /// The items of a list.
    pub(super) fn items<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.content {
            Content::Sequence(items) => items,
            Content::Scalar(scalar) if scalar.is_null() => &[],
            _ => {
                self.expected(node, what, "a list");
                &[]
            }
        }
    }

    fn expected(&mut self, node: &Node, what: &str, expected: &str) {
        if !is_null(node) {
            let message = format!("`{what}` is {expected}, not {}", node.kind());
            self.report.push(Diagnostic::error(message), &node.origin);
        }
    }

    /// A text.
    pub(super) fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let found = self.scalar(node, what)?;
        if found.plain {
            let message = format!("`{what}` is a text, not `{}`", found.text);
            self.report.push(Diagnostic::error(message), &node.origin);
            return None;
        }
        Some(&found.text)
    }

    /// Texts with their places.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Origin)> {
        let items = self.items(node, what).iter();
        items.filter_map(|item| self.text(item, what).map(|text| (text, &item.origin))).collect()
    }

    /// A whole number that may be below nought.
    pub(super) fn number(&mut self, node: &Node, what: &str) -> Option<i128> {
        let found = self.scalar(node, what)?;
        // JSON's own exponents and fractions are no whole numbers to these programs either.
        let bounds = i128::from(i64::MIN)..=i128::from(u64::MAX);
        let value = found.text.parse().ok().filter(|value| found.plain && bounds.contains(value));
        if value.is_none() {
            let message = format!("`{what}` is a whole number of 64 bits, not `{}`", found.text);
            self.report.push(Diagnostic::error(message), &node.origin);
        }
        value
    }

    /// A whole number from nought.
    pub(super) fn count(&mut self, node: &Node, what: &str) -> Option<u64> {
        let value = self.number(node, what)?;
        let count = u64::try_from(value);
        if count.is_err() {
            self.report.push(Diagnostic::error(format!("`{what}` is not below 0")), &node.origin);
        }
        count.ok()
    }

    /// A user or a group; the largest number means "leave it alone" to every call that takes one.
    pub(super) fn id(&mut self, node: &Node, what: &str) -> Option<u32> {
        let id = u32::try_from(self.count(node, what)?).ok().filter(|id| *id != u32::MAX);
        if id.is_none() {
            let message = format!("`{what}` is a number from 0 to {}", u32::MAX - 1);
            self.report.push(Diagnostic::error(message), &node.origin);
        }
        id
    }

    /// A switch.
    pub(super) fn switch(&mut self, node: &Node, what: &str) -> Option<bool> {
        let found = self.scalar(node, what)?;
        match (found.plain, found.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => {
                let message = format!("`{what}` is true or false, not `{}`", found.text);
                self.report.push(Diagnostic::error(message), &node.origin);
                None
            }
        }
    }

    fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Scalar> {
        if is_null(node) {
            return None;
        }
        scalar(node, &format!("a value for `{what}`"), self.report)
    }

    /// Tells of a key that is not understood, unless it says nothing.
    pub(super) fn no_word(&mut self, key: &str, node: &Node) {
        if !says_nothing(node) {
            self.told.no_word(key, &node.origin);
        }
    }
}

/// Whether a value is JSON's `null`.
pub(super) fn is_null(node: &Node) -> bool {
    matches!(&node.content, Content::Scalar(scalar) if scalar.is_null())
}

/// The member of that name.
pub(super) fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Content::Mapping(entries) = &node.content else { return None };
    let found = entries.iter().find(|(key, _)| key.scalar.text == name).map(|(_, node)| node);
    found.filter(|node| !is_null(node))
}

/// Whether a value is what is there when nobody asked for anything. Nesting is bounded by the tree's own depth.
fn says_nothing(node: &Node) -> bool {
    match &node.content {
        Content::Scalar(scalar) => {
            scalar.is_null()
                || scalar.text.is_empty()
                || (scalar.plain && matches!(scalar.text.as_str(), "0" | "false"))
        }
        Content::Sequence(items) => items.iter().all(says_nothing),
        Content::Mapping(entries) => entries.iter().all(|(_, node)| says_nothing(node)),
    }
}
