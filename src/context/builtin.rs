//! Profiles that are part of the binary.

use std::sync::Arc;
use stockade_policy::lookup::Source;

/// Name and text, in the order of their names; written by `build.rs` from `profiles/`.
const PROFILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// What stands before the name in an origin.
const PREFIX: &str = "builtin:";

/// Names of all built-in profiles.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The text of the built-in profile `name`.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    PROFILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The built-in profile `name` as a source.
pub(crate) fn source(name: &str) -> Option<Source> {
    let text = text(name)?;
    Some(Source { file: Arc::from(format!("{PREFIX}{name}")), text: text.as_bytes().to_vec() })
}

/// Whether an origin lies in a built-in profile, which stands in no directory.
pub(crate) fn is_builtin(file: &str) -> bool {
    file.starts_with(PREFIX)
}
