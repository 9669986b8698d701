//! Memory that becomes code, and what else memory is good for.

use crate::found::{Found, errno::*};
use crate::{call, files, program};

const READ: usize = 1;
const WRITE: usize = 2;
const EXECUTE: usize = 4;
const SHARED: usize = 1;
const PRIVATE_ANONYMOUS: usize = 2 | 0x20;
const PAGE: usize = 4096;

fn map(protection: usize) -> isize {
    call!(MMAP, 0, PAGE, protection, PRIVATE_ANONYMOUS, -1isize, 0)
}

pub(crate) fn writable_code() -> Found {
    map(READ | WRITE | EXECUTE).into()
}

pub(crate) fn turned_code() -> Found {
    let page = map(READ | WRITE);
    if page < 0 {
        return page.into();
    }
    call!(MPROTECT, page, PAGE, READ | EXECUTE).into()
}

/// A file in memory: executable where the kernel lets one choose (MFD_EXEC, 6.3).
fn file(flags: usize) -> isize {
    const CLOEXEC: usize = 1;
    const EXEC: usize = 0x10;
    match call!(MEMFD_CREATE, c"drill".as_ptr(), CLOEXEC | EXEC | flags) {
        refused if -refused == EINVAL => call!(MEMFD_CREATE, c"drill".as_ptr(), CLOEXEC | flags),
        answer => answer,
    }
}

pub(crate) fn file_code() -> Found {
    let file = file(0);
    if file < 0 {
        return file.into();
    }
    call!(FTRUNCATE, file, PAGE);
    call!(MMAP, 0, PAGE, READ | EXECUTE, SHARED, file, 0).into()
}

pub(crate) fn shared_code() -> Found {
    const PRIVATE: usize = 0;
    const REMOVE: usize = 0;
    const EXECUTABLE: usize = 0o100_000;
    let segment = call!(SHMGET, PRIVATE, PAGE, 0o700);
    if segment < 0 {
        return segment.into();
    }
    let answer = call!(SHMAT, segment, 0, EXECUTABLE);
    // Gone with the last process that is attached.
    call!(SHMCTL, segment, REMOVE, 0);
    answer.into()
}

pub(crate) fn execute_memory() -> Found {
    let file = file(0);
    match program::write(file) {
        Err(_) if file < 0 => file.into(),
        Err(answer) => answer.into(),
        Ok(()) => program::execute(file).into(),
    }
}

/// The number of a descriptor behind the path that leads to it.
fn reopened(file: isize) -> isize {
    let mut path = *b"/proc/self/fd/00\0";
    let [.., tens, ones, _] = &mut path;
    *tens += (file / 10 % 10) as u8;
    *ones += (file % 10) as u8;
    if file < 10 {
        path[14] = path[15];
        path[15] = 0;
    }
    call!(OPENAT, files::CWD, &raw const path, files::RDONLY, 0)
}

pub(crate) fn execute_scratch() -> Found {
    let file = files::scratch();
    if file < 0 {
        return file.into();
    }
    if let Err(answer) = program::write(file) {
        return answer.into();
    }
    // A file that is open for writing is busy: through /proc it opens a second time, without a name.
    let again = reopened(file);
    call!(CLOSE, file);
    if again < 0 {
        return again.into();
    }
    program::execute(again).into()
}

const SHOW: usize = 0xffff_ffff;

/// Sets a personality, and finds out whether it is set. It ends with this process.
fn personality(bit: usize) -> Found {
    let answer = call!(PERSONALITY, bit);
    if answer < 0 {
        return answer.into();
    }
    match call!(PERSONALITY, SHOW) {
        shown if shown >= 0 && shown as usize & bit == 0 => Found::Refused(EINVAL as i32),
        _ => Found::Obtained,
    }
}

pub(crate) fn implied_code() -> Found {
    personality(0x40_0000)
}

pub(crate) fn fixed_addresses() -> Found {
    personality(0x4_0000)
}

pub(crate) fn map_zero() -> Found {
    const FIXED: usize = 0x10;
    call!(MMAP, 0, PAGE, READ, PRIVATE_ANONYMOUS | FIXED, -1isize, 0).into()
}

pub(crate) fn fault_handler() -> Found {
    const USER_MODE_ONLY: usize = 1;
    call!(USERFAULTFD, USER_MODE_ONLY).into()
}
