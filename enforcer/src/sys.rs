//! The fence around `unsafe`: one kernel interface a file, and behind all of them one trait, so that a
//! test can count every system call of a sequence and let any one of them fail.
#![expect(unsafe_code, reason = "this is the fence: nothing outside of this module may")]

pub(crate) mod btrfs;
pub(crate) mod caps;
pub(crate) mod clone;
mod errno;
pub(crate) mod file;
pub(crate) mod filters;
pub(crate) mod guard;
pub(crate) mod handle;
pub(crate) mod ids;
pub(crate) mod in_root;
pub(crate) mod keyring;
pub(crate) mod landlock;
pub(crate) mod limits;
#[cfg_attr(target_arch = "x86_64", path = "sys/machine/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "sys/machine/aarch64.rs")]
mod machine;
pub(crate) mod memfd;
pub(crate) mod mount;
pub(crate) mod net;
pub(crate) mod pidfd;
pub(crate) mod prctl;
pub(crate) mod probe;
pub(crate) mod process;
pub(crate) mod project;
pub(crate) mod ptrace;
pub(crate) mod quota;
#[cfg(test)]
pub(crate) mod recorder;
pub(crate) mod seals;
pub(crate) mod signal;
pub(crate) mod socket;
pub(crate) mod tty;
pub(crate) mod uuid;

pub use errno::Errno;

use libc::c_long;
use std::ffi::CStr;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the kernel structures here are those of 64-bit interfaces");

/// Whatever takes system calls.
pub(crate) trait Sys {
    /// Makes one system call.
    ///
    /// # Safety
    ///
    /// `args` are what the kernel expects for `number`: every pointer among them is valid for what the
    /// call reads or writes through it, for as long as it does.
    unsafe fn call(&self, number: c_long, args: [usize; 6]) -> Result<usize, Errno>;
}

/// The kernel itself. Not through the C library: its `errno` belongs to a thread, and the child of a launch
/// shares the launcher's.
pub(crate) struct Kernel;

impl Sys for Kernel {
    unsafe fn call(&self, number: c_long, args: [usize; 6]) -> Result<usize, Errno> {
        // SAFETY: the caller vouches for number and arguments.
        let answer = unsafe { machine::call(number, args) };
        // Answers from -4095 to -1 are error numbers, negated. syscall(2)
        match i32::try_from(answer) {
            Ok(negated @ -4095..=-1) => Err(Errno(-negated)),
            _ => Ok(answer.cast_unsigned()),
        }
    }
}

/// An argument of a system call as the register holds it.
pub(crate) trait Word {
    /// The register.
    fn word(self) -> usize;
}

impl Word for i32 {
    fn word(self) -> usize {
        (self as isize).cast_unsigned()
    }
}

impl Word for u32 {
    fn word(self) -> usize {
        self as usize
    }
}

impl Word for u64 {
    #[expect(clippy::cast_possible_truncation, reason = "registers have 64 bits, as asserted above")]
    fn word(self) -> usize {
        self as usize
    }
}

impl Word for usize {
    fn word(self) -> usize {
        self
    }
}

impl Word for &CStr {
    fn word(self) -> usize {
        self.as_ptr() as usize
    }
}

impl<T> Word for *const T {
    fn word(self) -> usize {
        self as usize
    }
}

impl<T> Word for *mut T {
    fn word(self) -> usize {
        self as usize
    }
}

/// Fills up the registers that a call does not use.
fn registers<const N: usize>(given: [usize; N]) -> [usize; 6] {
    let mut all = [0; 6];
    for (to, from) in all.iter_mut().zip(given) {
        *to = from;
    }
    all
}

/// `call!(sys, SYS_x, a, b)`: one system call with arguments of any [`Word`].
macro_rules! call {
    ($sys:expr, $number:ident $(, $arg:expr)* $(,)?) => {
        $sys.call(libc::$number, crate::sys::registers([$(crate::sys::Word::word($arg)),*]))
    };
}
pub(crate) use call;

/// A descriptor or a count that the kernel returned; it fits, or the kernel's answer is nonsense.
fn int(answer: usize) -> Result<i32, Errno> {
    i32::try_from(answer).map_err(|_| Errno::EOVERFLOW)
}
