//! `generated/constants.rs`: the constants that can be named in conditions.

use crate::error::Error;
use crate::pool::{Pool, wrapped};
use crate::table::{self, ARCHES};
use crate::tsv;
use std::collections::BTreeMap;

/// Values by name, in the order of the architectures.
type Values = BTreeMap<String, [Option<u64>; ARCHES.len()]>;

/// Our own names: the union of others. CLONE_NEWTIME is missing on purpose: its bit (0x80) is part of the
/// exit signal of clone(2), where the kernel ignores it.
const COMPOSITES: [(&str, &[&str]); 1] = [(
    "NAMESPACE_FLAGS",
    &[
        "CLONE_NEWNS",
        "CLONE_NEWUTS",
        "CLONE_NEWIPC",
        "CLONE_NEWUSER",
        "CLONE_NEWPID",
        "CLONE_NEWNET",
        "CLONE_NEWCGROUP",
    ],
)];

/// The file.
pub(crate) fn file() -> Result<String, Error> {
    let values = values()?;
    let names = Pool::new(values.keys().cloned())?;
    let mut text =
        String::from("//! Constants of conditions. Written by stockade-generate; do not edit.\n\n");
    text += "use crate::vocab::pool::Pool;\n\n";
    text += &names.definition("NAMES", "Every name.");
    let mut common = Vec::new();
    let mut special = String::new();
    let mut count = 0;
    for (index, row) in values.values().enumerate() {
        let first = row[0].unwrap_or(0);
        common.push(format!("{first:#x}"));
        if row.iter().any(|one| *one != Some(first)) {
            count += 1;
            let cells =
                row.map(|one| one.map_or_else(|| "None".to_owned(), |value| format!("Some({value:#x})")));
            special += &format!("    ({index}, [{}]),\n", cells.join(", "));
        }
    }
    text += &format!(
        "\n/// Values by position of the name, of x86_64 where architectures differ.\n\
         pub(in crate::vocab) static VALUES: [u64; {}] = [{}];\n",
        values.len(),
        wrapped(&common)
    );
    text += &format!(
        "\n/// Positions of names whose value is not the same everywhere, with the values by architecture.\n\
         pub(in crate::vocab) static SPECIAL: [(u16, [Option<u64>; {}]); {count}] = [\n{special}];\n",
        ARCHES.len()
    );
    Ok(text)
}

fn values() -> Result<Values, Error> {
    let mut found = Values::new();
    for row in tsv::data("constants.tsv")? {
        let read = |column| table::cell(row.cell(column)?).map_err(|problem| row.wrong(problem));
        let mut values = [read(2)?; ARCHES.len()];
        if !row.optional(3).is_empty() {
            for (index, value) in values.iter_mut().enumerate() {
                *value = read(index + 2)?;
            }
        }
        found.insert(row.cell(0)?.to_owned(), values);
    }
    for (name, parts) in COMPOSITES {
        let mut values = [Some(0); ARCHES.len()];
        for part in parts {
            let part = found.get(*part).ok_or_else(|| Error::Tables(format!("{name} needs {part}")))?;
            for (value, part) in values.iter_mut().zip(part) {
                *value = value.zip(*part).map(|(value, part)| value | part);
            }
        }
        found.insert(name.to_owned(), values);
    }
    Ok(found)
}
