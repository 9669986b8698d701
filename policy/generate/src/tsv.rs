//! Tab-separated tables with `#` comments.

use crate::error::Error;
use crate::places;
use std::path::{Path, PathBuf};

/// One row: its cells, and where it stands.
pub(crate) struct Row {
    path: PathBuf,
    line: usize,
    cells: Vec<String>,
}

impl Row {
    /// The cell in `column`, an error where the row is too short.
    pub(crate) fn cell(&self, column: usize) -> Result<&str, Error> {
        self.cells.get(column).map(String::as_str).ok_or_else(|| self.wrong(format!("no column {column}")))
    }

    /// The cell in `column`, empty where the row is too short.
    pub(crate) fn optional(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }

    /// An error that names this row.
    pub(crate) fn wrong(&self, problem: impl Into<String>) -> Error {
        Error::Data { path: self.path.clone(), line: self.line, problem: problem.into() }
    }
}

/// The rows of a table of `policy/data`.
pub(crate) fn data(name: &str) -> Result<Vec<Row>, Error> {
    rows(&places::data(name))
}

fn rows(path: &Path) -> Result<Vec<Row>, Error> {
    let text = places::read(path)?;
    let rows = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    Ok(rows
        .map(|(index, line)| Row {
            path: path.to_owned(),
            line: index + 1,
            cells: line.split('\t').map(|cell| cell.trim().to_owned()).collect(),
        })
        .collect())
}
