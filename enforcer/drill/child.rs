//! Each probe in a process of its own, which takes along all that it obtained.

use crate::found::Found;
use crate::report::Report;
use crate::{call, exit};

const SIGCHLD: usize = 17;
const SIGKILL: usize = 9;
/// How often an unfinished probe is looked at, milliseconds, and how many times.
const PAUSE: usize = 5;
const LOOKS: usize = 2000;

/// Starts a process. 0 in it; nothing is shared, so that the same code can go on in both.
pub(crate) fn fork() -> isize {
    call!(CLONE, SIGCHLD, 0, 0, 0, 0)
}

/// Goes on in a child. The process that was here waits for that, and ends as it does.
pub(crate) fn stand_in() {
    let pid = fork();
    if pid > 0 {
        let mut status = 0u32;
        call!(WAIT4, pid, &raw mut status, 0, 0);
        exit(if status & 0x7f == 0 { (status >> 8 & 0xff) as usize } else { 125 });
    }
}

/// Waits for a process to end; its status, `None` where there is no waiting. An unfinished one is killed.
fn status(pid: isize) -> Option<u32> {
    const WNOHANG: usize = 1;
    let mut status = 0u32;
    for _ in 0..LOOKS {
        match call!(WAIT4, pid, &raw mut status, WNOHANG, 0) {
            0 => {}
            ended if ended == pid => return Some(status),
            _ => return None,
        }
        let pause = [0usize, PAUSE * 1_000_000];
        call!(PPOLL, 0, 0, &raw const pause, 0, 0);
    }
    call!(KILL, pid, SIGKILL);
    call!(WAIT4, pid, &raw mut status, 0, 0);
    None
}

/// Tries one probe and puts its line into the report.
pub(crate) fn attempt(name: &str, probe: fn() -> Found, report: &mut Report) {
    let pid = fork();
    if pid == 0 {
        exit(probe().code());
    }
    let name = name.as_bytes();
    if pid < 0 {
        return report.line(name, b"not-started", Some(-pid as u32));
    }
    match status(pid) {
        None => report.line(name, b"unfinished", None),
        Some(status) if status & 0x7f != 0 => report.line(name, b"signal", Some(status & 0x7f)),
        Some(status) => match Found::from_code((status >> 8 & 0xff) as usize) {
            Some(Found::Obtained) => report.line(name, b"open", None),
            Some(Found::Refused(errno)) => report.line(name, b"errno", Some(errno as u32)),
            Some(Found::Own) => report.line(name, b"own", None),
            Some(Found::Masked) => report.line(name, b"masked", None),
            Some(Found::Nothing) => report.line(name, b"nothing", None),
            Some(Found::NotTried) => report.line(name, b"not-tried", None),
            None => report.line(name, b"unfinished", None),
        },
    }
}
