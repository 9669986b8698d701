//! More than one's share, where the caller says that a limit stands before the host's own.

use crate::child::fork;
use crate::found::{Found, errno::*};
use crate::{allowed, call, exit, files};

const PROCESSES: usize = 2048;
const DESCRIPTORS: usize = 65_536;
const MEMORY: usize = 1 << 30;

pub(crate) fn process_burst() -> Found {
    const CLOEXEC: usize = 0o2_000_000;
    if !allowed(b'p') {
        return Found::NotTried;
    }
    let mut ends = [0i32; 2];
    let answer = call!(PIPE2, &raw mut ends, CLOEXEC);
    if answer < 0 {
        return answer.into();
    }
    for _ in 0..PROCESSES {
        let pid = fork();
        if pid == 0 {
            // Ends as soon as its parent, however that ends, no longer holds the other side.
            let mut byte = 0u8;
            call!(CLOSE, ends[1]);
            call!(READ, ends[0], &raw mut byte, 1);
            exit(0);
        }
        if pid < 0 {
            return pid.into();
        }
    }
    Found::Obtained
}

pub(crate) fn descriptor_burst() -> Found {
    if !allowed(b'd') {
        return Found::NotTried;
    }
    let first = files::open(c"/", files::PATH);
    if first < 0 {
        return first.into();
    }
    for _ in 0..DESCRIPTORS {
        let copy = call!(DUP, first);
        if copy < 0 {
            return copy.into();
        }
    }
    Found::Obtained
}

pub(crate) fn memory_burst() -> Found {
    const READ_WRITE: usize = 3;
    const PRIVATE_ANONYMOUS_POPULATED: usize = 2 | 0x20 | 0x8000;
    const STEP: usize = 4 << 20;
    if !allowed(b'm') {
        return Found::NotTried;
    }
    for _ in 0..MEMORY / STEP {
        let part = call!(MMAP, 0, STEP, READ_WRITE, PRIVATE_ANONYMOUS_POPULATED, -1isize, 0);
        if part < 0 {
            return part.into();
        }
        // What could not be filled is told by no error of mmap.
        let locked = call!(MADVISE, part, STEP, 23);
        if locked < 0 && -locked != EINVAL {
            return locked.into();
        }
    }
    Found::Obtained
}
