//! Ways around a condition: calls that do what another call does, where a filter cannot see it.
//!
//! A condition on `clone` says nothing while `clone3` is allowed. Hidden ways have their arguments behind a
//! pointer, so that no condition of their own can close them; siblings show their arguments, and need a
//! condition of their own.

use super::{Arch, syscalls};

/// Calls, and those that do the same out of sight.
struct Way {
    calls: &'static [&'static str],
    around: &'static [&'static str],
}

/// Multiplexers and calls that take a structure. On architectures without a call it is no way around.
const HIDDEN: &[Way] = &[
    // net/socket.c, socketcall: the arguments are an array in memory.
    Way {
        calls: &[
            "accept",
            "accept4",
            "bind",
            "connect",
            "getpeername",
            "getsockname",
            "getsockopt",
            "listen",
            "recv",
            "recvfrom",
            "recvmmsg",
            "recvmmsg_time64",
            "recvmsg",
            "send",
            "sendmmsg",
            "sendmsg",
            "sendto",
            "setsockopt",
            "shutdown",
            "socket",
            "socketpair",
        ],
        around: &["socketcall"],
    },
    // ipc/syscall.c: the call is the low half of the first argument; some variants take a structure.
    Way {
        calls: &[
            "msgctl",
            "msgget",
            "msgrcv",
            "msgsnd",
            "semctl",
            "semget",
            "semop",
            "semtimedop",
            "semtimedop_time64",
            "shmat",
            "shmctl",
            "shmdt",
            "shmget",
        ],
        around: &["ipc"],
    },
    // clone_args lies in memory. clone3(2), 5.3.
    Way { calls: &["clone"], around: &["clone3"] },
    // open_how lies in memory. openat2(2), 5.6.
    Way { calls: &["open", "openat", "creat"], around: &["openat2"] },
    // sched_attr lies in memory: policy, priority and nice value. sched_setattr(2), 3.14.
    Way {
        calls: &["sched_setscheduler", "sched_setparam", "setpriority", "nice"],
        around: &["sched_setattr"],
    },
    // xattr_args lies in memory: value, size and flags. 6.13.
    Way { calls: &["setxattr", "lsetxattr", "fsetxattr"], around: &["setxattrat"] },
    Way { calls: &["getxattr", "lgetxattr", "fgetxattr"], around: &["getxattrat"] },
    // The newer mount calls take flags in parts and in structures. 5.2.
    Way {
        calls: &["mount"],
        around: &["fsconfig", "fsmount", "move_mount", "mount_setattr", "open_tree_attr"],
    },
    // struct iocb lies in memory: IOCB_CMD_* of linux/aio_abi.h.
    Way {
        calls: &[
            "fdatasync",
            "fsync",
            "poll",
            "ppoll",
            "pread64",
            "preadv",
            "preadv2",
            "pwrite64",
            "pwritev",
            "pwritev2",
            "read",
            "readv",
            "write",
            "writev",
        ],
        around: &["io_submit"],
    },
    // The ring lies in memory: IORING_OP_* of linux/io_uring.h.
    Way { calls: IO_URING_ISSUES, around: &["io_uring_setup", "io_uring_enter", "io_uring_register"] },
];

/// What a multiplexer does, by its first argument.
struct Multiplexer {
    name: &'static str,
    /// Bits of the argument that say it.
    mask: u64,
    calls: &'static [(&'static str, u64)],
}

/// Their first argument is in sight, and closes a way by itself.
const MULTIPLEXERS: &[Multiplexer] = &[
    // `SYS_*` of linux/net.h.
    Multiplexer {
        name: "socketcall",
        mask: u64::MAX,
        calls: &[
            ("socket", 1),
            ("bind", 2),
            ("connect", 3),
            ("listen", 4),
            ("accept", 5),
            ("getsockname", 6),
            ("getpeername", 7),
            ("socketpair", 8),
            ("send", 9),
            ("recv", 10),
            ("sendto", 11),
            ("recvfrom", 12),
            ("shutdown", 13),
            ("setsockopt", 14),
            ("getsockopt", 15),
            ("sendmsg", 16),
            ("recvmsg", 17),
            ("accept4", 18),
            ("recvmmsg", 19),
            ("recvmmsg_time64", 19),
            ("sendmmsg", 20),
        ],
    },
    // linux/ipc.h; the upper half is the version of the call.
    Multiplexer {
        name: "ipc",
        mask: 0xffff,
        calls: &[
            ("semop", 1),
            ("semget", 2),
            ("semctl", 3),
            ("semtimedop", 4),
            ("semtimedop_time64", 4),
            ("msgsnd", 11),
            ("msgrcv", 12),
            ("msgget", 13),
            ("msgctl", 14),
            ("shmat", 21),
            ("shmdt", 22),
            ("shmget", 23),
            ("shmctl", 24),
        ],
    },
];

/// Hidden ways of i386 only, where these names are older calls that take a structure.
const HIDDEN_I386: &[Way] = &[
    Way { calls: &["mmap2"], around: &["mmap"] },
    Way { calls: &["_newselect", "pselect6", "pselect6_time64"], around: &["select"] },
];

/// Every call that io_uring can issue: IORING_OP_* of linux/io_uring.h, 6.17. IORING_OP_URING_CMD reaches
/// requests that are ioctls otherwise (btrfs, block devices, NVMe) and socket options.
const IO_URING_ISSUES: &[&str] = &[
    "accept",
    "accept4",
    "bind",
    "close",
    "connect",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "fadvise64",
    "fadvise64_64",
    "arm_fadvise64_64",
    "fallocate",
    "fdatasync",
    "fgetxattr",
    "fsetxattr",
    "fsync",
    "ftruncate",
    "ftruncate64",
    "futex",
    "futex_time64",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "getsockopt",
    "getxattr",
    "ioctl",
    "link",
    "linkat",
    "listen",
    "madvise",
    "mkdir",
    "mkdirat",
    "open",
    "openat",
    "openat2",
    "creat",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "ppoll_time64",
    "pread64",
    "preadv",
    "preadv2",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readv",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmmsg_time64",
    "recvmsg",
    "rename",
    "renameat",
    "renameat2",
    "rmdir",
    "send",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "setxattr",
    "shutdown",
    "socket",
    "splice",
    "statx",
    "symlink",
    "symlinkat",
    "sync_file_range",
    "arm_sync_file_range",
    "tee",
    "unlink",
    "unlinkat",
    "waitid",
    "write",
    "writev",
];

/// Sets of calls that do the same to the eye of a filter, each with its arguments in sight.
const SIBLINGS: &[&[&str]] = &[
    &["open", "openat", "creat", "open_by_handle_at"],
    &["clone", "unshare"],
    // fork and vfork are clone with flags of their own, none of which makes a namespace.
    &["clone", "fork", "vfork"],
    &["execve", "execveat"],
    &["kexec_load", "kexec_file_load"],
    &["init_module", "finit_module"],
    &["mmap", "mmap2"],
    &["mprotect", "pkey_mprotect"],
    &["madvise", "process_madvise"],
    &["fcntl", "fcntl64"],
    &["socket", "socketpair"],
    &["mknod", "mknodat"],
    &["mkdir", "mkdirat"],
    &["chmod", "fchmod", "fchmodat", "fchmodat2"],
    &["chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "lchown32"],
    &["setuid", "setuid32", "setreuid", "setreuid32", "setresuid", "setresuid32", "setfsuid", "setfsuid32"],
    &["setgid", "setgid32", "setregid", "setregid32", "setresgid", "setresgid32", "setfsgid", "setfsgid32"],
    &["kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"],
    &["umount", "umount2"],
    &["quotactl", "quotactl_fd"],
    &["prctl", "seccomp"],
    &["ioctl", "file_setattr"],
    &["setrlimit", "prlimit64"],
    &["unlink", "unlinkat", "rmdir"],
    &["rename", "renameat", "renameat2"],
    &["link", "linkat"],
    &["symlink", "symlinkat"],
    &["removexattr", "lremovexattr", "fremovexattr", "removexattrat"],
    &["send", "sendto", "sendmsg", "sendmmsg"],
    &["recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64"],
    &["access", "faccessat", "faccessat2"],
    &["pipe", "pipe2"],
    &["dup2", "dup3"],
    &["accept", "accept4"],
];

/// The calls that a condition on `call` must close, because they do the same with their arguments hidden.
pub fn ways_around(arch: Arch, call: &str) -> Vec<&'static str> {
    let own = if arch == Arch::I386 { HIDDEN_I386 } else { &[] };
    let ways = HIDDEN.iter().chain(own).filter(|way| way.calls.contains(&call));
    existing(arch, ways.flat_map(|way| way.around).copied())
}

/// The bits of the first argument of `other` and their value with which it does what `call` does; `None`
/// where its arguments do not say what it does.
pub fn selector(other: &str, call: &str) -> Option<(u64, u64)> {
    let multiplexer = MULTIPLEXERS.iter().find(|multiplexer| multiplexer.name == other)?;
    let (_, value) = multiplexer.calls.iter().find(|(name, _)| *name == call)?;
    Some((multiplexer.mask, *value))
}

/// The calls that do the same as `call` in sight of a filter: whoever sets a condition on one means it for
/// all of them.
pub fn siblings(arch: Arch, call: &str) -> Vec<&'static str> {
    let sets = SIBLINGS.iter().filter(|set| set.contains(&call));
    existing(arch, sets.flat_map(|set| set.iter()).copied().filter(|other| *other != call))
}

/// The calls that io_uring issues on an architecture.
pub fn issued_by_io_uring(arch: Arch) -> Vec<&'static str> {
    existing(arch, IO_URING_ISSUES.iter().copied())
}

fn existing(arch: Arch, calls: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    calls.filter(|call| syscalls::number(arch, call).is_some()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IO_URING: [&str; 3] = ["io_uring_setup", "io_uring_enter", "io_uring_register"];

    #[test]
    fn every_name_of_the_tables_is_a_call() {
        let ways = HIDDEN.iter().chain(HIDDEN_I386).flat_map(|way| way.calls.iter().chain(way.around));
        for call in ways.chain(SIBLINGS.iter().flat_map(|set| set.iter())) {
            assert!(syscalls::exists(call), "{call}");
        }
    }

    #[test]
    fn multiplexers_are_ways_around_where_they_exist() {
        assert_eq!(ways_around(Arch::X86_64, "socket"), IO_URING);
        assert_eq!(ways_around(Arch::I386, "socket")[0], "socketcall");
        assert_eq!(ways_around(Arch::I386, "semop"), ["ipc"]);
        assert!(ways_around(Arch::X86_64, "semop").is_empty());
    }

    #[test]
    fn structures_hide_flags() {
        for arch in Arch::ALL {
            assert_eq!(ways_around(arch, "clone"), ["clone3"]);
            assert_eq!(ways_around(arch, "openat")[0], "openat2");
        }
        assert_eq!(ways_around(Arch::I386, "mmap2"), ["mmap"]);
        assert!(ways_around(Arch::Arm, "mmap2").is_empty());
        assert!(ways_around(Arch::X86_64, "personality").is_empty());
    }

    #[test]
    fn a_multiplexer_is_told_by_its_first_argument_for_each_of_its_calls() {
        for multiplexer in MULTIPLEXERS {
            let way = HIDDEN.iter().find(|way| way.around == [multiplexer.name]).unwrap();
            for call in way.calls {
                assert!(selector(multiplexer.name, call).is_some(), "{call}");
            }
            assert_eq!(way.calls.len(), multiplexer.calls.len());
        }
        assert_eq!(selector("socketcall", "socket"), Some((u64::MAX, 1)));
        assert_eq!(selector("ipc", "shmat"), Some((0xffff, 21)));
        assert_eq!(selector("clone3", "clone"), None);
    }

    /// The tables against the system's own headers, where there are any.
    #[test]
    fn selectors_are_the_headers() {
        for (header, prefix, multiplexer) in
            [("net.h", "SYS_", &MULTIPLEXERS[0]), ("ipc.h", "", &MULTIPLEXERS[1])]
        {
            let Ok(text) = std::fs::read_to_string(format!("/usr/include/linux/{header}")) else {
                println!("SKIP multiplexer-header: no /usr/include/linux/{header}");
                return;
            };
            for (call, value) in multiplexer.calls {
                let name = format!("{prefix}{}", call.trim_end_matches("_time64").to_ascii_uppercase());
                let defined = text.lines().find_map(|line| {
                    let mut words = line.split_whitespace();
                    (words.next() == Some("#define") && words.next() == Some(&name)).then(|| words.next())?
                });
                assert_eq!(defined.map(str::parse), Some(Ok(*value)), "{name}");
            }
        }
    }

    #[test]
    fn siblings_are_the_others() {
        assert_eq!(siblings(Arch::X86_64, "mprotect"), ["pkey_mprotect"]);
        assert_eq!(siblings(Arch::Aarch64, "openat"), ["open_by_handle_at"]);
        assert!(siblings(Arch::X86_64, "read").is_empty());
    }
}
