//! What a program has to bring along that has no library: the way into the kernel, and the way out.

use crate::{machine, number};

/// `struct sock_fprog`, linux/filter.h.
#[repr(C)]
pub struct Program {
    pub length: u16,
    pub filter: usize,
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(125)
}

/// One system call. Pointers among the arguments are to what the caller owns; there is nobody else.
pub fn call(number: usize, args: [usize; 6]) -> isize {
    // SAFETY: every caller passes what the call's manual page demands.
    unsafe { machine::call(number, args) }
}

/// Ends the process.
pub fn exit(code: i32) -> ! {
    call(number::EXIT_GROUP, [code as usize, 0, 0, 0, 0, 0]);
    // A filter may answer that one too.
    machine::trap()
}
