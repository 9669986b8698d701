//! Numbers of system calls, from the headers' `__NR_` definitions.

use super::raw_sys::RawSys;
use crate::error::Error;
use crate::table::{self, ARCHES};
use std::collections::BTreeMap;

/// `__X32_SYSCALL_BIT`, asm/unistd.h.
const X32_BIT: u64 = 0x4000_0000;

/// Definitions beside the calls: bases and masks, and a second name of `arm_sync_file_range`.
const NOT_CALLS: [&str; 5] =
    ["BASE", "SYSCALL_BASE", "OABI_SYSCALL_BASE", "SYSCALL_MASK", "sync_file_range2"];

/// Calls newer than the headers of `linux-raw-sys` (6.17), up to 6.18: name, number, architecture
/// index. arch/x86/entry/syscalls/syscall_64.tbl; also in the tracefs of a 6.18 kernel.
const NEWER: [(&str, u64, usize); 1] = [("uprobe", 336, 0)];

/// The table of names and numbers.
pub(super) fn table(raw_sys: &RawSys) -> Result<String, Error> {
    let mut numbers: BTreeMap<String, [Option<u64>; ARCHES.len()]> = BTreeMap::new();
    for arch in 0..ARCHES.len() {
        for (name, value) in raw_sys.integers(arch)? {
            let call = name.strip_prefix("__NR_").or_else(|| name.strip_prefix("__ARM_NR_"));
            if let Some(call) = call.filter(|call| !NOT_CALLS.contains(call)) {
                numbers.entry(call.to_owned()).or_default()[arch] = Some(value & !X32_BIT);
            }
        }
    }
    for (name, number, arch) in NEWER {
        numbers.entry(name.to_owned()).or_default()[arch] = Some(number);
    }
    let mut text = format!(
        "# Numbers of system calls; x32 without its bit 30. Written by --refresh from linux-raw-sys {} (Linux\n\
         # 6.17 headers) and the calls of 6.18.\n# name\t{}\n",
        raw_sys.version,
        ARCHES.join("\t")
    );
    for (name, row) in numbers {
        text += &format!("{name}\t{}\n", table::cells(&row));
    }
    Ok(text)
}
