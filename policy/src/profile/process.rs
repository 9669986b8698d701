//! `process`: who it runs as and with what attributes.

use super::limits::ProcessLimits;
use super::path::AbsolutePath;
use crate::diagnostic::Diagnostic;
use crate::origin::{At, Origin};
use crate::parse::list::{Item, List};
use crate::parse::read::{Inherit, Read, scalar, words};
use crate::parse::record::record;
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::parse::tree::{Content, Node};
use serde_json::{Value, json};
use std::collections::BTreeMap;

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

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// By number.
    Id(u32),
    /// By name.
    Name(String),
}

impl Written for Principal {
    const WHAT: &'static str = "a user or group";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            // (uid_t)-1 means "leave it alone" to every call that takes an id.
            return match text.parse() {
                Ok(id) if id != u32::MAX => Ok(Principal::Id(id)),
                _ => Err(Diagnostic::error(format!("`{text}` is no id from 0 to {}", u32::MAX - 1))),
            };
        }
        if text.is_empty() || text.contains([':', ' ', '/']) || text.chars().any(char::is_control) {
            return Err(Diagnostic::error(format!("`{text}` is no name of a user or group")));
        }
        Ok(Principal::Name(text.to_owned()))
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[^:/ ]+$"}]})
    }
}

impl Item for Principal {}

/// The user it runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChosen {
    /// The user.
    pub user: Principal,
    /// The primary group; the user's own where none is written.
    pub group: Option<Principal>,
}

impl Written for UserChosen {
    const WHAT: &'static str = "a user";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let chosen = Principal::from_text(user)
            .and_then(|user| Ok(UserChosen { user, group: group.map(Principal::from_text).transpose()? }));
        chosen.map_err(|diagnostic| diagnostic.help("a user is written `101`, `101:101`, `www-data` or `www-data:www-data`"))
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[^:/ ]+(:[^:/ ]+)?$"}]})
    }
}

/// One user, or all with numbers from one to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdRange {
    /// One.
    One(Principal),
    /// From the first number to the second, both included.
    Range(u32, u32),
}

impl Written for IdRange {
    const WHAT: &'static str = "a user or a range of user ids";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let Some((first, last)) = text.split_once('-').filter(|(first, last)| digits(first) && digits(last)) else {
            return Principal::from_text(text).map(IdRange::One);
        };
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(IdRange::Range(first, last)),
            _ => Err(Diagnostic::error(format!("`{text}` is no range of ids")).help("a range is written `1000-1999`")),
        }
    }

    fn schema() -> Value {
        <Principal as Written>::schema()
    }
}

impl Item for IdRange {}

/// The users that are admitted.
#[derive(Clone, Debug)]
pub struct UserSet {
    /// Where it begins.
    pub origin: Origin,
    /// Whether the list names those that are not admitted.
    pub not: bool,
    /// The users.
    pub users: Vec<At<IdRange>>,
}

impl UserSet {
    /// One user, or a list of them.
    fn users(node: &Node, report: &mut Report) -> Option<Vec<At<IdRange>>> {
        match &node.content {
            Content::Sequence(_) => List::<IdRange>::read(node, report).map(|list| list.items),
            _ => Read::read(node, report).map(|one| vec![one]),
        }
    }
}

impl Read for UserSet {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let set = |not, users| UserSet { origin: node.origin.clone(), not, users };
        match &node.content {
            Content::Mapping(entries) => match entries.as_slice() {
                [(key, value)] if key.scalar.text == "not" => {
                    UserSet::users(value, report).map(|users| set(true, users))
                }
                _ => {
                    let diagnostic = Diagnostic::error("a set of users as a mapping has the one key `not`")
                        .help("written `{not: root}`, `{not: [0-999]}` or `[1000-1999, www-data]`");
                    report.push(diagnostic, &node.origin);
                    None
                }
            },
            _ => UserSet::users(node, report).map(|users| set(false, users)),
        }
    }

    fn schema() -> Value {
        let one = <IdRange as Written>::schema();
        let users = json!({"anyOf": [one, {"type": "array", "items": one}]});
        json!({"anyOf": [
            users,
            {"type": "object", "properties": {"not": users}, "required": ["not"], "additionalProperties": false},
        ]})
    }
}

impl Inherit for UserSet {
    /// A single value: the child's replaces the parent's.
    fn inherit(&mut self, _parent: Self) {}
}

/// The name of an environment variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Variable(pub String);

impl Written for Variable {
    const WHAT: &'static str = "the name of an environment variable";

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        if text.contains('=') {
            let diagnostic = Diagnostic::error(format!("`{text}` sets a variable; a profile only names the ones passed on"));
            return Err(diagnostic.help(format!("write `{}`", text.split('=').next().unwrap_or_default())));
        }
        if text.is_empty() || text.contains(['*', '?']) || text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(Diagnostic::error(format!("`{text}` is no name of a variable; there are no wildcards")));
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

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if (1..=64).contains(&text.len()) && text.chars().all(valid) {
            return Ok(Hostname(text.to_owned()));
        }
        Err(Diagnostic::error(format!("`{text}` is no host name"))
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

    fn from_text(text: &str) -> Result<Self, Diagnostic> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        match u32::from_str_radix(digits, 8) {
            Ok(mask) if mask <= 0o777 && digits.len() <= 4 && !digits.starts_with('+') => Ok(Mask(mask)),
            _ => Err(Diagnostic::error(format!("`{text}` is no file mode mask")).help("it is octal, written `022`, `077` or `0o27`")),
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

/// Sysctls by dotted name.
#[derive(Clone, Debug)]
pub struct Sysctls {
    /// Where they begin.
    pub origin: Origin,
    /// Values by name, each at its own place.
    pub values: BTreeMap<String, At<String>>,
}

/// Names that a namespace has of its own, by their beginning. namespaces(7), sysctl/kernel.rst, net.rst.
const NAMESPACED: [&str; 9] = [
    "net.",
    "fs.mqueue.",
    "kernel.msg",
    "kernel.sem",
    "kernel.shm",
    "kernel.auto_msgmni",
    "kernel.domainname",
    "kernel.hostname",
    "user.max_",
];

impl Read for Sysctls {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let Content::Mapping(entries) = &node.content else {
            let diagnostic = Diagnostic::error(format!("sysctls are a mapping, not {}", node.kind()));
            report.push(diagnostic.help("written `{net.ipv4.ip_unprivileged_port_start: 0}`"), &node.origin);
            return None;
        };
        let mut values = BTreeMap::new();
        for (key, value) in entries {
            let name = &key.scalar.text;
            let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if !NAMESPACED.iter().any(|prefix| name.starts_with(prefix))
                || !name.chars().all(valid)
                || name.split('.').any(str::is_empty)
            {
                let diagnostic = Diagnostic::error(format!("`{name}` is no sysctl that a namespace has of its own"))
                    .help("those begin with `net.`, `fs.mqueue.`, `kernel.shm`, `kernel.msg` or `kernel.sem`");
                report.push(diagnostic, &key.origin);
            } else if let Some(text) = scalar(value, "a value", report) {
                values.insert(name.clone(), At { value: text.text.clone(), origin: key.origin.clone() });
            }
        }
        Some(Sysctls { origin: node.origin.clone(), values })
    }

    fn schema() -> Value {
        json!({
            "type": "object",
            "propertyNames": {"pattern": r"^(net\.|fs\.mqueue\.|kernel\.|user\.max_)"},
            "additionalProperties": {"type": ["string", "integer"]},
        })
    }
}

impl Inherit for Sysctls {
    /// Each name is a single value of its own.
    fn inherit(&mut self, parent: Self) {
        for (name, value) in parent.values {
            self.values.entry(name).or_insert(value);
        }
    }
}
