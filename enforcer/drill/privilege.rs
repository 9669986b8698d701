//! Ids, capabilities, limits.

use crate::call;
use crate::found::{Found, errno::*};

pub(crate) fn new_privileges() -> Found {
    const GET_NO_NEW_PRIVS: usize = 39;
    match call!(PRCTL, GET_NO_NEW_PRIVS, 0, 0, 0, 0) {
        0 => Found::Obtained,
        1 => Found::Refused(EPERM as i32),
        refused => refused.into(),
    }
}

pub(crate) fn become_root() -> Found {
    call!(SETUID, 0).into()
}

pub(crate) fn become_other() -> Found {
    call!(SETUID, 1234).into()
}

pub(crate) fn take_group() -> Found {
    let root = 0u32;
    call!(SETGROUPS, 1, &raw const root).into()
}

/// `_LINUX_CAPABILITY_VERSION_3`, of this process.
static HEAD: [u32; 2] = [0x2008_0522, 0];

pub(crate) fn raise_capability() -> Found {
    const SYS_ADMIN: u32 = 1 << 21;
    // Effective, permitted, inheritable: low words, then high ones.
    let sets = [SYS_ADMIN, SYS_ADMIN, 0, 0, 0, 0];
    call!(CAPSET, &raw const HEAD, &raw const sets).into()
}

pub(crate) fn secure_bits() -> Found {
    const GET: usize = 27;
    const SET: usize = 28;
    let bits = call!(PRCTL, GET, 0, 0, 0, 0);
    call!(PRCTL, SET, bits.max(0), 0, 0, 0).into()
}

pub(crate) fn raise_limit() -> Found {
    const OPEN_FILES: usize = 7;
    let mut limit = [0u64; 2];
    let answer = call!(PRLIMIT64, 0, OPEN_FILES, 0, &raw mut limit);
    if answer < 0 {
        return answer.into();
    }
    limit[1] += 1;
    call!(PRLIMIT64, 0, OPEN_FILES, &raw const limit, 0).into()
}

pub(crate) fn priority() -> Found {
    call!(SETPRIORITY, 0, 0, -20isize).into()
}

pub(crate) fn real_time() -> Found {
    const FIFO: usize = 1;
    let lowest = 1i32;
    call!(SCHED_SETSCHEDULER, 0, FIFO, &raw const lowest).into()
}
