//! `process`: with what attributes it runs.

use super::limits::ProcessLimits;
use super::path::AbsolutePath;
use super::sysctls::Sysctls;
use super::users::{Principal, UserChosen, UserSet};
use crate::diagnostic::Flaw;
use crate::origin::At;
use crate::parse::list::{Item, List};
use crate::parse::read::words;
use crate::parse::record::record;
use crate::parse::scalar::Written;
use serde_json::{Value, json};

record! {
    /// The process's own attributes.
    Process as "`process`" {
        /// The one it runs as: `USER` or `USER:GROUP`, by name or number.
        user: At<UserChosen>,
        /// Users that are admitted at all: a list of names, numbers and ranges, or `{not: …}`.
        users: UserSet,
        /// Supplementary groups, by name or number.
        groups: List<Principal>,
        /// PR_SET_NO_NEW_PRIVS: no program gives it more privileges.
        no_new_privileges: At<bool>,
        /// PR_SET_MDWE: memory is never both writable and executable.
        write_xor_execute: At<bool>,
        /// Environment variables that are passed on; everything else is cleared. `all` passes everything.
        environment: List<Variable>,
        /// Working directory inside the root.
        workdir: At<AbsolutePath>,
        /// Host name in its own UTS namespace.
        hostname: At<Hostname>,
        /// Sysctls of its own namespaces.
        sysctls: Sysctls,
        /// Permission bits that new files never get.
        umask: At<Mask>,
        /// Securebits that are set. capabilities(7).
        securebits: List<Securebit>,
        /// rlimits, hard and soft alike. getrlimit(2).
        limits: ProcessLimits,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable(pub String);

impl Written for Variable {
    const WHAT: &'static str = "the name of an environment variable";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text.contains('=') {
            let flaw =
                Flaw::new(format!("`{text}` sets a variable; a profile only names the ones passed on"));
            return Err(flaw.help(format!("write `{}`", text.split('=').next().unwrap_or_default())));
        }
        if text.is_empty() || text.contains(['*', '?']) || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(Flaw::new(format!("`{text}` is no name of a variable; there are no wildcards")));
        }
        Ok(Variable(text.to_owned()))
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[^= *?]+$"})
    }
}

impl Item for Variable {
    const ALL: bool = true;
}

/// A host name. hostname(7), sethostname(2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostname(pub String);

impl Written for Hostname {
    const WHAT: &'static str = "a host name";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if (1..=64).contains(&text.len()) && text.chars().all(valid) {
            return Ok(Hostname(text.to_owned()));
        }
        Err(Flaw::new(format!("`{text}` is no host name"))
            .help("it has 1 to 64 letters, digits, `-`, `_` and `.`"))
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"})
    }
}

/// Permission bits, always octal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mask(pub u32);

impl Written for Mask {
    const WHAT: &'static str = "a file mode mask";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u32::from_str_radix(digits, 8) {
            Ok(mask) if mask <= 0o777 && digits.len() <= 4 && !digits.starts_with('+') => Ok(Mask(mask)),
            _ => Err(Flaw::new(format!("`{text}` is no file mode mask"))
                .help("it is octal, written `022`, `077` or `0o27`")),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string", "pattern": "^(0o)?[0-7]{1,4}$"}, {"type": "integer", "minimum": 0, "maximum": 777}]})
    }
}

words! {
    /// A bit of the securebits. capabilities(7), linux/securebits.h.
    Securebit as "a securebit" {
        /// User id 0 gets no capabilities by exec.
        Noroot = "noroot",
        /// `noroot` stays as it is.
        NorootLocked = "noroot_locked",
        /// Changing user ids leaves capabilities alone.
        NoSetuidFixup = "no_setuid_fixup",
        /// `no_setuid_fixup` stays as it is.
        NoSetuidFixupLocked = "no_setuid_fixup_locked",
        /// `keep_caps` stays as it is.
        KeepCapsLocked = "keep_caps_locked",
        /// No capability can be made ambient.
        NoCapAmbientRaise = "no_cap_ambient_raise",
        /// `no_cap_ambient_raise` stays as it is.
        NoCapAmbientRaiseLocked = "no_cap_ambient_raise_locked",
    }
}

impl Securebit {
    /// The bit. linux/securebits.h.
    pub fn bit(self) -> u32 {
        match self {
            Securebit::Noroot => 1 << 0,
            Securebit::NorootLocked => 1 << 1,
            Securebit::NoSetuidFixup => 1 << 2,
            Securebit::NoSetuidFixupLocked => 1 << 3,
            Securebit::KeepCapsLocked => 1 << 5,
            Securebit::NoCapAmbientRaise => 1 << 6,
            Securebit::NoCapAmbientRaiseLocked => 1 << 7,
        }
    }
}

impl Item for Securebit {}
