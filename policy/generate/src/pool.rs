//! Names as one string with offsets: a table of `&str` would be relocated at every start of the binary,
//! which a launcher pays on each launch.

use crate::error::Error;
use std::collections::{BTreeMap, BTreeSet};

/// A sorted set of names with their positions.
pub(crate) struct Pool {
    positions: BTreeMap<String, u16>,
}

impl Pool {
    /// From any names; an error where there are more than an index can tell.
    pub(crate) fn new(names: impl IntoIterator<Item = String>) -> Result<Pool, Error> {
        let names: BTreeSet<String> = names.into_iter().collect();
        let positions = names.into_iter().enumerate().map(|(index, name)| {
            let index = u16::try_from(index).map_err(|_| Error::Tables("too many names".to_owned()))?;
            Ok((name, index))
        });
        Ok(Pool { positions: positions.collect::<Result<_, Error>>()? })
    }

    /// The position of a name, an error naming it where there is none.
    pub(crate) fn index(&self, name: &str) -> Result<u16, Error> {
        let found = self.positions.get(name).copied();
        found.ok_or_else(|| Error::Tables(format!("`{name}` is no name of the table")))
    }

    /// The names in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.positions.keys().map(String::as_str)
    }

    /// The Rust definition, as a static of this name.
    pub(crate) fn definition(&self, name: &str, about: &str) -> String {
        let mut text =
            format!("/// {about}\npub(in crate::vocab) static {name}: Pool = Pool {{\n    text: \"\\\n");
        let mut line = String::new();
        let mut starts = vec![0];
        for one in self.names() {
            if line.len() + one.len() > 100 {
                text += &format!("{line}\\\n");
                line.clear();
            }
            line += one;
            starts.push(starts.last().copied().unwrap_or(0) + one.len());
        }
        text += &format!("{line}\",\n    starts: &[{}],\n}};\n", wrapped(&starts));
        text
    }
}

/// A list of numbers over several lines.
pub(crate) fn wrapped<T: ToString>(items: &[T]) -> String {
    let mut text = String::from("\n");
    for row in items.chunks(16) {
        let row: Vec<String> = row.iter().map(ToString::to_string).collect();
        text += &format!("        {},\n", row.join(", "));
    }
    text + "    "
}
