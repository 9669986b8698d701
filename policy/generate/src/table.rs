//! What the tables of every architecture have in common.

/// The architectures, in the order of `Arch::ALL` of stockade-policy.
pub(crate) const ARCHES: [&str; 5] = ["x86_64", "i386", "x32", "aarch64", "arm"];

/// Whether registers have 32 bits, by the index in [`ARCHES`].
pub(crate) const NARROW: [bool; 5] = [false, true, false, false, true];

/// A row's cells: `-` where the architecture has none.
pub(crate) fn cells(row: &[Option<u64>; ARCHES.len()]) -> String {
    row.map(|cell| cell.map_or_else(|| "-".to_owned(), |value| value.to_string())).join("\t")
}

/// Reads a row's cell back.
pub(crate) fn cell(text: &str) -> Result<Option<u64>, String> {
    if text == "-" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| format!("`{text}` is neither a number nor `-`"))
}
