//! The table of constants: `linux-raw-sys` for every architecture, Debian's headers for the rest.

use super::headers;
use super::raw_sys::RawSys;
use crate::error::Error;
use crate::table::{self, ARCHES};
use crate::tsv;
use std::collections::BTreeMap;

/// Positions in a row.
const X86_64: usize = 0;
const I386: usize = 1;
const X32: usize = 2;

/// The half of a register that a 32-bit value fills.
const LOW: u64 = 0xffff_ffff;

type Row = ([Option<u64>; ARCHES.len()], &'static str);

/// The table, of the families in `constant-families.tsv`.
pub(super) fn table(raw_sys: &RawSys) -> Result<String, Error> {
    let families: Vec<String> = tsv::data("constant-families.tsv")?
        .iter()
        .map(|row| row.cell(0).map(str::to_owned))
        .collect::<Result<_, _>>()?;
    let wanted = |name: &str| families.iter().any(|family| belongs(family, name));
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for arch in 0..ARCHES.len() {
        let integers = raw_sys.integers(arch)?.into_iter().filter(|(name, _)| wanted(name));
        for (name, value) in integers.chain(raw_sys.errors(arch)?) {
            rows.entry(name).or_insert(([None; ARCHES.len()], "raw-sys")).0[arch] = Some(value);
        }
    }
    // The crate's x32 was made with the sizes of x86_64. Where a size goes into the value nothing is said,
    // unless the headers, compiled for x32, say it.
    for (row, _) in rows.values_mut() {
        if row[X32] == row[X86_64] && row[X86_64] != row[I386] {
            row[X32] = None;
        }
    }
    for (name, values) in headers::constants(&wanted)? {
        let [x86_64, i386, x32] = values.x86;
        match rows.get_mut(&name) {
            None => {
                let arm = if values.everywhere { x86_64 } else { None };
                rows.insert(name, ([x86_64, i386, x32, arm, arm], "headers"));
            }
            Some((row, _)) if row[X86_64] == x86_64 && row[I386] == i386 => row[X32] = x32,
            Some((row, _)) => sign_as_compiled(row, x86_64),
        }
    }
    let mut text = format!(
        "# Constants of kernel headers and of libc. Written by --refresh from linux-raw-sys {} (Linux 6.17 headers,\n\
         # every architecture) and {} (x86; elsewhere where no size goes into the value).\n\
         # One value counts for every architecture.\n# name\tsource\t{}\n",
        raw_sys.version,
        headers::version()?,
        ARCHES.join("\t")
    );
    for (name, (row, source)) in rows {
        let same = row[0].is_some() && row.iter().all(|one| *one == row[0]);
        let cells = if same { table::cells(&row).split('\t').take(1).collect() } else { table::cells(&row) };
        text += &format!("{name}\t{source}\t{cells}\n");
    }
    Ok(text)
}

/// The crate's values have lost whether a 32-bit constant is signed, which decides the upper half of the
/// register; the compiler knows.
fn sign_as_compiled(row: &mut [Option<u64>; ARCHES.len()], compiled: Option<u64>) {
    let (Some(old), Some(new)) = (row[X86_64], compiled) else { return };
    if old & LOW == new & LOW && row.iter().all(|one| *one == Some(old)) {
        *row = [Some(new); ARCHES.len()];
    }
}

/// A family is a prefix (`AF_*`) or one name.
fn belongs(family: &str, name: &str) -> bool {
    family.strip_suffix('*').map_or(name == family, |prefix| name.starts_with(prefix))
}
