//! The drill: tries one way out of a container after the other, each in a process of its own, and says how it ended.
//!
//! It stops at obtaining the handle: it changes nothing, and what it makes is gone with the process that made it.
//! One static program of system calls, which needs nothing of the image that it runs in.
//!
//! Arguments: the descriptor to write to, letters for what is allowed (`p`, `d`, `m`: the bursts of processes,
//! descriptors, memory; `a`: first go where mounts are its own), and the name of an abstract socket outside.
#![no_std]
#![no_main]

mod bursts;
mod child;
mod files;
mod found;
mod kernel;
#[cfg_attr(target_arch = "x86_64", path = "../init/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "../init/aarch64.rs")]
mod machine;
mod memory;
mod mounts;
mod namespaces;
mod privilege;
mod processes;
mod program;
mod report;
#[path = "../init/runtime.rs"]
mod runtime;
mod sockets;
mod terminals;

/// Numbers of system calls, written by build.rs from the vocabulary.
#[expect(dead_code, reason = "probes make few of all calls")]
mod number {
    include!(concat!(env!("OUT_DIR"), "/numbers.rs"));
}

use core::ffi::CStr;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use found::Found;

/// A probe of the table: its name, and what tries it.
type Probe = (&'static str, fn() -> Found);

macro_rules! probes {
    ($($family:ident { $($name:ident: $tries:literal, $gains:literal; $($gate:literal),+;)* })*) => {
        const FAMILIES: &[&[Probe]] = &[$(&[$((stringify!($name), $family::$name)),*]),*];
    };
}
include!("table.rs");

/// One system call: a number of [`number`], and up to six arguments.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => { $crate::system_call($crate::number::$number, &[$($argument as usize),*]) };
}
pub(crate) use call;

const ENOSYS: isize = 38;

/// One system call. Pointers among the arguments are to what the caller owns; there is nobody else.
fn system_call(number: usize, given: &[usize]) -> isize {
    if number == number::ABSENT {
        return -ENOSYS;
    }
    let mut args = [0; 6];
    for (arg, given) in args.iter_mut().zip(given) {
        *arg = *given;
    }
    // SAFETY: every caller passes what the call's manual page demands.
    unsafe { machine::call(number, args) }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(125)
}

fn exit(code: usize) -> ! {
    loop {
        call!(EXIT_GROUP, code);
    }
}

static LETTERS: AtomicUsize = AtomicUsize::new(0);
static SOCKET: AtomicUsize = AtomicUsize::new(0);

/// An argument, a C string, by the address that `from` holds.
fn argument(from: &AtomicUsize) -> Option<&'static CStr> {
    let address = from.load(Relaxed);
    // SAFETY: the kernel ends every argument with NUL, and they stay where they are.
    (address != 0).then(|| unsafe { CStr::from_ptr(address as *const _) })
}

/// Whether the caller allowed what this letter stands for.
fn allowed(letter: u8) -> bool {
    argument(&LETTERS).is_some_and(|letters| letters.to_bytes().contains(&letter))
}

/// The name of an abstract socket that someone outside listens on.
fn socket_outside() -> Option<&'static [u8]> {
    argument(&SOCKET).map(CStr::to_bytes)
}

/// Called by the assembly at entry with the stack as the kernel left it.
pub extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the kernel puts argc, argv and a null pointer there.
    let (count, argv) = unsafe { (*stack, stack.add(1)) };
    let given = |index: usize| {
        // SAFETY: below argc.
        if index < count { unsafe { *argv.add(index) } } else { 0 }
    };
    let descriptor = AtomicUsize::new(given(1));
    let digits = argument(&descriptor).map_or(&b""[..], CStr::to_bytes);
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        exit(2);
    }
    let descriptor = digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    LETTERS.store(given(2), Relaxed);
    SOCKET.store(given(3), Relaxed);
    if allowed(b'a') {
        apart();
    }
    let mut report = report::Report::new(descriptor);
    report.line(b"stockade-drill", b"1", None);
    for (name, probe) in FAMILIES.iter().flat_map(|family| family.iter()) {
        child::attempt(name, *probe, &mut report);
    }
    report.line(b"end", b"", None);
    report.flush();
    exit(0)
}

/// Goes where nothing that is mounted, no host name and no process 1 is anyone else's. What fails here fails in a
/// probe again.
fn apart() {
    const NEWNS_NEWUTS: usize = 0x2_0000 | 0x400_0000;
    const NEWPID: usize = 0x2000_0000;
    const REC_PRIVATE: usize = 0x4000 | 0x4_0000;
    const NOSUID_NODEV: usize = 2 | 4;
    const NOEXEC: usize = 8;
    let nothing = c"none".as_ptr();
    if call!(UNSHARE, NEWNS_NEWUTS) != 0 || call!(MOUNT, nothing, c"/".as_ptr(), nothing, REC_PRIVATE, 0) != 0
    {
        return;
    }
    // The scratch directory of the probes, instead of the host's.
    call!(MOUNT, nothing, c"/tmp".as_ptr(), c"tmpfs".as_ptr(), NOSUID_NODEV, 0);
    if call!(UNSHARE, NEWPID) != 0 {
        return;
    }
    // This process stays outside, its child is process 1 inside and does nothing else.
    child::stand_in();
    call!(MOUNT, nothing, c"/proc".as_ptr(), c"proc".as_ptr(), NOSUID_NODEV | NOEXEC, 0);
    child::stand_in();
}
