//! `when`: which containers a rule is about.

use super::Claims;
use crate::diagnostic::Flaw;
use crate::origin::At;
use crate::parse::read::{Inherit, Read};
use crate::parse::record::record;
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::parse::tree::{Content, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;

record! {
    /// Which containers a rule is about.
    When as "`when`" {
        /// The name of the image, as whoever started the container wrote it.
        image: At<Pattern>,
        /// The digest of the image, which the engine vouches for.
        digest: At<Pattern>,
        /// The name of the container.
        name: At<Pattern>,
        /// The user id it runs as.
        user: At<Pattern>,
        /// Labels, by name.
        labels: Pairs,
        /// Annotations, by name.
        annotations: Pairs,
    }
}

/// A text in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);

impl Written for Pattern {
    const WHAT: &'static str = "a pattern";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Flaw::new("a pattern is printable text, in which `*` stands for any characters"));
        }
        Ok(Pattern(text.to_owned()))
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1})
    }
}

impl Pattern {
    /// Whether a text is of this form.
    pub fn fits(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
        let mut last = None;
        for part in parts {
            if let Some(part) = last.replace(part) {
                // The first place leaves most for what follows.
                match rest.split_once(part) {
                    Some((_, behind)) => rest = behind,
                    None => return false,
                }
            }
        }
        last.map_or(rest.is_empty(), |last| rest.ends_with(last))
    }
}

/// Patterns by name.
#[derive(Clone, Debug, Default)]
pub struct Pairs(pub BTreeMap<String, At<Pattern>>);

impl Read for Pairs {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            let flaw = Flaw::new(format!("names with patterns are a mapping, not {}", node.kind()));
            report.push(flaw.help("written `{tier: db}`"), &node.origin);
            return None;
        };
        let mut pairs = BTreeMap::new();
        for (key, value) in entries {
            pairs.insert(key.scalar.text.clone(), At::<Pattern>::read(value, report)?);
        }
        Some(Pairs(pairs))
    }

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": {"type": "string"}})
    }
}

impl Inherit for Pairs {
    /// Rules have no parents.
    fn inherit(&mut self, _parent: Self) {}
}

impl super::Rule {
    /// Whether the container is one that the rule is about.
    pub(super) fn fits(&self, claims: &Claims) -> bool {
        let Some(when) = &self.when else { return false };
        let When { origin: _, image, digest, name, user, labels, annotations } = when;
        let one = |pattern: &Option<At<Pattern>>, claim: Option<&str>| {
            pattern.as_ref().is_none_or(|pattern| claim.is_some_and(|claim| pattern.value.fits(claim)))
        };
        let all = |pairs: &Option<Pairs>, claims: &BTreeMap<String, String>| {
            pairs
                .iter()
                .flat_map(|pairs| &pairs.0)
                .all(|(name, pattern)| claims.get(name).is_some_and(|claim| pattern.value.fits(claim)))
        };
        one(image, claims.image.as_deref())
            && one(digest, claims.digest.as_deref())
            && one(name, claims.name.as_deref())
            && one(user, Some(&claims.user.to_string()))
            && all(labels, &claims.labels)
            && all(annotations, &claims.annotations)
    }

    /// Whether the engine vouches for something that the rule asks for. Labels, names and the image's name are what
    /// whoever starts the container says, or whoever made the image.
    pub(super) fn is_vouched(&self, vouched: &[String]) -> bool {
        self.when.as_ref().is_some_and(|when| {
            when.digest.is_some()
                || when.annotations.iter().flat_map(|pairs| pairs.0.keys()).any(|name| vouched.contains(name))
        })
    }
}

/// What `when` asks for, where it is written.
pub(super) trait Asks {
    /// Whether nothing is asked for.
    fn is_empty(&self) -> bool;
}

impl Asks for Option<When> {
    fn is_empty(&self) -> bool {
        self.as_ref().is_none_or(|when| {
            let When { origin: _, image, digest, name, user, labels, annotations } = when;
            let none = |pairs: &Option<Pairs>| pairs.as_ref().is_none_or(|pairs| pairs.0.is_empty());
            [image, digest, name, user].iter().all(|pattern| pattern.is_none())
                && none(labels)
                && none(annotations)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_characters() {
        let fits = |pattern: &str, text: &str| Pattern(pattern.to_owned()).fits(text);
        assert!(fits("nginx", "nginx") && !fits("nginx", "nginx:1") && !fits("nginx", "my/nginx"));
        assert!(fits("nginx:*", "nginx:1.25") && fits("nginx*", "nginx") && !fits("nginx:*", "nginx"));
        assert!(fits("*/nginx", "a/b/nginx") && !fits("*/nginx", "nginx") && fits("*", ""));
        assert!(
            fits("a*b*c", "abbc") && fits("a*b*c", "a-b-b-c") && !fits("a*b*c", "acb") && !fits("a*a", "a")
        );
    }
}
