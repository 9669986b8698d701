//! System calls of x86_64 without the C library. syscall(2), clone(2).

use libc::c_long;
use std::arch::asm;

/// One system call; the kernel's answer as it is.
///
/// # Safety
///
/// As the call demands.
pub(crate) unsafe fn call(number: c_long, args: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = args;
    let answer;
    // SAFETY: the kernel changes nothing but the registers named here and what the caller vouches for.
    unsafe {
        asm!("syscall", inlateout("rax") number => answer, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}

/// clone3(2) of a process with a stack of its own, which calls `child(argument)` there.
///
/// # Safety
///
/// `args` points to `size` bytes of a `struct clone_args` with a stack that nothing else uses, aligned to 16.
pub(crate) unsafe fn clone3(
    args: usize,
    size: usize,
    child: extern "C" fn(usize) -> !,
    argument: usize,
) -> isize {
    let answer;
    // SAFETY: the caller's side is a system call like any other; the child's begins on its own stack.
    unsafe {
        asm!("syscall", "test rax, rax", "jnz 2f", "xor ebp, ebp", "mov rdi, r12", "call r13", "ud2", "2:",
            inlateout("rax") libc::SYS_clone3 => answer, in("rdi") args, in("rsi") size,
            in("r12") argument, in("r13") child, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    answer
}
