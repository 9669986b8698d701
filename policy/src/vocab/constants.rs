//! Values of the constants that conditions name as headers do.

use super::Arch;
use super::generated::constants::{NAMES, SPECIAL, VALUES};
use super::syscalls::column;

/// The value of a constant on an architecture; negative ones are sign-extended. `None` where there is no
/// such name, or where its value on that architecture is not known for certain.
///
/// Beside the headers' names there is `NAMESPACE_FLAGS`: every `CLONE_NEW*` but `CLONE_NEWTIME`, whose bit is
/// part of the exit signal of clone(2) and cannot make a namespace there.
pub fn value(arch: Arch, name: &str) -> Option<u64> {
    let index = NAMES.find(name)?;
    let special = u16::try_from(index).ok().and_then(|index| {
        SPECIAL.binary_search_by_key(&index, |(index, _)| *index).ok().map(|at| &SPECIAL[at].1)
    });
    match special {
        Some(values) => values[column(arch)],
        None => Some(VALUES[index]),
    }
}

/// Whether the name is known on any architecture.
pub fn exists(name: &str) -> bool {
    NAMES.find(name).is_some()
}

/// Every name, sorted.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    NAMES.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_between_architectures() {
        assert_eq!(value(Arch::X86_64, "O_DIRECTORY"), Some(0o200_000));
        assert_eq!(value(Arch::Arm, "O_DIRECTORY"), Some(0o40_000));
        assert_eq!(value(Arch::Aarch64, "O_DIRECTORY"), Some(0o40_000));
        assert_eq!(value(Arch::X86_64, "MAP_32BIT"), Some(0x40));
        assert_eq!(value(Arch::Aarch64, "MAP_32BIT"), None);
        assert_eq!(value(Arch::X86_64, "FS_IOC_SETFLAGS"), Some(0x4008_6602));
        for arch in [Arch::I386, Arch::X32, Arch::Arm] {
            assert_eq!(value(arch, "FS_IOC_SETFLAGS"), Some(0x4004_6602));
        }
        assert_eq!(value(Arch::X86_64, "NO_SUCH_CONSTANT"), None);
    }

    #[test]
    fn the_flags_of_namespaces() {
        for arch in Arch::ALL {
            assert_eq!(value(arch, "NAMESPACE_FLAGS"), Some(0x7e02_0000));
        }
    }

    #[test]
    fn negative_ones_are_sign_extended() {
        assert_eq!(value(Arch::I386, "AT_FDCWD"), Some((-100i64).cast_unsigned()));
    }
}
