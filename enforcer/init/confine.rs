//! What the init takes on once the target runs: no capability, no descriptor but two, and a filter of
//! the handful of calls that reaping takes.

use crate::bare::{Program, call};
use crate::fail;
use crate::machine::AUDIT;
use crate::number;

/// One instruction of classic BPF. `struct sock_filter`, linux/filter.h.
#[repr(C)]
struct Instruction {
    code: u16,
    yes: u8,
    no: u8,
    k: u32,
}

/// BPF_LD | BPF_W | BPF_ABS
const LOAD: u16 = 0x20;
/// BPF_JMP | BPF_JEQ | BPF_K
const EQUALS: u16 = 0x15;
/// BPF_RET | BPF_K
const RETURN: u16 = 0x06;
const ALLOW: u32 = 0x7fff_0000;
const KILL_PROCESS: u32 = 0x8000_0000;

const fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, yes: 0, no: 0, k: offset }
}

const fn answer(k: u32) -> Instruction {
    Instruction { code: RETURN, yes: 0, no: 0, k }
}

/// Allows `number`, of which `left` instructions remain before the last one, which allows.
const fn allow(number: usize, left: u8) -> Instruction {
    Instruction { code: EQUALS, yes: left, no: 0, k: number as u32 }
}

// A call that is not here kills the init, and with it everything inside: it has no business elsewhere.
static FILTER: [Instruction; 12] = [
    load(4),
    Instruction { code: EQUALS, yes: 0, no: 8, k: AUDIT },
    load(0),
    allow(number::PPOLL, 7),
    allow(number::READ, 6),
    allow(number::WAIT4, 5),
    allow(number::KILL, 4),
    allow(number::SENDTO, 3),
    allow(number::EXIT_GROUP, 2),
    // ppoll is restarted by this one where the init was frozen or stopped meanwhile.
    allow(number::RESTART_SYSCALL, 1),
    answer(KILL_PROCESS),
    answer(ALLOW),
];

const PR_SET_NO_NEW_PRIVS: usize = 38;
const CLOSE_ALL: usize = u32::MAX as usize;
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Closes every descriptor but `control` and `signals`, lays down all capabilities, takes on the filter.
pub fn confine(control: i32, signals: i32) {
    let (low, high) = if control < signals { (control, signals) } else { (signals, control) };
    let (low, high) = (low as usize, high as usize);
    // What the target was given, and the standard streams, must end when the target closes them.
    if low > 0 {
        check(call(number::CLOSE_RANGE, [0, low - 1, 0, 0, 0, 0]), control);
    }
    if high > low + 1 {
        check(call(number::CLOSE_RANGE, [low + 1, high - 1, 0, 0, 0, 0]), control);
    }
    check(call(number::CLOSE_RANGE, [high + 1, CLOSE_ALL, 0, 0, 0, 0]), control);
    let header = [CAPABILITY_VERSION_3, 0];
    let none = [0u32; 6];
    check(call(number::CAPSET, [&raw const header as usize, &raw const none as usize, 0, 0, 0, 0]), control);
    check(call(number::PRCTL, [PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0]), control);
    let program = Program { length: FILTER.len() as u16, filter: &raw const FILTER as usize };
    check(call(number::SECCOMP, [1, 0, &raw const program as usize, 0, 0, 0]), control);
}

fn check(answer: isize, control: i32) {
    if answer < 0 {
        fail(control, crate::block::message::CONFINE, answer);
    }
}
