//! JSON text, edited where it stands: what is not named keeps every byte.

use super::EditError;
use serde_json::Value;
use std::ops::Range;

/// A member of an object, by its place in the text.
struct Member {
    key: String,
    /// From the key's first quote to the value's end.
    whole: Range<usize>,
    value: Range<usize>,
}

/// An object, by its place in the text.
struct Object {
    /// Behind the opening brace.
    start: usize,
    /// At the closing brace.
    end: usize,
    members: Vec<Member>,
}

/// The innermost object on a way, where the value at its end is, and the keys that are missing.
type Walk<'p> = (Object, Option<Range<usize>>, &'p [&'p str]);

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Value, EditError> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        let why = message.rsplit_once(" at line ").map_or(message.as_str(), |(why, _)| why);
        EditError::Syntax {
            line: error.line().max(1),
            column: error.column().max(1),
            why: format!("this is no JSON: {why}"),
        }
    })
}

/// The text with `value` at `path`; objects on the way are made where there are none. The text is JSON, and
/// what stands on the way are objects.
pub(super) fn set(text: &str, path: &[&str], value: &Value) -> Result<String, EditError> {
    let (object, found, rest) = walk(text, path)?;
    let mut edited = text.to_owned();
    match found {
        Some(range) => {
            let indent = indentation(text, range.start);
            edited.replace_range(range, &pretty(value, &indent, unit(text)));
        }
        None => {
            let Some((key, below)) = rest.split_first() else { return Ok(edited) };
            let nested =
                |value: Value, key: &&str| Value::Object([((*key).to_owned(), value)].into_iter().collect());
            let value = below.iter().rev().fold(value.clone(), nested);
            insert(&mut edited, &object, key, &value);
        }
    }
    Ok(edited)
}

/// The text without what stands at `path`; the same where nothing does.
pub(super) fn remove(text: &str, path: &[&str]) -> Result<String, EditError> {
    let (object, found, _) = walk(text, path)?;
    let Some(at) = found.and_then(|range| object.members.iter().position(|member| member.value == range))
    else {
        return Ok(text.to_owned());
    };
    // With the comma before it; the first one with the comma behind it.
    let gone = match (at.checked_sub(1).map(|before| &object.members[before]), object.members.get(at + 1)) {
        (Some(before), _) => before.whole.end..object.members[at].whole.end,
        (None, Some(next)) => object.members[at].whole.start..next.whole.start,
        (None, None) => object.start..object.end,
    };
    let mut edited = text.to_owned();
    edited.replace_range(gone, "");
    Ok(edited)
}

/// The way to `path`.
fn walk<'p>(text: &str, path: &'p [&'p str]) -> Result<Walk<'p>, EditError> {
    let mut object = object(text, blank(text, 0));
    let mut rest = path;
    while let Some((key, below)) = rest.split_first() {
        let mut named = object.members.iter().filter(|member| member.key == *key);
        let Some(member) = named.next() else { return Ok((object, None, rest)) };
        if named.next().is_some() {
            return Err(EditError::Twice { key: (*key).to_owned() });
        }
        let value = member.value.clone();
        if below.is_empty() {
            return Ok((object, Some(value), below));
        }
        object = self::object(text, value.start);
        rest = below;
    }
    Ok((object, None, rest))
}

fn insert(text: &mut String, object: &Object, key: &str, value: &Value) {
    let key = Value::from(key).to_string();
    match object.members.last() {
        Some(last) => {
            let first = object.members.first().map_or(object.start, |first| first.whole.start);
            let between = text[object.start..first].to_owned();
            let on_lines = between.contains('\n');
            let before =
                if on_lines { between.rsplit_once('\n').map_or("", |(_, indent)| indent) } else { "" };
            let separator = if on_lines { format!(",\n{before}") } else { ", ".to_owned() };
            let value = if on_lines { pretty(value, before, unit(text)) } else { value.to_string() };
            text.insert_str(last.whole.end, &format!("{separator}{key}: {value}"));
        }
        None => {
            let outer = indentation(text, object.start);
            let inner = format!("{outer}{}", unit(text));
            let value = pretty(value, &inner, unit(text));
            text.replace_range(object.start..object.end, &format!("\n{inner}{key}: {value}\n{outer}"));
        }
    }
}

/// White space at the beginning of the line that `at` lies in.
fn indentation(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..].chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// One level of indentation, as the text's first indented line has it.
fn unit(text: &str) -> &str {
    let indents = text.lines().map(|line| &line[..line.len() - line.trim_start().len()]);
    indents.into_iter().find(|indent| !indent.is_empty()).unwrap_or("    ")
}

/// A value over several lines, at `indent`.
fn pretty(value: &Value, indent: &str, unit: &str) -> String {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            let inner = format!("{indent}{unit}");
            let lines: Vec<String> = entries
                .iter()
                .map(|(key, value)| {
                    format!("{inner}{}: {}", Value::from(key.as_str()), pretty(value, &inner, unit))
                })
                .collect();
            format!("{{\n{}\n{indent}}}", lines.join(",\n"))
        }
        other => other.to_string(),
    }
}

/// The object whose brace stands at `at`.
fn object(text: &str, at: usize) -> Object {
    let start = at + 1;
    let mut object = Object { start, end: start, members: Vec::new() };
    let mut next = blank(text, start);
    while text[next..].starts_with('"') {
        let key_end = string(text, next);
        let key = serde_json::from_str(&text[next..key_end]).unwrap_or_default();
        let value_start = blank(text, blank(text, key_end) + 1);
        let value_end = value(text, value_start);
        object.members.push(Member { key, whole: next..value_end, value: value_start..value_end });
        let comma = blank(text, value_end);
        next = if text[comma..].starts_with(',') { blank(text, comma + 1) } else { comma };
    }
    object.end = next;
    object
}

/// Behind white space.
fn blank(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    at + (rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len())
}

/// Behind the string that begins at `at`.
fn string(text: &str, at: usize) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(at + 1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Behind the value that begins at `at`.
fn value(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut next) = (0usize, at);
    while let Some(byte) = bytes.get(next) {
        match byte {
            b'"' => {
                next = string(text, next);
                if depth == 0 {
                    return next;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return next,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return next + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return next,
            _ => {}
        }
        next += 1;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_set_and_removed_leaves_every_byte() {
        for text in [
            "{\n  \"a\": {\"b\": [1, {\"c\": \"}\\\"\"}]},\n  \"d\":   2\n}\n",
            "{\"a\":1}",
            "{ \"runtimes\" : { \"x\": {} } , \"z\": null }",
            "{\n\t\"runtimes\": {\n\t\t\"x\": {\"path\": \"/x\"}\n\t}\n}",
        ] {
            let value = json!({"path": "/y"});
            let edited = set(text, &["runtimes", "y"], &value).unwrap();
            let mut expected = parse(text).unwrap();
            expected["runtimes"]["y"] = value;
            assert_eq!(parse(&edited).unwrap(), expected, "{edited}");
            let path: &[&str] = if text.contains("runtimes") { &["runtimes", "y"] } else { &["runtimes"] };
            assert_eq!(remove(&edited, path).unwrap(), text, "{edited}");
        }
    }

    #[test]
    fn the_first_and_the_only_member_can_go() {
        assert_eq!(remove("{\"a\": 1, \"b\": 2}", &["a"]).unwrap(), "{\"b\": 2}");
        assert_eq!(remove("{ \"a\": 1 }", &["a"]).unwrap(), "{}");
        assert_eq!(remove("{\"a\": {\"b\": 1}}", &["a", "c"]).unwrap(), "{\"a\": {\"b\": 1}}");
        assert_eq!(set("{\"a\": 1}", &["a"], &json!("x")).unwrap(), "{\"a\": \"x\"}");
        assert!(matches!(set("{\"a\": 1, \"a\": 2}", &["a"], &json!(1)), Err(EditError::Twice { .. })));
    }
}
