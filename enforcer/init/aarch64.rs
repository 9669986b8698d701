//! Start and system calls of aarch64.

use crate::number;
use core::arch::{asm, global_asm};

// The kernel enters with argc, argv and envp on the stack, which is aligned already.
global_asm!(".globl _start", "_start:", "mov x29, #0", "mov x30, #0", "mov x0, sp", "bl {main}", "brk #1", main = sym crate::start);

/// One system call; the kernel's answer as it is.
///
/// # Safety
///
/// As the call demands.
pub unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    let answer;
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a => answer, in("x1") b, in("x2") c, in("x3") d,
            in("x4") e, in("x5") f, options(nostack));
    }
    answer
}

/// clone(2) with a stack of its own; the new process calls `child(argument)`.
///
/// # Safety
///
/// `top` is the upper end of a stack, aligned to 16, that nothing else uses as long as the child lives.
pub unsafe fn clone(flags: usize, top: usize, pidfd: usize, child: extern "C" fn(usize) -> !, argument: usize) -> isize {
    let answer;
    unsafe {
        asm!("svc #0", "cbnz x0, 2f", "mov x29, #0", "mov x0, x20", "blr x21", "brk #1", "2:",
            in("x8") number::CLONE, inlateout("x0") flags => answer, in("x1") top, in("x2") pidfd,
            in("x3") 0usize, in("x4") 0usize, in("x20") argument, in("x21") child, options(nostack));
    }
    answer
}

/// Ends the process by a signal that it cannot block, where even exit_group(2) is refused.
pub fn trap() -> ! {
    // SAFETY: an instruction that is none.
    unsafe { asm!("udf #0", options(noreturn, nostack)) }
}

/// Offset of `st_mode` in `struct stat`. asm-generic/stat.h.
pub const STAT_MODE: usize = 16;

/// `AUDIT_ARCH_AARCH64`
pub const AUDIT: u32 = 0xc000_00b7;
