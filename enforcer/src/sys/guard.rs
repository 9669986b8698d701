//! A process that does one thing when the caller ends, however it ends. fork(2).

use super::{Errno, Kernel, Sys, call, file, process, signal};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Where the guard keeps what it uses: what it waits for, what it writes to, and what tells the caller that it waits.
const WAIT: i32 = 0;
const TO: i32 = 1;
const READY: i32 = 2;

/// Writes what it was told to, into the file that it was given, when this is dropped or the caller dies.
pub(crate) struct Guard {
    pid: i32,
    /// The end that is held until then; the other is the guard's.
    held: Option<io::PipeWriter>,
}

/// Starts a guard that will write `words` to `file`, and waits until it watches. No signal to the caller's process
/// group or terminal reaches it. Takes close_range(2), 5.9.
pub(crate) fn start(file: BorrowedFd<'_>, words: &'static [u8]) -> io::Result<Guard> {
    let (wait, held) = io::pipe()?;
    let (mut watches, ready) = io::pipe()?;
    let given = [wait.as_raw_fd(), file.as_raw_fd(), ready.as_raw_fd()];
    // SAFETY: the child makes system calls only: it allocates nothing and takes no lock that another thread may
    // have held when it was copied.
    let pid = unsafe { libc::fork() };
    let guard = match pid {
        0 => watch(given, words),
        1.. => Guard { pid, held: Some(held) },
        _ => return Err(io::Error::last_os_error()),
    };
    drop(ready);
    // Nothing comes from one that could not begin.
    watches.read_exact(&mut [0])?;
    Ok(guard)
}

/// The guard's life.
fn watch(given: [i32; 3], words: &[u8]) -> ! {
    if prepare(given).is_ok() {
        let mut nothing = [0];
        // Ends when nobody holds the other end any more.
        while !matches!(file::read(&Kernel, WAIT, &mut nothing), Ok(0)) {}
        let _ = file::write(&Kernel, TO, words);
    }
    process::exit(0)
}

fn prepare(given: [i32; 3]) -> Result<(), Errno> {
    signal::set_mask(&Kernel, signal::Mask::MAX)?;
    process::new_session(&Kernel)?;
    // None of the three is among the standard streams: those are open in every program of ours.
    for (from, to) in given.into_iter().zip([WAIT, TO, READY]) {
        file::duplicate_to(&Kernel, from, to)?;
    }
    // SAFETY: takes numbers, and closes descriptors of this process that nothing here uses, among them its copy of
    // the end that the caller holds.
    unsafe { call!(Kernel, SYS_close_range, READY + 1, u32::MAX, 0) }?;
    file::write(&Kernel, READY, b".")?;
    file::close(&Kernel, READY)
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.held.take());
        // SAFETY: waits for one child of ours, and writes nothing.
        while unsafe { libc::waitpid(self.pid, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
        {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::os::fd::AsFd;

    #[test]
    fn it_writes_when_it_is_dropped_and_not_before() {
        let scratch = tempfile::tempdir().expect("scratch");
        let path = scratch.path().join("file");
        let guard = start(File::create(&path).expect("file").as_fd(), b"done").expect("guard");
        assert_eq!(fs::read(&path).expect("read"), b"");
        drop(guard);
        assert_eq!(fs::read(&path).expect("read"), b"done");
    }

    #[test]
    fn it_outlives_a_caller_that_is_killed() {
        let scratch = tempfile::tempdir().expect("scratch");
        let path = scratch.path().join("file");
        let file = File::create(&path).expect("file");
        let (mut ended, end) = io::pipe().expect("pipe");
        // SAFETY: the child starts a guard and is killed; what allocates there does so by glibc's malloc, which
        // fork keeps usable.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            let _guard = start(file.as_fd(), b"done");
            // SAFETY: ends this process at once, with nothing dropped.
            unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
        }
        // The guard's own copy of the end goes when it closes what it does not need.
        drop(end);
        let mut nothing = Vec::new();
        ended.read_to_end(&mut nothing).expect("the child is gone");
        // SAFETY: waits for one child of ours.
        unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
        let start = std::time::Instant::now();
        while fs::read(&path).expect("read") != b"done" {
            assert!(start.elapsed() < std::time::Duration::from_secs(60), "the guard did nothing");
            std::thread::yield_now();
        }
    }
}
