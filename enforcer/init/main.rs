//! Process 1 of a launch: starts the target, which takes on the filter last, then reaps what is orphaned and
//! passes signals on, until the target ends.
//!
//! It is a program of its own, in a sealed file in memory with nothing else in it, so that a target which gets
//! hold of `/proc/1/exe`, or of `/proc/self/exe` of its own interpreter, holds nothing of the host. Its argv
//! and environment are the target's. No library, no allocation, no writable data but the stack.
#![no_std]
#![no_main]

mod bare;
mod block;
mod confine;
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[expect(dead_code, reason = "the parts that the other init needs")]
mod machine;
mod runtime;

/// Numbers of system calls, written by build.rs from the vocabulary.
#[expect(dead_code, reason = "it makes few of all calls")]
mod number {
    include!(concat!(env!("OUT_DIR"), "/numbers.rs"));
}

use bare::{Program, call, exit};
use block::{Block, message};

/// The place of the block in this program's file; the launcher writes it there.
#[unsafe(link_section = ".block")]
#[used]
static BLOCK: [u8; block::CAPACITY] = [0; block::CAPACITY];

/// Tells the launcher and ends; the kernel ends everything inside with it.
fn fail(control: i32, kind: u32, answer: isize) -> ! {
    tell(control, kind, -(answer as i32));
    exit(125)
}

fn tell(control: i32, kind: u32, value: i32) {
    let words = [kind, value as u32];
    const MSG_NOSIGNAL: usize = 0x4000;
    call(number::SENDTO, [control as usize, &raw const words as usize, size_of_val(&words), MSG_NOSIGNAL, 0, 0]);
}

/// What the target's side of the fork needs, and where it says why it failed.
#[repr(C)]
struct Target {
    argv: usize,
    envp: usize,
    /// A `message`, 0 where all went well: shared memory until the exec.
    failed: u32,
    errno: i32,
}

/// Called by the assembly at entry with the stack as the kernel left it.
pub extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the kernel puts argc, argv and a null pointer, envp and a null pointer there.
    let (argv, envp) = unsafe { (stack.add(1), stack.add(2 + *stack)) };
    let block = block();
    const PR_SET_DUMPABLE: usize = 4;
    // Exec made it dumpable; a target of the same user could trace it otherwise.
    let answer = call(number::PRCTL, [PR_SET_DUMPABLE, 0, 0, 0, 0, 0]);
    if answer < 0 {
        fail(block.control, message::CONFINE, answer);
    }
    const F_SETFD: usize = 2;
    const FD_CLOEXEC: usize = 1;
    // It passed the exec of this program, and must not pass that of the target.
    let answer = call(number::FCNTL, [block.control as usize, F_SETFD, FD_CLOEXEC, 0, 0, 0]);
    if answer < 0 {
        fail(block.control, message::CONFINE, answer);
    }
    if block.write_xor_execute != 0 {
        const PR_SET_MDWE: usize = 65;
        const PR_MDWE_REFUSE_EXEC_GAIN: usize = 1;
        // It belongs to memory: before this program there was that of the launcher, behind it is the target's, which
        // inherits it at its exec.
        let answer = call(number::PRCTL, [PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0, 0]);
        if answer < 0 {
            fail(block.control, message::WRITE_XOR_EXECUTE, answer);
        }
    }
    let mut target = Target { argv: argv as usize, envp: envp as usize, failed: 0, errno: 0 };
    let mut stack = core::mem::MaybeUninit::<[u128; 512]>::uninit();
    let top = stack.as_mut_ptr() as usize + size_of_val(&stack);
    let mut pidfd: i32 = -1;
    // CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD: this side sleeps until the other has executed or ended.
    const FLAGS: usize = 0x100 | 0x4000 | 0x1000 | 17;
    // SAFETY: the child has the stack to itself until it executes, and this frame waits for that.
    let pid = unsafe { machine::clone(FLAGS, top, &raw mut pidfd as usize, become_target, &raw mut target as usize) };
    if pid < 0 {
        fail(block.control, message::FORK, pid);
    }
    // SAFETY: plain reads; the other side wrote through a pointer that the compiler has seen escape.
    let (failed, errno) = unsafe { ((&raw const target.failed).read_volatile(), (&raw const target.errno).read_volatile()) };
    if failed != 0 {
        fail(block.control, failed, -(errno as isize));
    }
    announce(block.control, pidfd);
    let all = u64::MAX;
    const CLOEXEC_NONBLOCK: usize = 0o2_004_000;
    let signals = call(number::SIGNALFD4, [usize::MAX, &raw const all as usize, 8, CLOEXEC_NONBLOCK, 0, 0]);
    if signals < 0 {
        fail(block.control, message::CONFINE, signals);
    }
    confine::confine(block.control, signals as i32);
    reap(block.control, signals as i32, pid)
}

/// The head of the block.
fn block() -> &'static Block {
    // SAFETY: the launcher wrote a `Block` at the beginning of this section, which is aligned to a page; the
    // address goes through a register, so that the zeros of the build are not taken for its content.
    unsafe { &*core::hint::black_box((&raw const BLOCK).cast::<Block>()) }
}

/// An address inside the block.
fn inside(offset: u32) -> usize {
    &raw const BLOCK as usize + offset as usize
}

/// The target's side of the fork: it takes on what must come last, and executes.
extern "C" fn become_target(target: usize) -> ! {
    // SAFETY: the address of the `Target` in the frame of `start`, which waits.
    let target = unsafe { &mut *(target as *mut Target) };
    let block = block();
    let mut require = |answer: isize, kind: u32| {
        if answer < 0 {
            target.failed = kind;
            target.errno = -(answer as i32);
            exit(125);
        }
    };
    // A session of its own, apart from this init: it leads it, and signals of its terminal reach it alone.
    require(call(number::SETSID, [0; 6]), message::SESSION);
    if block.terminal != 0 {
        const TIOCSCTTY: usize = 0x540e;
        require(call(number::IOCTL, [0, TIOCSCTTY, 0, 0, 0, 0]), message::SESSION);
    }
    const SIG_SETMASK: usize = 2;
    require(call(number::RT_SIGPROCMASK, [SIG_SETMASK, &raw const block.mask as usize, 0, 8, 0, 0]), message::SESSION);
    if block.filter_length != 0 {
        let program = Program { length: block.filter_length as u16, filter: inside(block.filter_offset) };
        let args = [1, block.filter_flags as usize, &raw const program as usize, 0, 0, 0];
        require(call(number::SECCOMP, args), message::FILTER);
    }
    if block.late_capabilities != 0 {
        let header = [0x2008_0522u32, 0];
        let args = [&raw const header as usize, &raw const block.capabilities as usize, 0, 0, 0, 0];
        require(call(number::CAPSET, args), message::CAPABILITIES);
    }
    const ENOENT: isize = -2;
    const EACCES: isize = -13;
    const ENOTDIR: isize = -20;
    let mut worst = ENOENT;
    let mut path = inside(block.candidates_offset);
    for _ in 0..block.candidates {
        match call(number::EXECVE, [path, target.argv, target.envp, 0, 0, 0]) {
            ENOENT | ENOTDIR if block.candidates > 1 => {}
            EACCES if block.candidates > 1 => worst = EACCES,
            other => {
                worst = other;
                break;
            }
        }
        // SAFETY: the launcher ends every path with NUL, inside the block.
        while unsafe { *(path as *const u8) } != 0 {
            path += 1;
        }
        path += 1;
    }
    target.failed = message::EXEC;
    target.errno = -(worst as i32);
    exit(127)
}

/// Tells the launcher that the target runs, with a descriptor of it: the launcher may signal it where the
/// init, without a capability, may not.
fn announce(control: i32, pidfd: i32) {
    #[repr(C)]
    struct Rights {
        length: usize,
        level: i32,
        kind: i32,
        descriptor: i32,
        padding: i32,
    }
    const SOL_SOCKET: i32 = 1;
    const SCM_RIGHTS: i32 = 1;
    const MSG_NOSIGNAL: usize = 0x4000;
    let words = [message::STARTED, 0];
    let part = [&raw const words as usize, size_of_val(&words)];
    let rights = Rights { length: 20, level: SOL_SOCKET, kind: SCM_RIGHTS, descriptor: pidfd, padding: 0 };
    // struct msghdr: name, its length, parts, how many, control, its length, flags.
    let header = [0, 0, &raw const part as usize, 1, &raw const rights as usize, size_of::<Rights>(), 0];
    let answer = call(number::SENDMSG, [control as usize, &raw const header as usize, MSG_NOSIGNAL, 0, 0, 0]);
    if answer < 0 {
        // The launcher is gone, or does not see what it must: nothing may run on.
        exit(125);
    }
}

/// Reaps, passes signals on, ends with the target or with the launcher.
fn reap(control: i32, signals: i32, target: isize) -> ! {
    const SIGCHLD: u32 = 17;
    const POLLIN: u64 = 1;
    loop {
        // struct pollfd: descriptor, events, returned events. A peer that is gone shows as POLLHUP, unasked.
        let mut interests = [POLLIN << 32 | signals as u32 as u64, control as u32 as u64];
        call(number::PPOLL, [&raw mut interests as usize, 2, 0, 0, 0, 0]);
        if interests[1] >> 48 != 0 {
            exit(125);
        }
        let mut information = [0u32; 32];
        while call(number::READ, [signals as usize, &raw mut information as usize, 128, 0, 0, 0]) == 128 {
            if information[0] == SIGCHLD {
                collect(control, target);
            } else {
                call(number::KILL, [target as usize, information[0] as usize, 0, 0, 0, 0]);
            }
        }
    }
}

/// Reaps all that have ended; ends where the target is among them.
fn collect(control: i32, target: isize) {
    const WNOHANG: usize = 1;
    const ALL: usize = 0x4000_0000; // __WALL
    loop {
        let mut status = 0i32;
        let pid = call(number::WAIT4, [usize::MAX, &raw mut status as usize, WNOHANG | ALL, 0, 0, 0]);
        if pid <= 0 {
            return;
        }
        if pid == target {
            tell(control, message::ENDED, status);
            let signal = status & 0x7f;
            exit(if signal == 0 { status >> 8 & 0xff } else { 128 + signal });
        }
    }
}
