//! System calls of aarch64 without the C library. syscall(2), clone(2).

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
    // SAFETY: the kernel changes nothing but the register of the answer and what the caller vouches for.
    unsafe {
        asm!("svc #0", in("x8") number, inlateout("x0") a => answer, in("x1") b, in("x2") c, in("x3") d,
            in("x4") e, in("x5") f, options(nostack));
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
        asm!("svc #0", "cbnz x0, 2f", "mov x29, #0", "mov x0, x20", "blr x21", "brk #1", "2:",
            in("x8") libc::SYS_clone3, inlateout("x0") args => answer, in("x1") size, in("x20") argument,
            in("x21") child, options(nostack));
    }
    answer
}
