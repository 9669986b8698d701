//! What the kernel keeps of a filter: a bitmap of the numbers that it allows whatever the arguments, for which
//! it never runs the filter again. 5.11; `seccomp_is_const_allow`, `seccomp_cache_prepare`, kernel/seccomp.c.

use super::bpf;
use crate::lattice::action::Action;
use crate::lattice::syscalls::Syscalls;
use crate::plan::Instruction;
use crate::vocab::{Arch, syscalls as names};
use serde::Serialize;

/// `SECCOMP_RET_ALLOW`; the kernel caches no return value with data.
const ALLOW: u32 = 0x7fff_0000;

/// What the kernel's emulation makes of one number: whether it ends in `SECCOMP_RET_ALLOW` with nothing but
/// `nr` and `arch` looked at, by the few instructions that the kernel emulates.
pub fn is_constant_allow(program: &[Instruction], audit: u32, number: u32) -> bool {
    let mut value = 0;
    let mut at = 0;
    // Jumps only go forward, so this ends.
    while let Some(Instruction(code, yes, no, k)) = program.get(at).copied() {
        let branch = |holds| usize::from(if holds { yes } else { no });
        at += 1;
        at += match code {
            bpf::LOAD if k == bpf::NUMBER => {
                value = number;
                0
            }
            bpf::LOAD if k == bpf::ARCH => {
                value = audit;
                0
            }
            bpf::RETURN => return k == ALLOW,
            bpf::JUMP => usize::try_from(k).unwrap_or(usize::MAX - at),
            bpf::JUMP_EQUAL => branch(value == k),
            bpf::JUMP_GREATER_OR_EQUAL => branch(value >= k),
            bpf::JUMP_GREATER => branch(value > k),
            bpf::JUMP_SET => branch(value & k != 0),
            bpf::AND => {
                value &= k;
                0
            }
            _ => return false,
        };
    }
    false
}

/// How much of what a policy allows without condition the kernel will have in the bitmap of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bitmap {
    /// The interface.
    pub interface: Arch,
    /// Numbers that the policy allows whatever the arguments, of those that the bitmap has room for.
    pub allowed: usize,
    /// Those of them for which the kernel will run the filter nevertheless.
    pub missed: Vec<Missed>,
}

/// A number for which the filter runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missed {
    /// The number.
    pub number: u32,
    /// Its name, where it has one.
    pub name: Option<&'static str>,
}

/// What the kernel caches of these stacked filters, beside what `syscalls` allows: a number counts where
/// every filter allows it. The bitmaps are those of Linux 6.18, for the native and the compatible
/// interface; numbers with the x32 bit are beyond them.
pub fn bitmaps<P: AsRef<[Instruction]>>(syscalls: &Syscalls, host: Arch, programs: &[P]) -> Vec<Bitmap> {
    let arches = host.family().iter().filter(|arch| **arch != Arch::X32);
    arches.map(|arch| bitmap(syscalls, *arch, programs)).collect()
}

fn bitmap<P: AsRef<[Instruction]>>(syscalls: &Syscalls, arch: Arch, programs: &[P]) -> Bitmap {
    let mut bitmap = Bitmap { interface: arch, allowed: 0, missed: Vec::new() };
    let last = last_number(arch);
    for (first, until, diagram) in syscalls.table(arch).intervals().take_while(|(first, ..)| *first <= last) {
        if diagram.decisions().any(|decision| decision.action != Action::Allow) {
            continue;
        }
        for number in first..=until.min(last) {
            bitmap.allowed += 1;
            let cached = |program: &P| is_constant_allow(program.as_ref(), arch.audit(), number);
            if !programs.iter().all(cached) {
                bitmap.missed.push(Missed { number, name: names::name(arch, number) });
            }
        }
    }
    bitmap
}

/// The last number of an interface's bitmap: `NR_syscalls`, `IA32_NR_syscalls`, `__NR_compat_syscalls`. The
/// private calls of 32-bit ARM are far beyond.
fn last_number(arch: Arch) -> u32 {
    const PRIVATE: u32 = 0x000f_0000;
    let numbers = names::table(arch).iter().map(|(number, _)| *number);
    numbers.filter(|number| *number < PRIVATE).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitmaps_end_where_the_kernels_do() {
        // 6.18: 470 calls in asm/unistd_64.h and unistd_32.h, asm-generic/unistd.h and arm's.
        for arch in [Arch::X86_64, Arch::I386, Arch::Aarch64, Arch::Arm] {
            assert!((469..480).contains(&last_number(arch)), "{arch}: {}", last_number(arch));
        }
    }

    #[test]
    fn only_what_the_kernel_emulates_is_cached() {
        let ret = |k| Instruction(bpf::RETURN, 0, 0, k);
        let before = |instruction| is_constant_allow(&[instruction, ret(ALLOW)], 7, 5);
        assert!(is_constant_allow(&[ret(ALLOW)], 7, 5));
        assert!(!is_constant_allow(&[ret(ALLOW | 1)], 7, 5), "data");
        assert!(!is_constant_allow(&[ret(0x7ffc_0000)], 7, 5), "log");
        assert!(before(Instruction(bpf::LOAD, 0, 0, bpf::ARCH)));
        assert!(before(Instruction(bpf::AND, 0, 0, 1)));
        assert!(!before(Instruction(bpf::LOAD, 0, 0, bpf::ARGUMENTS)));
        assert!(!before(Instruction(0x07, 0, 0, 0)), "tax");
        assert!(!before(Instruction(0x44, 0, 0, 1)), "or");
        assert!(!before(Instruction(0x1d, 0, 0, 0)), "compared with X");
        assert!(!is_constant_allow(&[Instruction(0x16, 0, 0, 0)], 7, 5), "return A");
    }

    #[test]
    fn jumps_are_followed() {
        let decides = |code, k| {
            let program = [
                Instruction(bpf::LOAD, 0, 0, bpf::NUMBER),
                Instruction(bpf::AND, 0, 0, 0xff),
                Instruction(code, 1, 0, k),
                Instruction(bpf::RETURN, 0, 0, 0),
                Instruction(bpf::JUMP, 0, 0, 1),
                Instruction(bpf::RETURN, 0, 0, 0),
                Instruction(bpf::RETURN, 0, 0, ALLOW),
            ];
            is_constant_allow(&program, 7, 0x105)
        };
        // (operation, k, whether it holds of 5)
        let table = [
            (bpf::JUMP_EQUAL, 5, true),
            (bpf::JUMP_EQUAL, 0x105, false),
            (bpf::JUMP_GREATER, 4, true),
            (bpf::JUMP_GREATER, 5, false),
            (bpf::JUMP_GREATER_OR_EQUAL, 5, true),
            (bpf::JUMP_GREATER_OR_EQUAL, 6, false),
            (bpf::JUMP_SET, 4, true),
            (bpf::JUMP_SET, 2, false),
        ];
        for (code, k, holds) in table {
            assert_eq!(decides(code, k), holds, "{code:#x} {k}");
        }
    }
}
