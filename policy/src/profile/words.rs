//! Names: of profiles, versions and capabilities.

use crate::diagnostic::Diagnostic;
use crate::parse::list::Item;
use crate::parse::read::unknown;
use crate::parse::scalar::Written;
use crate::vocab::Cap;
use serde_json::{Value, json};

/// Version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

impl Written for Version {
    const WHAT: &'static str = "the version of the language";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        text.parse()
            .map(Version)
            .map_err(|_| Diagnostic::error(format!("`{text}` is no version")).help("the only version is `stockade: 1`"))
    }

    fn schema() -> Value {
        json!({"const": 1})
    }
}

/// A kernel version: the vocabulary that a profile was written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableVersion {
    /// `6` of `v6.18`.
    pub major: u16,
    /// `18` of `v6.18`.
    pub minor: u16,
}

impl Written for TableVersion {
    const WHAT: &'static str = "a vocabulary version";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        let parts = text.strip_prefix('v').and_then(|version| version.split_once('.'));
        let version = parts.and_then(|(major, minor)| {
            Some(TableVersion { major: major.parse().ok()?, minor: minor.parse().ok()? })
        });
        version.ok_or_else(|| {
            Diagnostic::error(format!("`{text}` is no vocabulary version")).help("it is written `v6.18`")
        })
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": r"^v[0-9]+\.[0-9]+$"})
    }
}

/// The name of a profile, or in `extends` a path to one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(pub String);

impl Written for ProfileName {
    const WHAT: &'static str = "the name of a profile";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        if text.is_empty() || text.len() > 4096 || text.chars().any(char::is_control) {
            return Err(Diagnostic::error("a name of a profile is 1 to 4096 printable characters"));
        }
        Ok(ProfileName(text.to_owned()))
    }

    fn schema() -> Value {
        json!({"type": "string", "minLength": 1})
    }
}

impl Item for ProfileName {}

/// A capability as profiles name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapabilityName(pub Cap);

impl Written for CapabilityName {
    const WHAT: &'static str = "a capability";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        text.parse().map(CapabilityName).map_err(|()| {
            let names: Vec<&str> = Cap::all().map(Cap::name).collect();
            unknown("capability", text, &names)
        })
    }

    fn schema() -> Value {
        let names: Vec<&str> = Cap::all().map(Cap::name).collect();
        json!({"anyOf": [{"enum": names}, {"type": "string", "pattern": "^([Cc][Aa][Pp]_)?[A-Za-z_]+$"}]})
    }
}

impl Item for CapabilityName {
    const ALL: bool = true;
    const SECTION: bool = true;
}
