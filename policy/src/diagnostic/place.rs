//! A place with the line it stands in.

use crate::origin::Origin;
use serde::Serialize;
use std::sync::Arc;

/// Longest line that is kept with a place, bytes. Longer ones are shown by their number alone: a
/// hostile file of one line would else be copied into every finding.
const LONGEST_LINE: usize = 1000;

/// A place in a text, with enough of the text to show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Where it begins.
    pub origin: Origin,
    /// Characters that it spans on its first line, from 1.
    pub width: u32,
    /// The whole line; `None` where there is none or it is too long to show.
    #[serde(skip)]
    pub line: Option<String>,
}

/// A profile's text by lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// The file as origins name it.
    pub file: Arc<str>,
    /// The whole text.
    text: Arc<str>,
    /// Byte offset at which each line starts.
    starts: Vec<usize>,
}

impl Text {
    /// Splits `text` into lines.
    pub fn new(file: Arc<str>, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Text { file, text: text.into(), starts }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Line `number`, from 1, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |next| next - 1);
        self.text.get(start..end).map(|line| line.strip_suffix('\r').unwrap_or(line))
    }

    /// The place that begins at `origin`, as wide as the value there.
    pub fn place(&self, origin: &Origin) -> Place {
        let line = self.line(origin.line).filter(|line| line.len() <= LONGEST_LINE);
        let width = line.map_or(1, |line| {
            let skip = usize::try_from(origin.column).unwrap_or(usize::MAX).saturating_sub(1);
            extent(line.chars().skip(skip))
        });
        Place { origin: origin.clone(), width, line: line.map(printable) }
    }

    /// The place of `width` characters that begins at `origin`.
    pub fn span(&self, origin: &Origin, width: usize) -> Place {
        Place { width: u32::try_from(width).unwrap_or(u32::MAX).max(1), ..self.place(origin) }
    }
}

impl Text {
    /// The place of the name or number that begins at `origin`.
    pub fn word(&self, origin: &Origin) -> Place {
        let skip = usize::try_from(origin.column).unwrap_or(usize::MAX).saturating_sub(1);
        let word = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let line = self.line(origin.line).unwrap_or_default();
        self.span(origin, line.chars().skip(skip).take_while(word).count())
    }
}

/// A line without characters that a terminal obeys; as many characters as before.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// Characters that the value starting here takes: a quoted one to its closing quote, a plain one to a
/// comment, a `: ` or a separator outside any bracket it opened itself.
fn extent(characters: impl Iterator<Item = char>) -> u32 {
    let (mut width, mut spaces, mut depth) = (0u32, 0u32, 0u32);
    let mut characters = characters.peekable();
    let quote = characters.peek().copied().filter(|c| matches!(c, '"' | '\''));
    let mut previous = None;
    while let Some(c) = characters.next() {
        if let Some(quote) = quote {
            width += 1;
            if c == quote && width > 1 && previous != Some('\\') {
                break;
            }
            previous = Some(c);
            continue;
        }
        let ends_key = c == ':' && characters.peek().is_none_or(|next| next.is_whitespace());
        let separates = depth == 0 && matches!(c, ',' | ']' | '}');
        if separates || (ends_key && depth == 0) || (c == '#' && previous.is_some_and(char::is_whitespace)) {
            break;
        }
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        // Trailing white space is no part of a value.
        if c.is_whitespace() {
            spaces += 1;
        } else {
            width += spaces + 1;
            spaces = 0;
        }
        previous = Some(c);
    }
    width.max(1)
}
