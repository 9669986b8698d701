//! Faults of the YAML itself, explained by what the author of a profile most likely meant.

use super::report::Report;
use crate::diagnostic::Diagnostic;
use granit_parser::{ErrorKind, ScanError};

/// Reports a fault found by the YAML parser.
pub(crate) fn explain(source: &str, error: &ScanError, report: &mut Report) {
    let marker = error.marker();
    let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let origin = report.origin(clamp(marker.line().max(1)), clamp(marker.col().saturating_add(1)));
    let line = source.lines().nth(marker.line().saturating_sub(1)).unwrap_or_default();
    let at: String = line.chars().skip(marker.col()).take(1).collect();

    if at == "@" {
        let name: String =
            line.chars().skip(marker.col()).take_while(|c| !matches!(c, ' ' | ',' | ']' | '}')).collect();
        let diagnostic =
            Diagnostic::error("YAML reserves `@`: quote this").help(format!("write `\"{name}\"`"));
        return report.push(diagnostic, &origin);
    }
    if let Some((start, rule)) = cut_rule(line, marker.col()) {
        let place = report.origin(origin.line, clamp(start.saturating_add(1)));
        let place = report.span(&place, rule.chars().count());
        let diagnostic = Diagnostic::error(
            "YAML cuts this rule: inside `[ ]` and `{ }` plain text ends at `,`, `[`, `]`, `{` and `}`",
        )
        .help(format!("quote this: `\"{}\"`", rule.trim()))
        .help("or write the list with one `- ` line for each entry");
        return report.push_placed(diagnostic.at(place));
    }
    let (message, help) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => ("values nest too deep".to_owned(), Some("at most 16 deep")),
        ErrorKind::DirectiveDisallowed => {
            ("YAML directives (`%NAME`) are not part of the language".to_owned(), None)
        }
        ErrorKind::UnknownAnchor => (
            "YAML aliases (`*name`) are not part of the language".to_owned(),
            Some("write the value out, or quote it if it begins with `*`"),
        ),
        ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
            ("YAML is indented with spaces, not tabs".to_owned(), None)
        }
        ErrorKind::InvalidColonPlacement
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::UnclosedFlowCollection { .. } => (
            format!("this is no YAML: {}", error.info()),
            Some("perhaps a `]` or `}` is missing before, or a `,` between two entries"),
        ),
        _ => (format!("this is no YAML: {}", error.info()), None),
    };
    let diagnostic = Diagnostic::error(message);
    report.push(help.into_iter().fold(diagnostic, Diagnostic::help), &origin);
}

/// The rule with a condition that stands open at column `column` of `line`, with the column at which it
/// begins: a name, `(`, and no `)` before the fault; or the text behind `when:`.
fn cut_rule(line: &str, column: usize) -> Option<(usize, String)> {
    let characters: Vec<char> = line.chars().collect();
    let before = characters.get(..column.min(characters.len()))?;
    let word = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    if let Some(open) = before.iter().rposition(|c| *c == '(') {
        let name = before[..open].iter().rev().take_while(|c| word(c)).count();
        if name > 0 {
            return Some((open - name, through_bracket(&characters[open - name..])));
        }
    }
    let text: String = before.iter().collect();
    let key = text.rfind("when: ")?;
    let start = text[..key].chars().count() + "when: ".len();
    let flow = text[..key].contains(['{', '[']);
    flow.then(|| (start, through_bracket(&characters[start..])))
}

/// The text up to where the brackets it opens are closed again, or its end.
fn through_bracket(characters: &[char]) -> String {
    let mut depth = 0usize;
    let mut text = String::new();
    for c in characters {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        text.push(*c);
        if depth == 0 && *c == ')' {
            break;
        }
    }
    text
}
