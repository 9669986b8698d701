//! Parameters by kernel function: the running kernel's own first, then the headers'.

use super::{prototypes, tracefs};
use crate::error::Error;
use std::collections::BTreeMap;

/// Declarations by function, with the source.
pub(super) struct Signatures {
    heading: String,
    /// Function → (source, declarations).
    pub(super) functions: BTreeMap<String, (&'static str, Vec<String>)>,
}

/// Reads both sources.
pub(super) fn collect() -> Result<Signatures, Error> {
    let headers = prototypes::read()?;
    let heading = format!("tracefs of Linux {}, headers of {}", tracefs::release()?, headers.source);
    let mut functions: BTreeMap<_, _> =
        headers.declarations.into_iter().map(|(name, list)| (name, ("header", list))).collect();
    functions.extend(tracefs::declarations()?.into_iter().map(|(name, list)| (name, ("tracefs", list))));
    Ok(Signatures { heading, functions })
}

/// As a table.
pub(super) fn table(signatures: &Signatures) -> String {
    let mut text = format!(
        "# Parameters of the kernel functions behind system calls, as SYSCALL_DEFINE declares them.\n\
         # Written by --refresh from: {}.\n# function\tsource\tdeclarations\n",
        signatures.heading
    );
    for (name, (source, list)) in &signatures.functions {
        text += &format!("{name}\t{source}\t{}\n", list.join(", "));
    }
    text
}
