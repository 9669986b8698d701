//! What is put before the command of an engine's container: it takes on what no OCI runtime gives, and becomes
//! the command.
//!
//! It runs as the container's own user with the container's own view, from a read-only file that is both program
//! and plan. Nothing comes from its arguments but the command, nothing from its environment but `PATH`. Whatever
//! fails ends it, so that the command never runs weaker. No library, no allocation, no writable data but the stack.
//!
//! Every system call here stands in policy/src/seccomp/outer.rs, with a test that holds the two together.
#![no_std]
#![no_main]

#[path = "../bare.rs"]
mod bare;
mod block;
mod landlock;
mod look_up;
#[cfg_attr(target_arch = "x86_64", path = "../x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "../aarch64.rs")]
#[expect(dead_code, reason = "the parts that the other init needs")]
mod machine;
mod report;
#[path = "../runtime.rs"]
mod runtime;

/// Numbers of system calls, written by build.rs from the vocabulary.
#[expect(dead_code, reason = "it makes few of all calls")]
mod number {
    include!(concat!(env!("OUT_DIR"), "/numbers.rs"));
}

use bare::{Program, call};
use block::Block;
use core::ffi::CStr;
use look_up::Found;
use report::{Step, fail, refuse};

/// The place of the block in this program's file; the host writes it there.
#[unsafe(link_section = ".block")]
#[used]
static BLOCK: [u8; block::CAPACITY] = [0; block::CAPACITY];

const EPERM: isize = -1;
const ENOENT: isize = -2;
const ENOTDIR: isize = -20;
const EINVAL: isize = -22;

/// Exit codes as shells and engines have them: what is there cannot be executed; nothing is there.
const CANNOT_EXECUTE: i32 = 126;
const NOT_FOUND: i32 = 127;

/// Called by the assembly at entry with the stack as the kernel left it.
pub extern "C" fn start(stack: *const usize) -> ! {
    // SAFETY: the kernel puts argc, argv and a null pointer, envp and a null pointer there. execve gives at least one
    // argument since 5.18; an older kernel's none is met below.
    let (count, argv, envp) = unsafe { (*stack, stack.add(1), stack.add(2 + *stack).cast::<*const u8>()) };
    if count < 2 {
        fail(Step::Command, c"none given", EINVAL);
    }
    // SAFETY: one of `count` strings.
    let command = unsafe { CStr::from_ptr(*argv.add(1) as *const _) };
    let block = block();
    hide();
    confirm_no_new_privileges();
    narrow_umask(block);
    if block.ruleset_size != 0 {
        landlock::restrict(block);
    }
    if block.write_xor_execute != 0 {
        forbid_writable_code();
    }
    // Before the filter, which need not allow looking. What may be executed is decided below, under everything.
    let mut place = look_up::Place::uninit();
    let path = match look_up::find(command, envp, &mut place) {
        Found::At(path) => path,
        Found::InCurrentDirectory => refuse(Step::RelativePath, command, ENOENT, CANNOT_EXECUTE),
        Found::Nowhere => refuse(Step::Exec, command, ENOENT, NOT_FOUND),
    };
    // Last: whoever finds exactly this filter on a process knows that everything before it succeeded.
    if block.filter_length != 0 {
        take_on_filter(block);
    }
    // SAFETY: `argv` ends with a null pointer, and so does what is left of it.
    let arguments = unsafe { argv.add(1) };
    let answer = call(number::EXECVE, [path as usize, arguments as usize, envp as usize, 0, 0, 0]);
    let code = if answer == ENOENT || answer == ENOTDIR { NOT_FOUND } else { CANNOT_EXECUTE };
    refuse(Step::Exec, command, answer, code)
}

/// Exec made it dumpable; what is confined already could trace it otherwise, where it has the same user, and would
/// hold a process without the layers. The exec of the command makes that dumpable again.
fn hide() {
    const PR_SET_DUMPABLE: usize = 4;
    let answer = call(number::PRCTL, [PR_SET_DUMPABLE, 0, 0, 0, 0, 0]);
    if answer < 0 {
        fail(Step::Dumpable, c"", answer);
    }
}

/// The runtime has set it, or is not the one that was asked: without it exec could gain what the layers forbid.
fn confirm_no_new_privileges() {
    const PR_GET_NO_NEW_PRIVS: usize = 39;
    match call(number::PRCTL, [PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0, 0]) {
        1 => {}
        0 => fail(Step::NoNewPrivileges, c"", EPERM),
        answer => fail(Step::NoNewPrivileges, c"", answer),
    }
}

/// A process that is added has the umask of whoever adds it. umask(2) never fails.
fn narrow_umask(block: &Block) {
    const ALL: usize = 0o777;
    let before = call(number::UMASK, [ALL, 0, 0, 0, 0, 0]);
    call(number::UMASK, [before as usize | block.umask as usize, 0, 0, 0, 0, 0]);
}

/// The command inherits it at its exec. 6.3.
fn forbid_writable_code() {
    const PR_SET_MDWE: usize = 65;
    const PR_GET_MDWE: usize = 66;
    const REFUSE_EXEC_GAIN: usize = 1;
    let answer = call(number::PRCTL, [PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0, 0]);
    if answer < 0 {
        fail(Step::WriteXorExecute, c"", answer);
    }
    match call(number::PRCTL, [PR_GET_MDWE, 0, 0, 0, 0, 0]) {
        answer if answer < 0 => fail(Step::WriteXorExecute, c"", answer),
        answer if answer as usize & REFUSE_EXEC_GAIN == 0 => fail(Step::WriteXorExecute, c"", EINVAL),
        _ => {}
    }
}

fn take_on_filter(block: &Block) {
    const SET_MODE_FILTER: usize = 1;
    let program = Program { length: block.filter_length as u16, filter: inside(block.filter_offset as usize) };
    let args = [SET_MODE_FILTER, block.filter_flags as usize, &raw const program as usize, 0, 0, 0];
    match call(number::SECCOMP, args) {
        0 => {}
        answer => fail(Step::Filter, c"", answer),
    }
}

/// The head of the block.
fn block() -> &'static Block {
    // SAFETY: the host wrote a `Block` at the beginning of this section, which is aligned to a page; the address goes
    // through a register, so that the zeros of the build are not taken for its content.
    unsafe { &*core::hint::black_box((&raw const BLOCK).cast::<Block>()) }
}

/// An address inside the block.
fn inside(offset: usize) -> usize {
    core::hint::black_box(&raw const BLOCK as usize) + offset
}
