//! Statements → YAML.

use super::calls::Statement;
use super::constants::named;
use super::{Draft, WriteError};
use crate::lattice::action::Action;
use crate::profile::action::written;
use crate::vocab::{TABLE_VERSION, groups};
use std::collections::BTreeMap;

/// The whole profile.
pub(super) fn text(
    draft: &Draft<'_>,
    statements: &[Statement],
    otherwise: Action,
    unknown: Action,
) -> Result<String, WriteError> {
    let answer = |action: Action, call: Option<&'static str>| {
        written(action).ok_or(WriteError::Errno { call, action })
    };
    let mut lines = beginning(draft.name, draft.head, "unconfined");
    if !draft.sections.is_empty() {
        lines.extend(draft.sections.iter().cloned());
        lines.push(String::new());
    }
    lines.push("syscalls:".to_owned());
    let names: Vec<&str> = draft.interfaces.iter().map(|arch| arch.name()).collect();
    lines.push(format!("  architectures: {{replace: [{}]}}", names.join(", ")));
    // `unconfined`, which it extends, says what is not written here.
    if draft.filter.mitigate_speculation.value {
        lines.push("  speculation: mitigated".to_owned());
    }
    if draft.filter.log_denied.value {
        lines.push("  log_denied: true".to_owned());
    }
    let (allowed, denied): (Vec<&Statement>, Vec<_>) =
        statements.iter().partition(|statement| statement.action == Action::Allow);
    if !allowed.is_empty() {
        lines.push("  allow:".to_owned());
        entries(draft, &allowed, &mut lines, &|_| Ok(None))?;
    }
    if !denied.is_empty() {
        lines.push("  deny:".to_owned());
        entries(draft, &denied, &mut lines, &|statement| {
            answer(statement.action, Some(statement.call)).map(Some)
        })?;
    }
    lines.push(format!("  otherwise: {}", answer(otherwise, None)?));
    lines.push(format!("  unknown: {}", answer(unknown, None)?));
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// What every profile begins with.
pub(super) fn beginning(name: &str, head: &[String], extends: &str) -> Vec<String> {
    let mut lines: Vec<String> = head.iter().map(|line| format!("# {}", one_line(line))).collect();
    lines.extend([
        "stockade: 1".to_owned(),
        format!("table: {TABLE_VERSION}"),
        format!("name: {}", scalar(name)),
        format!("extends: [{extends}]"),
        String::new(),
    ]);
    lines
}

/// Plain names by leaf group, then what has more to say.
fn entries(
    draft: &Draft<'_>,
    statements: &[&Statement],
    lines: &mut Vec<String>,
    answer: &dyn Fn(&Statement) -> Result<Option<String>, WriteError>,
) -> Result<(), WriteError> {
    let mut plain: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut more = Vec::new();
    for statement in statements {
        let Statement { call, when, reasoned, .. } = statement;
        let answer = answer(statement)?;
        let remark = (draft.remark)(&statement.origins).map(|remark| format!("   # {}", one_line(&remark)));
        let remark = remark.unwrap_or_default();
        match (when, answer) {
            (None, None) if *reasoned => {
                more.push(format!("    - {{call: {call}, because: {}}}{remark}", scalar(draft.because)));
            }
            (when, answer) if *reasoned => {
                more.push(format!("    - call: {call}{remark}"));
                more.extend(when.as_ref().map(|when| format!("      when: {when}")));
                more.extend(answer.map(|answer| format!("      action: {answer}")));
                more.push(format!("      because: {}", scalar(draft.because)));
            }
            (None, answer) => {
                let answer = answer.map(|answer| format!(": {answer}")).unwrap_or_default();
                let group = groups::leaf_of(call).map_or("", |group| group.name);
                plain.entry(group).or_default().push(format!("    - {call}{answer}{remark}"));
            }
            (Some(when), answer) => {
                if let Some(names) = named(call, when) {
                    more.push(format!("    # {names}"));
                }
                match answer {
                    None => more.push(format!("    - {call}({when}){remark}")),
                    Some(answer) => more.extend([
                        format!("    - call: {call}{remark}"),
                        format!("      when: {when}"),
                        format!("      action: {answer}"),
                    ]),
                }
            }
        }
    }
    for (group, names) in plain {
        lines.push(format!("    # {group}"));
        lines.extend(names);
    }
    if !more.is_empty() {
        lines.push("    # by their arguments, and what goes with that".to_owned());
        lines.extend(more);
    }
    Ok(())
}

/// A text as one line of a comment: nothing in it ends the comment.
fn one_line(text: &str) -> String {
    let printable =
        |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') { ' ' } else { c };
    text.chars().map(printable).collect::<String>().trim().to_owned()
}

/// A text as a YAML value: plain where that cannot be misread.
fn scalar(text: &str) -> String {
    let mut characters = text.chars();
    let word = characters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    let reads_as_something_else =
        ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(&text.to_lowercase().as_str());
    if word && !reads_as_something_else {
        return text.to_owned();
    }
    // JSON's strings are YAML's.
    serde_json::Value::from(one_line(text)).to_string()
}
