//! What a program has to bring along that has no library: the way into the kernel, the way out, and what the
//! compiler calls.

use crate::machine::{self, number};

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

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, length: usize) -> *mut u8 {
    for at in 0..length {
        // SAFETY: the caller owns `length` bytes; volatile, or the loop would become a call of itself.
        unsafe { to.add(at).write_volatile(byte as u8) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
    for at in 0..length {
        // SAFETY: as above, and `length` bytes are readable at `from`.
        unsafe { to.add(at).write_volatile(*from.add(at)) };
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: NUL ends what the caller passes; volatile as above.
    while unsafe { text.add(length).read_volatile() } != 0 {
        length += 1;
    }
    length
}
