//! Code without a path: files in memory and shared segments, which no rule on paths reaches.
//!
//! What a profile says of execution would hold nothing while a program can write code into a file that lives
//! in memory alone: Landlock and `noexec` mounts look at files with a path (`is_nouser_or_private`,
//! security/landlock/fs.c), and `PR_SET_MDWE` at one mapping at a time, not at two of the same pages.

use super::Resolver;
use crate::condition::{Comparison, Condition, Operator, Width};
use crate::diagnostic::Diagnostic;
use crate::lattice::Lattice;
use crate::lattice::action::Action;
use crate::lattice::diagram::Decision;
use crate::lattice::files::Rights;
use crate::lattice::syscalls::Syscalls;
use crate::origin::Origins;
use crate::policy::Policy;

/// `EACCES`, errno(3): what the kernel itself answers under `vm.memfd_noexec=2`, 6.3.
const EACCES: u16 = 13;
/// `MFD_NOEXEC_SEAL`, linux/memfd.h, 6.3: never executable. An older kernel refuses the flag.
const NOEXEC_SEAL: u64 = 0x8;
/// `SHM_EXEC`, linux/shm.h.
const SHM_EXEC: u64 = 0o100_000;
/// `SHMAT`, linux/ipc.h: the number of shmat in ipc(2), in the low half of its first argument.
const SHMAT: u64 = 21;

/// `argument & mask operator value`, of a flags argument: the kernel reads 32 bits of it.
const fn flags(argument: u8, mask: u64, operator: Operator, value: u64) -> Condition {
    Condition::Compare(Comparison { argument, width: Width::U32, mask, operator, value })
}

impl Resolver<'_> {
    /// Denies what makes code without a path, for as long as the policy says which code may run.
    pub(super) fn anonymous(&mut self, policy: &mut Policy) {
        // What is read only where a rule names `execute`: with all of the tree executable no path is closed.
        let (everywhere, by) = policy.files.tree.decide("/", Rights::EXECUTE);
        let execute = (!everywhere).then(|| by.clone());
        let flag = &policy.process.write_xor_execute;
        let write_xor_execute = flag.value.then(|| flag.origins.clone());
        let rules =
            execute.into_iter().flat_map(unsealed).chain(write_xor_execute.into_iter().flat_map(shared));
        for (call, condition, origins) in rules.collect::<Vec<_>>() {
            let place = origins.first().cloned().unwrap_or_else(|| self.begin.clone());
            let denied = Decision { action: Action::Errno(EACCES), origins };
            let denied = Syscalls::denying(&[(call, condition)], &denied)
                .and_then(|denial| policy.syscalls.meet(&denial));
            match denied {
                Ok(syscalls) => policy.syscalls = syscalls,
                Err(error) => self.fault(&place, Diagnostic::error(error.to_string())),
            }
        }
    }
}

type Rule = (&'static str, Condition, Origins);

/// Files in memory that could be executed: execveat(2) with an empty path, or /proc/self/fd.
fn unsealed(origins: Origins) -> [Rule; 1] {
    [("memfd_create", flags(1, NOEXEC_SEAL, Operator::Equal, 0), origins)]
}

/// Pages that are written through one mapping and executed through another. No flag keeps a file in memory
/// from being mapped as code.
fn shared(origins: Origins) -> [Rule; 3] {
    let attach = Condition::All(vec![
        flags(0, 0xffff, Operator::Equal, SHMAT),
        flags(2, SHM_EXEC, Operator::NotEqual, 0),
    ]);
    [
        ("memfd_create", Condition::always(), origins.clone()),
        ("shmat", flags(2, SHM_EXEC, Operator::NotEqual, 0), origins.clone()),
        ("ipc", attach, origins),
    ]
}
