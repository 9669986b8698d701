//! Asks the kernel what it offers, without changing anything: calls that fail in a way that tells.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// `lsm_list_modules(2)`, 6.8; the number is the same everywhere (asm-generic/unistd.h).
const SYS_LSM_LIST_MODULES: libc::c_long = 461;
/// `PR_GET_MDWE`, linux/prctl.h, 6.3.
const PR_GET_MDWE: libc::c_int = 66;
/// `PR_SET_MDWE`, linux/prctl.h, 6.3.
const PR_SET_MDWE: libc::c_int = 65;
/// `PR_MDWE_REFUSE_EXEC_GAIN`
const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;
/// `SECCOMP_SET_MODE_FILTER`
const SECCOMP_SET_MODE_FILTER: libc::c_long = 1;
/// `LANDLOCK_CREATE_RULESET_VERSION`
const LANDLOCK_CREATE_RULESET_VERSION: libc::c_long = 1;
/// `FSCONFIG_SET_STRING`, linux/mount.h, 5.2.
const FSCONFIG_SET_STRING: libc::c_long = 1;

fn last() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// `release` of uname(2).
pub(crate) fn kernel_release() -> String {
    // SAFETY: `utsname` is plain data, all zero is a valid value; the kernel fills it and ends every
    // field with NUL, as the zeroes do where it fails.
    let names = unsafe {
        let mut names: libc::utsname = std::mem::zeroed();
        libc::uname(&raw mut names);
        names
    };
    // SAFETY: ends with NUL, see above, and lives as long as `names`.
    unsafe { CStr::from_ptr(names.release.as_ptr()) }.to_string_lossy().into_owned()
}

/// geteuid(2)
pub(crate) fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// The Landlock ABI; 0: not there, or switched off. landlock_create_ruleset(2), 5.13.
pub(crate) fn landlock_abi() -> u32 {
    // SAFETY: asking for the version takes no attributes: a null pointer of size 0.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<libc::c_void>(),
            0,
            LANDLOCK_CREATE_RULESET_VERSION,
        )
    };
    u32::try_from(version).unwrap_or(0)
}

/// Which of these flags seccomp(2) takes with a filter, each with those that it needs beside it; `None`: no
/// filters at all. A null program gives EFAULT only after the flags were accepted, and before privilege is
/// asked for.
pub(crate) fn seccomp_flags(flags: &[(u32, u32)]) -> Option<u32> {
    let takes = |flags: u32| {
        // SAFETY: the program is the null pointer, which the kernel answers with EFAULT.
        unsafe {
            libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, ptr::null::<libc::c_void>());
        }
        last() == libc::EFAULT
    };
    // One call where the kernel has them all.
    let all = flags.iter().fold(0, |all, (bit, _)| all | bit);
    if takes(all) {
        return Some(all);
    }
    if !takes(0) {
        return None;
    }
    // Each alone: some exclude each other where a third is missing (TSYNC and NEW_LISTENER without
    // TSYNC_ESRCH).
    let taken = flags.iter().filter(|(bit, beside)| takes(bit | beside));
    Some(taken.fold(0, |taken, (bit, _)| taken | bit))
}

/// Whether the kernel knows `PR_SET_MDWE`.
pub(crate) fn write_xor_execute() -> bool {
    // SAFETY: all four further arguments must be 0, and nothing is written.
    unsafe { libc::prctl(PR_GET_MDWE, 0, 0, 0, 0) >= 0 }
}

/// Whether the kernel has mount_setattr(2): attributes of size 0 are EINVAL before anything is touched.
pub(crate) fn mount_setattr() -> bool {
    // SAFETY: no attributes: a null pointer of size 0.
    unsafe {
        libc::syscall(libc::SYS_mount_setattr, -1, c"".as_ptr(), 0, ptr::null::<libc::c_void>(), 0);
    }
    last() == libc::EINVAL
}

/// Whether a procfs takes `hidepid=4` and `subset=pid`; `None`: the caller may not ask (fsopen(2) wants
/// CAP_SYS_ADMIN over its mount namespace). Configures a file system that is never made.
pub(crate) fn proc_options() -> Option<bool> {
    // SAFETY: a string that ends in NUL, a flag (FSOPEN_CLOEXEC).
    let fd = unsafe { libc::syscall(libc::SYS_fsopen, c"proc".as_ptr(), 1) };
    if fd < 0 {
        return None;
    }
    let takes = |key: &CStr, value: &CStr| {
        // SAFETY: strings that end in NUL and live over the call, as FSCONFIG_SET_STRING wants them.
        let done = unsafe {
            libc::syscall(libc::SYS_fsconfig, fd, FSCONFIG_SET_STRING, key.as_ptr(), value.as_ptr(), 0)
        };
        done == 0
    };
    let both = takes(c"hidepid", c"4") && takes(c"subset", c"pid");
    if let Ok(fd) = i32::try_from(fd) {
        // SAFETY: ours, and not used afterwards.
        unsafe { libc::close(fd) };
    }
    Some(both)
}

/// Ids of the active security modules (linux/lsm.h); `None`: the kernel has no such call.
pub(crate) fn security_modules() -> Option<Vec<u64>> {
    let mut ids = [0u64; 64];
    let mut size = u32::try_from(size_of_val(&ids)).ok()?;
    // SAFETY: `ids` is `size` bytes large; the kernel writes no more, and the size it used into `size`.
    let count = unsafe { libc::syscall(SYS_LSM_LIST_MODULES, ids.as_mut_ptr(), &raw mut size, 0) };
    let count = usize::try_from(count).ok()?;
    Some(ids.get(..count)?.to_vec())
}

/// Whether the caller's effective ids and capabilities let it write to `path`. faccessat2(2), 5.8.
pub(crate) fn writable(path: &Path) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    // SAFETY: `path` ends in NUL and lives over the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, path.as_ptr(), libc::W_OK, libc::AT_EACCESS) == 0 }
}

/// A step of a trial that the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Position in the trial, from 0.
    pub(crate) step: usize,
    /// The errno.
    pub(crate) errno: i32,
}

/// Tries out a user namespace with an id map, then a /proc in it, in a child that ends with the trial.
/// Steps: 0 unshare, 1 id maps, 2 private mounts, 3 fork as pid 1, 4 mount proc.
pub(crate) fn try_user_namespace(uid: u32, gid: u32) -> io::Result<Option<Refused>> {
    let uid_map = CString::new(format!("0 {uid} 1"))?;
    let gid_map = CString::new(format!("0 {gid} 1"))?;
    let trial = move || -> u8 {
        // SAFETY: the strings end in NUL and were made before the fork; only system calls follow.
        unsafe {
            if libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS | libc::CLONE_NEWPID) != 0 {
                return code(0);
            }
            let maps = [
                (c"/proc/self/setgroups", c"deny"),
                (c"/proc/self/uid_map", &uid_map),
                (c"/proc/self/gid_map", &gid_map),
            ];
            for (file, content) in maps {
                let fd = libc::open(file.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                let length = content.to_bytes().len();
                if fd < 0 || libc::write(fd, content.as_ptr().cast(), length) < 0 {
                    return code(1);
                }
            }
            let flags = libc::MS_REC | libc::MS_PRIVATE;
            if libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()) != 0 {
                return code(2);
            }
            match libc::fork() {
                0 => {
                    let flags = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
                    let options = c"hidepid=4,subset=pid".as_ptr().cast();
                    let done =
                        libc::mount(c"proc".as_ptr(), c"/proc".as_ptr(), c"proc".as_ptr(), flags, options);
                    libc::_exit(if done == 0 { 0 } else { i32::from(code(4)) })
                }
                child if child < 0 => code(3),
                child => {
                    let mut status = 0;
                    libc::waitpid(child, &raw mut status, 0);
                    if libc::WIFEXITED(status) { low_byte(libc::WEXITSTATUS(status)) } else { code(4) }
                }
            }
        }
    };
    in_child(trial).map(decode)
}

/// Tries out `PR_SET_MDWE` in a child: afterwards memory that is both writable and executable must be
/// refused. Steps: 0 prctl, 1 the mapping that should have been refused (errno 0).
pub(crate) fn try_write_xor_execute() -> io::Result<Option<Refused>> {
    in_child(|| {
        // SAFETY: prctl with integers; an anonymous mapping at an address of the kernel's choice.
        unsafe {
            if libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0 {
                return code(0);
            }
            let protection = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let address = libc::mmap(ptr::null_mut(), 4096, protection, flags, -1, 0);
            if address == libc::MAP_FAILED { 0 } else { 1 << 5 }
        }
    })
    .map(decode)
}

/// An exit status that carries the step and the errno, cut to 31: the refusals that matter (EPERM,
/// ENOENT, EACCES, EINVAL, ENOSPC) are below that, others say "31 or above".
fn code(step: u8) -> u8 {
    step << 5 | low_byte(last().clamp(1, 31))
}

fn low_byte(value: i32) -> u8 {
    value.to_le_bytes()[0]
}

fn decode(status: u8) -> Option<Refused> {
    (status != 0).then(|| Refused { step: usize::from(status >> 5), errno: i32::from(status & 31) })
}

/// The exit status of a child that runs `trial`, which may only make system calls: the caller may have
/// threads, and the child has copies of their locks.
fn in_child(trial: impl FnOnce() -> u8) -> io::Result<u8> {
    // SAFETY: the child makes system calls only and leaves by _exit, so that it runs no code of ours
    // that could wait for a lock of another thread.
    let child = unsafe {
        match libc::fork() {
            0 => libc::_exit(i32::from(trial())),
            child => child,
        }
    };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut status = 0;
    loop {
        // SAFETY: our own child, `status` ours for the call.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        if waited == child && libc::WIFEXITED(status) {
            return Ok(low_byte(libc::WEXITSTATUS(status)));
        }
        let error = io::Error::last_os_error();
        if waited == child || error.raw_os_error() != Some(libc::EINTR) {
            return Err(if waited == child { io::Error::other("the trial was killed") } else { error });
        }
    }
}
