//! Names and numbers of system calls, up to Linux 6.18.

use super::Arch;
use super::generated::syscalls::{INTRODUCED, NAMES, NUMBERS};
use std::sync::LazyLock;

/// Numbers and names of one architecture, by number.
type Table = Vec<(u32, &'static str)>;

static TABLES: LazyLock<[Table; Arch::ALL.len()]> = LazyLock::new(|| Arch::ALL.map(build));

fn build(arch: Arch) -> Table {
    let mut table: Table = (0..NAMES.len())
        .filter_map(|index| number_at(arch, index).map(|number| (number, NAMES.get(index))))
        .collect();
    table.sort_unstable();
    table
}

pub(super) fn number_at(arch: Arch, index: usize) -> Option<u32> {
    let number = NUMBERS[index][column(arch)];
    (number != u32::MAX).then_some(number)
}

/// Where an architecture stands in the generated tables.
pub(super) fn column(arch: Arch) -> usize {
    match arch {
        Arch::X86_64 => 0,
        Arch::I386 => 1,
        Arch::X32 => 2,
        Arch::Aarch64 => 3,
        Arch::Arm => 4,
    }
}

/// The number of a call, if the architecture has it. x32 numbers are without bit 30; 32-bit ARM's private
/// calls (`breakpoint`, `cacheflush`, `set_tls` …) are `0xf0001` and up.
pub fn number(arch: Arch, name: &str) -> Option<u32> {
    NAMES.find(name).and_then(|index| number_at(arch, index))
}

/// The name of a number.
pub fn name(arch: Arch, number: u32) -> Option<&'static str> {
    let table = table(arch);
    table.binary_search_by_key(&number, |(number, _)| *number).ok().map(|index| table[index].1)
}

/// Every call of an architecture, by number.
pub fn table(arch: Arch) -> &'static [(u32, &'static str)] {
    &TABLES[column(arch)]
}

/// Every name of every architecture, sorted.
pub fn all_names() -> impl ExactSizeIterator<Item = &'static str> {
    NAMES.iter()
}

/// Whether any architecture has a call of this name.
pub fn exists(name: &str) -> bool {
    NAMES.find(name).is_some()
}

/// The kernel (major, minor) that brought a call, for those since 4.0 that came to every architecture at
/// once. syscalls(2).
pub fn introduced(name: &str) -> Option<(u16, u16)> {
    let index = u16::try_from(NAMES.find(name)?).ok()?;
    let at = INTRODUCED.binary_search_by_key(&index, |(index, ..)| *index).ok()?;
    let (_, major, minor) = INTRODUCED[at];
    Some((major, minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers() {
        assert_eq!(number(Arch::X86_64, "openat"), Some(257));
        assert_eq!(number(Arch::I386, "openat"), Some(295));
        assert_eq!(number(Arch::Aarch64, "openat"), Some(56));
        assert_eq!(number(Arch::Arm, "openat"), Some(322));
        assert_eq!(number(Arch::X32, "ioctl"), Some(514));
        assert_eq!(number(Arch::X86_64, "ioctl"), Some(16));
        assert_eq!(number(Arch::Arm, "set_tls"), Some(0xf0005));
        assert_eq!(number(Arch::Aarch64, "open"), None);
        assert_eq!(number(Arch::X86_64, "uprobe"), Some(336));
        assert_eq!(number(Arch::X86_64, "no_such_call"), None);
    }

    #[test]
    fn every_number_has_one_name_and_finds_its_way_back() {
        for arch in Arch::ALL {
            let table = table(arch);
            assert!(table.len() > 300, "{arch}");
            assert!(table.windows(2).all(|pair| pair[0].0 < pair[1].0), "{arch} names a number twice");
            for (number, name) in table {
                assert_eq!(super::number(arch, name), Some(*number));
                assert_eq!(super::name(arch, *number), Some(*name));
            }
        }
        assert_eq!(name(Arch::X86_64, 0xffff), None);
    }

    #[test]
    fn names_are_sorted_and_without_doubles() {
        let names: Vec<_> = all_names().collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_kernel_that_brought_a_call() {
        assert_eq!(introduced("clone3"), Some((5, 3)));
        assert_eq!(introduced("file_setattr"), Some((6, 17)));
        assert_eq!(introduced("uprobe"), Some((6, 18)));
        assert_eq!(introduced("read"), None);
    }
}
