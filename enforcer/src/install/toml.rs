//! TOML text, edited where it stands.

use super::EditError;
use toml_edit::{DocumentMut, Item, Table, TableLike, TomlError};

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<DocumentMut, EditError> {
    text.parse().map_err(|error: TomlError| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let why = error.message().lines().collect::<Vec<_>>().join(", ");
        EditError::Syntax {
            line: before.matches('\n').count() + 1,
            column,
            why: format!("this is no TOML: {why}"),
        }
    })
}

fn named(path: &[&str]) -> String {
    path.iter()
        .map(|key| if key.contains('.') { format!("\"{key}\"") } else { (*key).to_owned() })
        .collect::<Vec<_>>()
        .join(".")
}

/// The table at `path`, where there is one.
pub(super) fn table<'d>(
    document: &'d DocumentMut,
    path: &[&str],
) -> Result<Option<&'d dyn TableLike>, EditError> {
    let mut found: &dyn TableLike = document.as_table();
    for (depth, key) in path.iter().enumerate() {
        match found.get(key) {
            None => return Ok(None),
            Some(item) => {
                let kind = || EditError::Kind { key: named(&path[..=depth]), expected: "table" };
                found = item.as_table_like().ok_or_else(kind)?;
            }
        }
    }
    Ok(Some(found))
}

/// The table at `path`, which is made where it is not there: only its own header is written then.
pub(super) fn make<'d>(
    document: &'d mut DocumentMut,
    path: &[&str],
) -> Result<&'d mut dyn TableLike, EditError> {
    let mut found: &mut dyn TableLike = document.as_table_mut();
    for (depth, key) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        let item = found.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(!last);
            Item::Table(table)
        });
        let kind = || EditError::Kind { key: named(&path[..=depth]), expected: "table" };
        found = item.as_table_like_mut().ok_or_else(kind)?;
    }
    Ok(found)
}

/// Removes the key at the end of `path`, then every table on the way that is empty and that `before` does not have.
pub(super) fn remove(
    document: &mut DocumentMut,
    path: &[&str],
    before: &DocumentMut,
) -> Result<(), EditError> {
    let Some((key, above)) = path.split_last() else { return Ok(()) };
    if table(document, above)?.is_none() {
        return Ok(());
    }
    let parent = make(document, above)?;
    parent.remove(key);
    let empty = parent.is_empty();
    let was_there = !above.is_empty() && table(before, above).is_ok_and(|table| table.is_some());
    if empty && !was_there && !above.is_empty() {
        return remove(document, above, before);
    }
    Ok(())
}

/// The text at the end of `path`.
pub(super) fn text<'d>(document: &'d DocumentMut, path: &[&str]) -> Result<Option<&'d str>, EditError> {
    let Some((key, above)) = path.split_last() else { return Ok(None) };
    match table(document, above)?.and_then(|table| table.get(key)) {
        None => Ok(None),
        Some(item) => {
            let kind = || EditError::Kind { key: named(path), expected: "text" };
            item.as_str().map(Some).ok_or_else(kind)
        }
    }
}
