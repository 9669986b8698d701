//! `process.user`, `users` and `groups`: who it runs as.

use crate::diagnostic::Flaw;
use crate::origin::{At, Origin};
use crate::parse::list::{Item, List};
use crate::parse::read::{Inherit, Read};
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::parse::tree::{Content, Node};
use serde_json::{Value, json};

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

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            // (uid_t)-1 means "leave it alone" to every call that takes an id.
            return match text.parse() {
                Ok(id) if id != u32::MAX => Ok(Principal::Id(id)),
                _ => Err(Flaw::new(format!("`{text}` is no id from 0 to {}", u32::MAX - 1))),
            };
        }
        if text.is_empty() || text.contains([':', ' ', '/']) || text.chars().any(char::is_control) {
            return Err(Flaw::new(format!("`{text}` is no name of a user or group")));
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

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let chosen = Principal::from_text(user)
            .and_then(|user| Ok(UserChosen { user, group: group.map(Principal::from_text).transpose()? }));
        chosen.map_err(|flaw| {
            flaw.help("a user is written `101`, `101:101`, `www-data` or `www-data:www-data`")
        })
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

    fn from_text(text: &str) -> Result<Self, Flaw> {
        let digits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
        let Some((first, last)) = text.split_once('-').filter(|(first, last)| digits(first) && digits(last))
        else {
            return Principal::from_text(text).map(IdRange::One);
        };
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) if first <= last => Ok(IdRange::Range(first, last)),
            _ => {
                Err(Flaw::new(format!("`{text}` is no range of ids")).help("a range is written `1000-1999`"))
            }
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
                    let flaw = Flaw::new("a set of users as a mapping has the one key `not`")
                        .help("written `{not: root}`, `{not: [0-999]}` or `[1000-1999, www-data]`");
                    report.push(flaw, &node.origin);
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
