//! Start and system calls of x86_64.

use crate::number;
use core::arch::{asm, global_asm};

// The kernel enters with argc, argv and envp on the stack.
global_asm!(".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {main}", "ud2", main = sym crate::start);

/// One system call; the kernel's answer as it is.
///
/// # Safety
///
/// As the call demands.
pub unsafe fn call(number: usize, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    let answer;
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
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
        asm!("syscall", "test rax, rax", "jnz 2f", "xor ebp, ebp", "mov rdi, r12", "call r13", "ud2", "2:",
            inlateout("rax") number::CLONE => answer, in("rdi") flags, in("rsi") top, in("rdx") pidfd,
            in("r10") 0usize, in("r8") 0usize, in("r12") argument, in("r13") child,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}

/// Ends the process by a signal that it cannot block, where even exit_group(2) is refused.
pub fn trap() -> ! {
    // SAFETY: an instruction that is none.
    unsafe { asm!("ud2", options(noreturn, nostack)) }
}

/// Offset of `st_mode` in `struct stat`. asm/stat.h.
pub const STAT_MODE: usize = 24;

/// `AUDIT_ARCH_X86_64`
pub const AUDIT: u32 = 0xc000_003e;
