//! ptrace(2), for one thing: reading the seccomp filters of a thread (`PTRACE_SECCOMP_GET_FILTER`, 4.4).
//!
//! The kernel demands that the reader has CAP_SYS_ADMIN in the initial user namespace and runs under no
//! seccomp itself.

use std::io;
use std::ptr;
use std::time::{Duration, Instant};
use stockade_policy::plan::Instruction;

/// `PTRACE_SECCOMP_GET_FILTER`, linux/ptrace.h.
const PTRACE_SECCOMP_GET_FILTER: libc::c_uint = 0x420c;
/// `PTRACE_SECCOMP_GET_METADATA`, linux/ptrace.h, 4.16.
const PTRACE_SECCOMP_GET_METADATA: libc::c_uint = 0x420d;
/// `BPF_MAXINSNS`, linux/bpf_common.h: instructions of one program.
const MOST_INSTRUCTIONS: usize = 4096;
/// Filters of one thread. `MAX_INSNS_PER_PATH` (32768) counts 4 for each beside its instructions.
const MOST_FILTERS: usize = 8192;
/// How long a thread may take to stop. One that waits for a vforked child or for a device does not stop
/// before that is over.
const PATIENCE: Duration = Duration::from_secs(2);

/// `struct seccomp_metadata`, linux/ptrace.h: of all flags the kernel keeps and shows `SECCOMP_FILTER_FLAG_LOG` alone.
#[repr(C)]
struct Metadata {
    /// Which filter, the oldest is 0.
    filter_off: u64,
    /// `SECCOMP_FILTER_FLAG_*`
    flags: u64,
}

/// The program of one filter.
pub type Program = Vec<Instruction>;

/// Why the filters of a thread could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// No such thread any more.
    #[error("thread {tid} is gone")]
    Gone {
        /// The thread.
        tid: u32,
    },
    /// The kernel did not let us trace it: another tracer (a debugger), or too little privilege.
    #[error("cannot trace thread {tid}: {source}")]
    Attach {
        /// The thread.
        tid: u32,
        /// Why.
        source: io::Error,
    },
    /// It did not stop.
    #[error("thread {tid} did not stop within {} seconds", PATIENCE.as_secs())]
    Busy {
        /// The thread.
        tid: u32,
    },
    /// The kernel did not show a filter.
    #[error("cannot read filter {index} of thread {tid}: {source}")]
    Read {
        /// The thread.
        tid: u32,
        /// From the oldest, from 0.
        index: usize,
        /// EACCES: no CAP_SYS_ADMIN, or the reader is under seccomp; EIO: the kernel has no
        /// CONFIG_CHECKPOINT_RESTORE.
        source: io::Error,
    },
}

/// All filters of a thread, the oldest first. Stops the thread for as long as that takes, and lets it go
/// on as it was.
pub(crate) fn filters(tid: u32) -> Result<Vec<Program>, FilterError> {
    stopping(tid, filters_of_stopped)
}

/// The flags of `filters` filters of a thread that the kernel shows, as [`filters`].
pub(crate) fn shown_flags(tid: u32, filters: usize) -> Result<Vec<u64>, FilterError> {
    stopping(tid, |tid| shown_flags_of_stopped(tid, filters))
}

/// Reads a thread while it stands.
fn stopping<T: Send>(
    tid: u32,
    read: impl FnOnce(u32) -> Result<T, FilterError> + Send,
) -> Result<T, FilterError> {
    // The tracer is a thread, and its end frees what it traces, whatever happened: so it gets one of its
    // own, and no path out of here can leave a stopped container behind.
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name("filters".to_owned());
        match reader.spawn_scoped(scope, || attached(tid, read)) {
            Ok(running) => running.join().unwrap_or_else(|_| {
                Err(FilterError::Attach { tid, source: io::Error::other("the reader panicked") })
            }),
            Err(source) => Err(FilterError::Attach { tid, source }),
        }
    })
}

fn attached<T>(tid: u32, read: impl FnOnce(u32) -> Result<T, FilterError>) -> Result<T, FilterError> {
    let id = tid.cast_signed();
    call(libc::PTRACE_SEIZE, id, 0, ptr::null_mut()).map_err(|source| refused(tid, source))?;
    call(libc::PTRACE_INTERRUPT, id, 0, ptr::null_mut()).map_err(|source| refused(tid, source))?;
    let signal = stopped(tid)?;
    let read = read(tid);
    // A signal that arrived first has been taken from the thread to be reported here: it goes back.
    let done = call(libc::PTRACE_DETACH, id, 0, ptr::without_provenance_mut(signal));
    let read = read?;
    done.map_err(|source| refused(tid, source))?;
    Ok(read)
}

/// Waits until the thread stands; gives the signal that must be handed back to it.
fn stopped(tid: u32) -> Result<usize, FilterError> {
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_micros(20);
    loop {
        let mut status = 0;
        // SAFETY: `status` is ours for the call.
        let found =
            unsafe { libc::waitpid(tid.cast_signed(), &raw mut status, libc::__WALL | libc::WNOHANG) };
        if found < 0 {
            let error = io::Error::last_os_error();
            if error.raw_os_error() == Some(libc::EINTR) {
                continue;
            }
            return Err(refused(tid, error));
        }
        if found > 0 {
            if !libc::WIFSTOPPED(status) {
                return Err(FilterError::Gone { tid });
            }
            // An event stop (our interrupt, or a group stop) carries its event above the signal.
            let signal = if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 };
            return Ok(usize::try_from(signal).unwrap_or(0));
        }
        if Instant::now() >= deadline {
            return Err(FilterError::Busy { tid });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// All filters of a thread that stands stopped under the calling thread's own trace, the oldest first.
pub(crate) fn filters_of_stopped(tid: u32) -> Result<Vec<Program>, FilterError> {
    let none = libc::sock_filter { code: 0, jt: 0, jf: 0, k: 0 };
    let mut buffer = vec![none; MOST_INSTRUCTIONS];
    let mut programs = Vec::new();
    for index in 0..MOST_FILTERS {
        // The kernel counts from the oldest (`get_nth_filter`, kernel/seccomp.c), and writes at most
        // MOST_INSTRUCTIONS, which no program exceeds.
        match call(PTRACE_SECCOMP_GET_FILTER, tid.cast_signed(), index, buffer.as_mut_ptr().cast()) {
            Ok(length) => {
                let read = buffer.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
                programs.push(read.iter().map(|one| Instruction(one.code, one.jt, one.jf, one.k)).collect());
            }
            // No filter of this number; EINVAL where the thread has no filters at all.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(programs),
            Err(error) if index == 0 && error.raw_os_error() == Some(libc::EINVAL) => return Ok(programs),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return Err(FilterError::Gone { tid }),
            Err(source) => return Err(FilterError::Read { tid, index, source }),
        }
    }
    Ok(programs)
}

/// As [`shown_flags`], of a thread that stands stopped under the calling thread's own trace.
pub(crate) fn shown_flags_of_stopped(tid: u32, filters: usize) -> Result<Vec<u64>, FilterError> {
    let one = |index: usize| {
        let mut metadata = Metadata { filter_off: u64::try_from(index).unwrap_or(u64::MAX), flags: 0 };
        let (size, data) = (size_of::<Metadata>(), (&raw mut metadata).cast());
        match call(PTRACE_SECCOMP_GET_METADATA, tid.cast_signed(), size, data) {
            Ok(_) => Ok(metadata.flags),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(FilterError::Gone { tid }),
            Err(source) => Err(FilterError::Read { tid, index, source }),
        }
    };
    (0..filters).map(one).collect()
}

fn refused(tid: u32, source: io::Error) -> FilterError {
    match source.raw_os_error() {
        Some(libc::ESRCH | libc::ECHILD) => FilterError::Gone { tid },
        _ => FilterError::Attach { tid, source },
    }
}

fn call(request: libc::c_uint, id: i32, address: usize, data: *mut libc::c_void) -> io::Result<i64> {
    // SAFETY: the requests above take no pointer, but for PTRACE_SECCOMP_GET_FILTER, whose `data` is a
    // buffer of MOST_INSTRUCTIONS instructions, and PTRACE_SECCOMP_GET_METADATA, whose `data` is as large as
    // `address` says; both live over the call.
    let result = unsafe { libc::ptrace(request, id, address, data) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Starts `command` under these filters, the first one installed first.
#[cfg(test)]
pub(crate) fn spawn_under(command: std::process::Command, programs: Vec<Program>) -> std::process::Child {
    spawn_with(command, programs, 0)
}

/// As [`spawn_under`], each with these `SECCOMP_FILTER_FLAG_*`.
#[cfg(test)]
pub(crate) fn spawn_with(
    mut command: std::process::Command,
    programs: Vec<Program>,
    flags: u32,
) -> std::process::Child {
    use std::os::unix::process::CommandExt;
    /// `SECCOMP_SET_MODE_FILTER`, linux/seccomp.h.
    const SET_MODE_FILTER: libc::c_uint = 1;
    let install = move || {
        for program in &programs {
            let code: Vec<_> = program
                .iter()
                .map(|one| libc::sock_filter { code: one.0, jt: one.1, jf: one.2, k: one.3 })
                .collect();
            let length = u16::try_from(code.len()).map_err(io::Error::other)?;
            let filter = libc::sock_fprog { len: length, filter: code.as_ptr().cast_mut() };
            // SAFETY: `filter` points to `code`, which lives over the calls.
            let done = unsafe {
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
                    && libc::syscall(libc::SYS_seccomp, SET_MODE_FILTER, flags, &raw const filter) == 0
            };
            if !done {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: runs in the forked child; malloc is made usable there by glibc.
    unsafe { command.pre_exec(install) };
    command.spawn().expect("spawn")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    /// `personality` is answered with `errno`, everything else allowed.
    fn program(errno: u32) -> Program {
        let number = u32::try_from(libc::SYS_personality).expect("number");
        vec![
            Instruction(0x20, 0, 0, 0),
            Instruction(0x15, 0, 1, number),
            Instruction(0x06, 0, 0, 0x0005_0000 | errno),
            Instruction(0x06, 0, 0, 0x7fff_0000),
        ]
    }

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("1000").stdin(Stdio::null());
        command
    }

    #[test]
    fn filters_come_back_byte_for_byte_oldest_first_and_the_thread_goes_on() {
        let programs = vec![program(1), program(2), program(38)];
        let mut child = spawn_under(sleeper(), programs.clone());
        let read = filters(child.id());
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("stat");
        // Not stopped (T, t), and not traced.
        while !state().contains(") S ") {
            std::thread::yield_now();
        }
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("status");
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(status.contains("TracerPid:\t0\n"), "{status}");
        match read {
            Ok(read) => assert_eq!(read, programs),
            Err(FilterError::Read { source, .. }) => {
                println!("SKIP filters: this kernel shows no filters: {source}")
            }
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_kernel_shows_which_filters_log() {
        assert_eq!(size_of::<Metadata>(), 16);
        for flags in [0, 1 << 1] {
            let mut child = spawn_with(sleeper(), vec![program(1), program(2)], flags);
            let shown = shown_flags(child.id(), 2);
            child.kill().expect("kill");
            child.wait().expect("wait");
            match shown {
                Ok(shown) => assert_eq!(shown, [u64::from(flags); 2]),
                Err(FilterError::Read { source, .. }) => {
                    println!("SKIP filters: this kernel shows no filters: {source}")
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn a_stopped_process_stays_stopped_and_one_without_filters_has_none() {
        let mut child = sleeper().spawn().expect("sleep");
        let id = child.id().cast_signed();
        // SAFETY: our own child, which has not been waited for.
        unsafe { libc::kill(id, libc::SIGSTOP) };
        let stat = || std::fs::read_to_string(format!("/proc/{id}/stat")).expect("stat");
        while !stat().contains(") T ") {
            std::thread::yield_now();
        }
        let read = filters(child.id());
        // Let go, it wakes up in the kernel and stops again; one that runs on sleeps (`S`).
        while [") t ", ") R "].iter().any(|state| stat().contains(state)) {
            std::thread::yield_now();
        }
        let after = stat();
        child.kill().expect("kill");
        child.wait().expect("wait");
        assert!(after.contains(") T "), "{after}");
        match read {
            Ok(read) => assert_eq!(read, [] as [Program; 0]),
            Err(FilterError::Read { source, .. }) => {
                println!("SKIP filters: this kernel shows no filters: {source}")
            }
            Err(error) => panic!("{error}"),
        }
        // Above the highest number there can be: PID_MAX_LIMIT, linux/threads.h.
        assert!(matches!(filters(1 << 22), Err(FilterError::Gone { .. })));
    }
}
