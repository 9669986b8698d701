//! Names: of profiles, versions and capabilities.

use crate::diagnostic::Flaw;
use crate::parse::list::Item;
use crate::parse::read::unknown;
use crate::parse::scalar::Written;
use crate::vocab::version::VersionError;
use crate::vocab::{Cap, TABLE_VERSION, TableVersion};
use serde_json::{Value, json};

/// Version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u32);

impl Written for Version {
    const WHAT: &'static str = "the version of the language";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        text.parse().map(Version).map_err(|_| {
            Flaw::new(format!("`{text}` is no version")).help("the only version is `stockade: 1`")
        })
    }

    fn schema() -> Value {
        json!({"const": 1})
    }
}

impl Written for TableVersion {
    const WHAT: &'static str = "a vocabulary version";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let version: TableVersion =
            text.parse().map_err(|error| Flaw::new(VersionError::to_string(&error)))?;
        if version > TABLE_VERSION {
            let flaw = Flaw::new(format!("this stockade knows system calls up to {TABLE_VERSION}"));
            return Err(flaw.help(format!("write `{TABLE_VERSION}` or an earlier kernel")));
        }
        Ok(version)
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

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text.is_empty() || text.len() > 4096 || text.chars().any(char::is_control) {
            return Err(Flaw::new("a name of a profile is 1 to 4096 printable characters"));
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

    fn from_text(text: &str) -> Result<Self, Flaw> {
        text.parse().map(CapabilityName).map_err(|()| {
            let names: Vec<&str> = Cap::all().map(Cap::name).collect();
            unknown("capability", text, &names).help("capabilities(7) lists them")
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
