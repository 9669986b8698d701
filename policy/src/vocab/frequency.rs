//! How often programs make which call.

use super::Arch;
use super::generated::frequency::FREQUENCIES;
use super::syscalls::number_at;

/// The numbers of an interface that programs were seen to call, each with its share in millionths: the mean of
/// python3, find, git, nginx and redis at work, each counted alike (`policy/data/syscall-mix.json`).
pub(crate) fn of(arch: Arch) -> impl Iterator<Item = (u32, u32)> {
    FREQUENCIES
        .iter()
        .filter_map(move |(name, share)| number_at(arch, usize::from(*name)).map(|number| (number, *share)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocab::syscalls;
    use std::collections::BTreeMap;

    #[test]
    fn shares_are_those_of_the_programs() {
        let shares: BTreeMap<u32, u32> = of(Arch::X86_64).collect();
        let share = |call| shares[&syscalls::number(Arch::X86_64, call).unwrap()];
        assert!((999_000..=1_000_000).contains(&shares.values().sum::<u32>()));
        assert!(share("newfstatat") > share("openat") && share("openat") > share("socket"));
        // Of the older calls not all are there on the newer interface.
        assert!(of(Arch::Aarch64).count() < of(Arch::X86_64).count());
    }
}
