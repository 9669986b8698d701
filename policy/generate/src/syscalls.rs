//! `generated/syscalls.rs`: names, numbers, and the kernel that brought a call.

use crate::error::Error;
use crate::pool::{Pool, wrapped};
use crate::table::{self, ARCHES};
use crate::tsv;
use std::collections::BTreeMap;

/// Numbers by name, in the order of the architectures.
pub(crate) type Numbers = BTreeMap<String, [Option<u64>; ARCHES.len()]>;

/// Reads `syscall-numbers.tsv`.
pub(crate) fn numbers() -> Result<Numbers, Error> {
    let mut found = Numbers::new();
    for row in tsv::data("syscall-numbers.tsv")? {
        let mut numbers = [None; ARCHES.len()];
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = table::cell(row.cell(index + 1)?).map_err(|problem| row.wrong(problem))?;
        }
        found.insert(row.cell(0)?.to_owned(), numbers);
    }
    Ok(found)
}

/// The file.
pub(crate) fn file(numbers: &Numbers) -> Result<String, Error> {
    let names = Pool::new(numbers.keys().cloned())?;
    let mut text =
        String::from("//! Numbers of system calls. Written by stockade-generate; do not edit.\n\n");
    text += "use crate::vocab::pool::Pool;\n\n";
    text += &names.definition("NAMES", "Every name of every architecture.");
    text += &format!(
        "\n/// Numbers by position of the name and architecture; `u32::MAX` where there is none.\n\
         pub(in crate::vocab) static NUMBERS: [[u32; {}]; {}] = [\n",
        ARCHES.len(),
        numbers.len()
    );
    for row in numbers.values() {
        let cells = row.map(|cell| cell.map_or_else(|| "u32::MAX".to_owned(), |number| number.to_string()));
        text += &format!("    [{}],\n", cells.join(", "));
    }
    text += "];\n\n/// Positions of names with the kernel that brought them: major, minor.\n";
    let mut introduced = Vec::new();
    for row in tsv::data("syscall-introduced.tsv")? {
        let (major, minor) = row.cell(1)?.split_once('.').ok_or_else(|| row.wrong("no version"))?;
        let index = names.index(row.cell(0)?).map_err(|error| row.wrong(error.to_string()))?;
        introduced.push(format!("({index}, {major}, {minor})"));
    }
    introduced.sort_by_key(|entry| {
        entry.trim_start_matches('(').split(',').next().and_then(|n| n.parse::<u16>().ok())
    });
    text += &format!(
        "pub(in crate::vocab) static INTRODUCED: [(u16, u16, u16); {}] = [{}];\n",
        introduced.len(),
        wrapped(&introduced)
    );
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::syscalls::{aarch64, arm, x86, x86_64};

    /// Names that the `syscalls` crate spells otherwise, or that its aarch64 has from the 32-bit table.
    fn differs(arch: usize, name: &str) -> bool {
        arch == 3
            && (name == "fstatat" || name.ends_with("time64") || name.ends_with("gettime64") || {
                matches!(
                    name,
                    "clock_adjtime64" | "clock_settime64" | "timer_settime64" | "timerfd_settime64"
                )
            })
    }

    #[test]
    fn the_syscalls_crate_agrees() {
        let numbers = numbers().unwrap();
        let theirs: [(usize, Vec<(&str, i32)>); 4] = [
            (0, x86_64::Sysno::iter().map(|call| (call.name(), call.id())).collect()),
            (1, x86::Sysno::iter().map(|call| (call.name(), call.id())).collect()),
            (3, aarch64::Sysno::iter().map(|call| (call.name(), call.id())).collect()),
            (4, arm::Sysno::iter().map(|call| (call.name(), call.id())).collect()),
        ];
        for (arch, calls) in theirs {
            assert!(calls.len() > 300);
            for (name, number) in calls.into_iter().filter(|(name, _)| !differs(arch, name)) {
                let name = name.trim_start_matches("r#");
                let ours = numbers.get(name).and_then(|row| row[arch]);
                assert_eq!(ours, u64::try_from(number).ok(), "{name} on {}", ARCHES[arch]);
            }
        }
    }
}
