//! `syscalls`: which system calls it may make.

use crate::diagnostic::{Diagnostic, Flaw};
use crate::expression::{Expression, ExpressionError, Rule, parse_condition, parse_rule};
use crate::lattice::action::Action;
use crate::origin::{At, Origin};
use crate::parse::list::{Item, List};
use crate::parse::read::{Read, inside, scalar, unknown, words};
use crate::parse::record::{Fields, record};
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::parse::tree::{Content, Node, Scalar};
use crate::vocab::Arch;
use serde_json::{Value, json};

record! {
    /// Which system calls it may make. `deny` beats `allow`; of two entries of `deny` that name a call the later one decides.
    Syscalls as "`syscalls`" {
        /// Interfaces that it may use; a call through any other one kills it. x86_64 and aarch64 where none is named.
        architectures: List<Arch>,
        /// What is allowed: a call, a call with a condition on its parameters or its registers (`arg0` to `arg5`), or a group.
        allow: List<Allowed>,
        /// What is denied even if something allows it, with the answer where it is not `otherwise`.
        deny: List<Denied>,
        /// The answer to a known call that is not listed; `eperm` where none is written.
        otherwise: At<Action>,
        /// The answer to a number without a name in the table; `enosys` where none is written.
        unknown: At<Action>,
        /// What the filter changes about the processor's speculation; `mitigated` where none is written.
        speculation: At<Speculation>,
        /// Whether the kernel logs every call that is not allowed.
        log_denied: At<bool>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

words! {
    /// What a filter changes about speculation.
    Speculation as "what a filter changes about speculation" {
        /// Mitigations that the kernel ties to filters are turned on: before 5.16 wherever the processor needs them, since then where the kernel was booted so. They slow the process down.
        Mitigated = "mitigated",
        /// Nothing: the process keeps what it has without a filter.
        Unchanged = "unchanged",
    }
}

impl Written for Arch {
    const WHAT: &'static str = "an architecture";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        text.parse().map_err(|()| unknown("architecture", text, &Arch::ALL.map(Arch::name)))
    }

    fn schema() -> Value {
        json!({"enum": Arch::ALL.map(Arch::name)})
    }
}

impl Item for Arch {}

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A group, without its `@`.
    Group(At<String>),
    /// A call, with a condition or without.
    Rule(Rule),
}

/// An entry of `allow` or `deny`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub subject: Subject,
    /// The answer; of `deny` only.
    pub action: Option<At<Action>>,
    /// Why; shown where the rule decides.
    pub because: Option<At<String>>,
}

/// An entry of `allow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed(pub Entry);

/// An entry of `deny`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied(pub Entry);

impl Item for Allowed {}
impl Item for Denied {}

/// The finding about an expression, with what YAML may have done to it.
fn faulty(error: &ExpressionError, origin: &Origin, scalar: &Scalar, report: &mut Report) {
    let (at, width) = error.span();
    let place = if scalar.offset.is_some() {
        report.span(&inside(origin, scalar, at), width)
    } else {
        report.place(origin)
    };
    let mut diagnostic = Diagnostic::error(error.to_string());
    let open = |pair: [char; 2]| scalar.text.matches(pair[0]).count() != scalar.text.matches(pair[1]).count();
    if scalar.plain && scalar.flow && (open(['(', ')']) || open(['{', '}'])) {
        diagnostic = diagnostic
            .help("inside `[ ]` and `{ }` YAML cuts plain text at `,` and brackets: quote this")
            .help("or write the list with one `- ` line for each entry");
    }
    report.push_placed(diagnostic.at(place));
}

/// A rule or a group as written.
fn subject(scalar: &Scalar, origin: &Origin, report: &mut Report) -> Option<Subject> {
    if let Some(name) = scalar.text.strip_prefix('@') {
        return Some(Subject::Group(At { value: name.trim().to_owned(), origin: origin.clone() }));
    }
    match parse_rule(&scalar.text, &|index| inside(origin, scalar, index)) {
        Ok(rule) => Some(Subject::Rule(rule)),
        Err(error) => {
            faulty(&error, origin, scalar, report);
            None
        }
    }
}

/// A condition as written behind `when:`.
struct When(Expression);

impl Read for When {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let scalar = scalar(node, "a condition", report)?;
        match parse_condition(&scalar.text, &|index| inside(&node.origin, scalar, index)) {
            Ok(condition) => Some(When(condition)),
            Err(error) => {
                faulty(&error, &node.origin, scalar, report);
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

/// What `call:` names.
struct Call(Subject);

impl Read for Call {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let scalar = scalar(node, "the name of a system call", report)?;
        subject(scalar, &node.origin, report).map(Call)
    }

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

const LONG: &[&str] = &["call", "when", "because"];
const LONG_DENY: &[&str] = &["call", "when", "because", "action"];

/// `{call: …, when: …, because: …}`
fn long(node: &Node, deny: bool, report: &mut Report) -> Option<Entry> {
    let what = if deny { "an entry of `deny`" } else { "an entry of `allow`" };
    let fields = Fields::new(node, what, if deny { LONG_DENY } else { LONG }, report)?;
    let because = fields.take("because", report);
    let action = fields.take("action", report);
    let written = fields.has("when");
    let when = fields.take::<When>("when", report);
    // A condition that could not be read must not leave the rule without one.
    if written && when.is_none() {
        return None;
    }
    let subject = match (fields.take::<Call>("call", report)?.0, when) {
        (subject, None) => subject,
        (Subject::Rule(Rule { call, when: None }), Some(When(when))) => {
            Subject::Rule(Rule { call, when: Some(when) })
        }
        (Subject::Rule(rule), Some(_)) => {
            let flaw = Flaw::new(format!("`{}` has its condition twice", rule.call.value))
                .help("write it behind `call:` or behind `when:`");
            report.push(flaw, &rule.call.origin);
            return None;
        }
        (Subject::Group(group), Some(_)) => {
            let flaw = Flaw::new("a group takes no condition")
                .help("the calls of a group have no parameters in common: write one entry for each call");
            report.push(flaw, &group.origin);
            return None;
        }
    };
    Some(Entry { subject, action, because })
}

/// An entry in any of its forms.
fn entry(node: &Node, deny: bool, report: &mut Report) -> Option<Entry> {
    let Content::Mapping(fields) = &node.content else {
        let scalar = scalar(node, "a system call or a group", report)?;
        let subject = subject(scalar, &node.origin, report)?;
        return Some(Entry { subject, action: None, because: None });
    };
    if fields.iter().any(|(key, _)| key.scalar.text == "call") {
        return long(node, deny, report);
    }
    let [(key, value)] = fields.as_slice() else {
        let flaw = Flaw::new("an entry that is a mapping names its call with `call:`")
            .help("written `{call: ioctl, when: \"request != TIOCSTI\", because: …}`");
        report.push(flaw, &node.origin);
        return None;
    };
    if !deny {
        let flaw = Flaw::new("an entry of `allow` has no answer: it is allowed")
            .help(format!("write `{}` alone, or move the entry to `deny`", key.scalar.text));
        report.push(flaw, &key.origin);
        return None;
    }
    let subject = subject(&key.scalar, &key.origin, report)?;
    let action = Read::read(value, report)?;
    Some(Entry { subject, action: Some(action), because: None })
}

/// The schema of an entry.
fn schema(deny: bool) -> Value {
    let text = json!({"type": "string", "minLength": 1});
    let mut properties = json!({"call": text, "when": text, "because": text});
    let mut forms = vec![text];
    if let (Value::Object(properties), true) = (&mut properties, deny) {
        properties.insert("action".to_owned(), <Action as Written>::schema());
        forms.push(json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"not": {"enum": LONG_DENY}},
            "additionalProperties": <Action as Written>::schema(),
        }));
    }
    forms.push(json!({
        "type": "object",
        "properties": properties,
        "required": ["call"],
        "additionalProperties": false,
    }));
    json!({"anyOf": forms})
}

impl Read for Allowed {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        entry(node, false, report).map(Allowed)
    }

    fn schema() -> Value {
        schema(false)
    }
}

impl Read for Denied {
    fn read(node: &Node, report: &mut Report) -> Option<Self> {
        let entry = entry(node, true, report)?;
        if let Some(action) = entry.action.as_ref().filter(|action| action.value == Action::Allow) {
            let flaw = Flaw::new("`deny` cannot answer `allow`").help("move the entry to `allow`");
            report.push(flaw, &action.origin);
            return None;
        }
        Some(Denied(entry))
    }

    fn schema() -> Value {
        schema(true)
    }
}
