//! What a filter answers, as far as the kernel tells answers apart. kernel/seccomp.c.

use crate::lattice::action::Action;
use crate::seccomp::bpf;

/// A return value, cut to what counts, and the instruction that returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Answer {
    /// The action, and its data where the kernel looks at it.
    value: u32,
    /// Which filter of a stack, the oldest first.
    pub(crate) filter: u16,
    /// Its position in that filter.
    pub(crate) instruction: u16,
}

impl Answer {
    /// What a missing answer counts as.
    pub(super) const KILL: Answer = Answer { value: 0, filter: 0, instruction: 0 };
    /// What no filter at all answers.
    pub(super) const ALLOW: Answer =
        Answer { value: bpf::ACTION_FULL & 0x7fff_0000, filter: 0, instruction: 0 };

    /// For the value that an instruction returns.
    pub(super) fn new(value: u32, filter: u16, instruction: u16) -> Self {
        let action = value & bpf::ACTION_FULL;
        let value = match bpf::action(value) {
            // Two unknown actions both kill the process, but rank as their numbers do.
            _ if bpf::return_value(bpf::action(action)) != action => action,
            known => bpf::return_value(known),
        };
        Answer { value, filter, instruction }
    }

    /// What the kernel does.
    pub(crate) fn action(self) -> Action {
        bpf::action(self.value)
    }

    /// What two stacked filters answer, `self` the newer one: the action that ranks lower, of two that rank
    /// alike the newer filter's, data and all (`seccomp_run_filters` begins with the newest filter and
    /// takes another answer only where `ACTION_ONLY` is less).
    pub(super) fn before(self, older: Answer) -> Answer {
        let rank = |answer: Answer| (answer.value & bpf::ACTION_FULL).cast_signed();
        if rank(older) < rank(self) { older } else { self }
    }
}

/// Whether the kernel looks at the data of an action.
pub(super) fn has_data(action: u32) -> bool {
    bpf::action(action) != bpf::action(action | 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_counts_where_the_kernel_looks_at_it() {
        let action = |value| Answer::new(value, 0, 0);
        assert_eq!(action(0x7fff_0000), action(0x7fff_1234));
        assert_eq!(action(0x7fff_0000), Answer::ALLOW);
        assert_eq!(action(0x0005_0fff), action(0x0005_ffff));
        assert_ne!(action(0x0005_0001), action(0x0005_0002));
        assert_ne!(action(0x0003_1000), action(0x0003_1001));
        let data: Vec<bool> =
            [0x8000_0000, 0, 0x0003_0000, 0x0005_0000, 0x7fc0_0000, 0x7ff0_0000, 0x7ffc_0000]
                .map(has_data)
                .to_vec();
        assert_eq!(data, [false, false, true, true, false, true, false]);
    }

    #[test]
    fn stacked_filters_rank_as_in_the_kernel() {
        let [errno_1, errno_2, allow, unknown] =
            [(0x0005_0001, 0), (0x0005_0002, 1), (0x7fff_0000, 1), (0x7ffe_0007, 0)]
                .map(|(value, filter)| Answer::new(value, filter, 0));
        assert_eq!(errno_2.before(errno_1), errno_2);
        assert_eq!(errno_1.before(errno_2), errno_1);
        assert_eq!(allow.before(errno_1), errno_1);
        // It kills, but only where no other filter has a stricter rank.
        assert_eq!(unknown.action(), Action::KillProcess);
        assert_eq!(allow.before(unknown), unknown);
        assert_eq!(unknown.before(errno_2), errno_2);
    }
}
