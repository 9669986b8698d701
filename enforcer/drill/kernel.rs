//! Kernel code that is seldom needed, and calls that change the machine. The latter are called with arguments that
//! the kernel refuses right after it has looked at the caller's rights.

use crate::call;
use crate::found::{Found, errno::*};

pub(crate) fn bpf_map() -> Found {
    // union bpf_attr: map_type (array), key_size, value_size, max_entries.
    let attributes = [2u32, 4, 4, 1];
    call!(BPF, 0, &raw const attributes, 16).into()
}

pub(crate) fn bpf_program() -> Found {
    // r0 = 0; exit.
    let code = [0xb7u64, 0x95];
    // union bpf_attr: prog_type (socket filter), insn_cnt, insns, license.
    let attributes = [1u64 | 2 << 32, &raw const code as u64, c"GPL".as_ptr() as u64, 0, 0, 0];
    call!(BPF, 5, &raw const attributes, 48).into()
}

fn counter(pid: isize, cpu: isize) -> Found {
    // struct perf_event_attr: type (software), size (PERF_ATTR_SIZE_VER0), config (the processor's clock).
    let mut attributes = [0u64; 8];
    attributes[0] = 1 | 64 << 32;
    call!(PERF_EVENT_OPEN, &raw const attributes, pid, cpu, -1isize, 8).into()
}

pub(crate) fn performance() -> Found {
    counter(0, -1)
}

pub(crate) fn performance_of_all() -> Found {
    counter(-1, 0)
}

pub(crate) fn ring() -> Found {
    let parameters = [0u64; 15];
    call!(IO_URING_SETUP, 1, &raw const parameters).into()
}

/// `KEY_SPEC_*`
const PROCESS_KEYRING: isize = -2;
const SESSION_KEYRING: isize = -3;

pub(crate) fn session_keys() -> Found {
    call!(KEYCTL, 0, SESSION_KEYRING, 0).into()
}

pub(crate) fn add_key() -> Found {
    // Into the keyring of this process, which ends with it.
    call!(ADD_KEY, c"user".as_ptr(), c"stockade-drill".as_ptr(), c"x".as_ptr(), 1, PROCESS_KEYRING).into()
}

pub(crate) fn request_key() -> Found {
    let answer = call!(REQUEST_KEY, c"user".as_ptr(), c"stockade-drill".as_ptr(), 0, 0);
    Found::reached(answer, &[ENOKEY])
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn x32() -> Found {
    const BIT: usize = 0x4000_0000;
    crate::system_call(BIT | crate::number::GETPID, &[]).into()
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn i386() -> Found {
    const GETPID: isize = 20;
    let answer: isize;
    // SAFETY: getpid touches no memory; the kernel's entry for this interface may clear these registers.
    unsafe {
        core::arch::asm!("int 0x80", inlateout("rax") GETPID => answer, lateout("r8") _, lateout("r9") _,
            lateout("r10") _, lateout("r11") _, options(nostack));
    }
    // The answer has 32 bits.
    (answer as i32 as isize).into()
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn x32() -> Found {
    Found::Nothing
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn i386() -> Found {
    Found::Nothing
}

/// `ENOEXEC`: no module was given.
const NO_MODULE: isize = 8;

pub(crate) fn load_module() -> Found {
    Found::reached(call!(INIT_MODULE, 0, 0, c"".as_ptr()), &[NO_MODULE, EFAULT, EINVAL])
}

pub(crate) fn load_module_file() -> Found {
    Found::reached(call!(FINIT_MODULE, -1isize, c"".as_ptr(), 0), &[EBADF, NO_MODULE])
}

pub(crate) fn remove_module() -> Found {
    const NONBLOCK: usize = 0o4000;
    Found::reached(call!(DELETE_MODULE, c"stockade-drill".as_ptr(), NONBLOCK), &[ENOENT])
}

pub(crate) fn load_kernel() -> Found {
    const NO_SUCH_FLAG: usize = 0x100;
    Found::reached(call!(KEXEC_LOAD, 0, 0, 0, NO_SUCH_FLAG), &[EINVAL])
}

pub(crate) fn restart() -> Found {
    // Without the magic numbers it does nothing.
    Found::reached(call!(REBOOT, 0, 0, 0, 0), &[EINVAL])
}

pub(crate) fn kernel_log() -> Found {
    const SIZE: usize = 10;
    call!(SYSLOG, SIZE, 0, 0).into()
}

pub(crate) fn file_events() -> Found {
    const CONTENT: usize = 4;
    call!(FANOTIFY_INIT, CONTENT, 0).into()
}

pub(crate) fn accounting() -> Found {
    Found::reached(call!(ACCT, c"/".as_ptr()), &[EISDIR, EACCES, ENOENT])
}

pub(crate) fn swap() -> Found {
    Found::reached(call!(SWAPON, c"/proc/stockade-drill".as_ptr(), 0), &[ENOENT])
}

pub(crate) fn set_time() -> Found {
    // A time zone that there is none of, and no time.
    let zone = [10_000i32, 0];
    Found::reached(call!(SETTIMEOFDAY, 0, &raw const zone), &[EINVAL])
}

pub(crate) fn adjust_time() -> Found {
    // struct timex: modes (ADJ_TICK), and a tick of 0, which is none.
    let mut adjustment = [0u64; 26];
    adjustment[0] = 0x4000;
    Found::reached(call!(ADJTIMEX, &raw mut adjustment), &[EINVAL])
}

pub(crate) fn host_name() -> Found {
    Found::reached(call!(SETHOSTNAME, c"".as_ptr(), -1isize), &[EINVAL])
}

pub(crate) fn port_level() -> Found {
    call!(IOPL, 3).into()
}

pub(crate) fn ports() -> Found {
    // The port that firmware writes its progress to; it is not touched.
    call!(IOPERM, 0x80, 1, 1).into()
}

pub(crate) fn descriptor_table() -> Found {
    let table = [0u64; 2];
    call!(MODIFY_LDT, 0, &raw const table, 16).into()
}

pub(crate) fn old_call() -> Found {
    let status = [0u64; 8];
    // Of no device.
    Found::reached(call!(USTAT, 0, &raw const status), &[EINVAL])
}
