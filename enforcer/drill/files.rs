//! Files, devices, and the kernel's switches. What is opened is neither read nor written.

use crate::found::{Found, errno::*};
use crate::{call, sockets};
use core::ffi::CStr;

/// `AT_FDCWD`
pub(crate) const CWD: isize = -100;
/// With O_NONBLOCK | O_CLOEXEC | O_NOCTTY, so that no open waits or takes a terminal.
pub(crate) const RDONLY: usize = 0o2_004_400;
pub(crate) const WRONLY: usize = RDONLY | 1;
pub(crate) const RDWR: usize = RDONLY | 2;
/// O_PATH | O_CLOEXEC
pub(crate) const PATH: usize = 0o12_000_000;
#[cfg(target_arch = "x86_64")]
const DIRECTORY: usize = 0o200_000;
#[cfg(target_arch = "aarch64")]
const DIRECTORY: usize = 0o40_000;
/// O_TMPFILE: a file without a name.
const NAMELESS: usize = 0o20_000_000 | DIRECTORY;

pub(crate) fn open(path: &CStr, flags: usize) -> isize {
    call!(OPENAT, CWD, path.as_ptr(), flags, 0o700)
}

pub(crate) fn opened(path: &CStr, flags: usize) -> Found {
    open(path, flags).into()
}

/// The first of these that opens as what it is; else the answer that says most.
fn any(paths: &[&CStr], flags: usize, kind: Kind) -> Found {
    let mut answer = Found::Refused(ENOENT as i32);
    for path in paths {
        match genuine(path, flags, kind) {
            Found::Obtained => return Found::Obtained,
            Found::Refused(errno) if errno as isize == ENOENT => {}
            other => answer = other,
        }
    }
    answer
}

/// What a path must lead to, so that an empty file mounted over it is not taken for the thing.
#[derive(Clone, Copy)]
enum Kind {
    /// A file of one of these file systems, by their magic numbers. statfs(2), linux/magic.h
    Of(&'static [u64]),
    /// A device of this type of node, other than /dev/null, by the bits of its mode.
    Device(u32),
}

const PROC: Kind = Kind::Of(&[0x9fa0]);
const SYS: Kind = Kind::Of(&[0x6265_6572]);
/// And binfmt_misc inside /proc.
const FORMATS: Kind = Kind::Of(&[0x4249_4e4d]);
/// Both versions.
const CGROUP: Kind = Kind::Of(&[0x27_e0eb, 0x6367_7270]);
const BLOCK: Kind = Kind::Device(0o060_000);
const CHARACTER: Kind = Kind::Device(0o020_000);

/// Opens a path, and looks whether it is what it should be.
fn genuine(path: &CStr, flags: usize, kind: Kind) -> Found {
    const TYPE: u32 = 0o170_000;
    const NULL: u64 = 1 | 3 << 32;
    const EMPTY_PATH: usize = 0x1000;
    let file = open(path, flags);
    if file < 0 {
        return file.into();
    }
    let mut status = [0u64; 32];
    let is = match kind {
        Kind::Of(magic) => call!(FSTATFS, file, &raw mut status) == 0 && magic.contains(&status[0]),
        Kind::Device(bits) => {
            // stx_mode; stx_rdev_major with stx_rdev_minor.
            call!(STATX, file, c"".as_ptr(), EMPTY_PATH, 0x3, &raw mut status) == 0
                && (status[3] >> 32) as u32 & TYPE == bits
                && status[16] != NULL
        }
    };
    if is { Found::Obtained } else { Found::Masked }
}

/// Whether two links of /proc read the same.
pub(crate) fn same_link(one: &CStr, other: &CStr) -> bool {
    let read = |path: &CStr| {
        let mut text = [0u8; 64];
        let length = call!(READLINKAT, CWD, path.as_ptr(), &raw mut text, 64);
        (length > 0).then_some(text)
    };
    read(one).is_some_and(|text| read(other) == Some(text))
}

/// Whether two paths lead to one place: device, inode and mount. statx(2).
pub(crate) fn same_place(one: &CStr, other: &CStr) -> bool {
    let read = |path: &CStr| {
        const INODE_AND_MOUNT: usize = 0x100 | 0x1000;
        let mut status = [0u64; 32];
        let answer = call!(STATX, CWD, path.as_ptr(), 0, INODE_AND_MOUNT, &raw mut status);
        // stx_ino, stx_dev_major with stx_dev_minor, stx_mnt_id.
        (answer == 0).then_some([status[4], status[17], status[18]])
    };
    read(one).is_some_and(|place| read(other) == Some(place))
}

/// A file of its own without a name, in the first directory that takes it.
pub(crate) fn scratch() -> isize {
    let mut answer = -ENOENT;
    for directory in [c"/tmp", c"/dev/shm", c"/var/tmp", c"/run", c"/"] {
        match open(directory, NAMELESS | RDWR) {
            found if found >= 0 => return found,
            refused if answer == -ENOENT => answer = refused,
            _ => {}
        }
    }
    answer
}

/// struct file_handle of an ext4 or XFS: bytes, type (FILEID_INO32_GEN), and inode 2, the root's.
pub(crate) fn by_handle() -> Found {
    let handle = [8u32, 1, 2, 0];
    let answer = call!(OPEN_BY_HANDLE_AT, CWD, &raw const handle, RDONLY);
    // From the file system itself, behind the right to ask it.
    Found::reached(answer, &[ESTALE, EOPNOTSUPP])
}

pub(crate) fn make_handle() -> Found {
    let mut handle = [0u32; 34];
    handle[0] = 128;
    let mut mount = 0u32;
    let answer = call!(NAME_TO_HANDLE_AT, CWD, c"/".as_ptr(), &raw mut handle, &raw mut mount, 0);
    Found::reached(answer, &[EOPNOTSUPP])
}

/// Makes a node in the first directory that takes it, and removes it.
fn node(mode: usize, device: usize) -> Found {
    let mut answer = -ENOENT;
    for path in
        [c"/tmp/.stockade-drill", c"/dev/shm/.stockade-drill", c"/run/.stockade-drill", c"/.stockade-drill"]
    {
        match call!(MKNODAT, CWD, path.as_ptr(), mode, device) {
            0 => {
                call!(UNLINKAT, CWD, path.as_ptr(), 0);
                return Found::Obtained;
            }
            refused if answer == -ENOENT || -refused == EPERM => answer = refused,
            _ => {}
        }
    }
    answer.into()
}

pub(crate) fn make_disk() -> Found {
    // S_IFBLK | 0600, 7:0: the first loop device.
    node(0o60_600, 0x700)
}

pub(crate) fn make_memory_device() -> Found {
    // S_IFCHR | 0600, 1:1
    node(0o20_600, 0x101)
}

pub(crate) fn open_disk() -> Found {
    any(
        &[
            c"/dev/vda",
            c"/dev/sda",
            c"/dev/nvme0n1",
            c"/dev/xvda",
            c"/dev/mmcblk0",
            c"/dev/dm-0",
            c"/dev/loop0",
        ],
        RDONLY,
        BLOCK,
    )
}

pub(crate) fn open_memory() -> Found {
    genuine(c"/dev/mem", RDONLY, CHARACTER)
}

pub(crate) fn open_fuse() -> Found {
    genuine(c"/dev/fuse", RDWR, CHARACTER)
}

pub(crate) fn kernel_log_device() -> Found {
    genuine(c"/dev/kmsg", RDONLY, CHARACTER)
}

pub(crate) fn core_pattern() -> Found {
    genuine(c"/proc/sys/kernel/core_pattern", WRONLY, PROC)
}

pub(crate) fn modprobe_path() -> Found {
    genuine(c"/proc/sys/kernel/modprobe", WRONLY, PROC)
}

pub(crate) fn binary_formats() -> Found {
    genuine(c"/proc/sys/fs/binfmt_misc/register", WRONLY, FORMATS)
}

pub(crate) fn uevent_helper() -> Found {
    genuine(c"/sys/kernel/uevent_helper", WRONLY, SYS)
}

pub(crate) fn release_agent() -> Found {
    any(
        &[
            c"/sys/fs/cgroup/release_agent",
            c"/sys/fs/cgroup/memory/release_agent",
            c"/sys/fs/cgroup/pids/release_agent",
            c"/sys/fs/cgroup/cpu/release_agent",
            c"/sys/fs/cgroup/devices/release_agent",
            c"/sys/fs/cgroup/rdma/release_agent",
            c"/sys/fs/cgroup/systemd/release_agent",
        ],
        WRONLY,
        CGROUP,
    )
}

pub(crate) fn cgroup_files() -> Found {
    any(
        &[
            c"/sys/fs/cgroup/cgroup.procs",
            c"/sys/fs/cgroup/unified/cgroup.procs",
            c"/sys/fs/cgroup/memory/cgroup.procs",
            c"/sys/fs/cgroup/pids/cgroup.procs",
            c"/sys/fs/cgroup/cpu/cgroup.procs",
            c"/sys/fs/cgroup/systemd/cgroup.procs",
        ],
        WRONLY,
        CGROUP,
    )
}

pub(crate) fn sysctl() -> Found {
    genuine(c"/proc/sys/vm/overcommit_memory", WRONLY, PROC)
}

pub(crate) fn sysrq() -> Found {
    genuine(c"/proc/sysrq-trigger", WRONLY, PROC)
}

pub(crate) fn device_files() -> Found {
    genuine(c"/sys/kernel/mm/transparent_hugepage/enabled", WRONLY, SYS)
}

pub(crate) fn kernel_core() -> Found {
    genuine(c"/proc/kcore", RDONLY, PROC)
}

pub(crate) fn page_flags() -> Found {
    genuine(c"/proc/kpageflags", RDONLY, PROC)
}

pub(crate) fn key_list() -> Found {
    genuine(c"/proc/keys", RDONLY, PROC)
}

pub(crate) fn engine_socket() -> Found {
    let mut answer = -ENOENT;
    for path in [
        c"/run/docker.sock",
        c"/var/run/docker.sock",
        c"/run/containerd/containerd.sock",
        c"/run/podman/podman.sock",
        c"/run/crio/crio.sock",
    ] {
        match sockets::connect(path.to_bytes(), false) {
            0 => return Found::Obtained,
            refused if -refused != ENOENT => answer = refused,
            _ => {}
        }
    }
    answer.into()
}

/// struct fsxattr, and of its fields what the ioctl before read.
pub(crate) fn project_id() -> Found {
    const GET: usize = 0x801c_581f;
    const SET: usize = 0x401c_5820;
    let file = scratch();
    let mut attributes = [0u32; 7];
    // Of no descriptor where no file is to be had: a filter answers all the same.
    let got = call!(IOCTL, file, GET, &raw mut attributes);
    let set = call!(IOCTL, file, SET, &raw const attributes);
    match (file, got) {
        (..0, _) if -set == EBADF => file.into(),
        (0.., ..0) if set < 0 && -set != EPERM => got.into(),
        _ => set.into(),
    }
}

/// struct file_attr, 6.17: as the ioctl.
pub(crate) fn file_setattr() -> Found {
    const EMPTY_PATH: usize = 0x1000;
    let file = scratch();
    let mut attributes = [0u64; 3];
    let path = c"".as_ptr();
    let got = call!(FILE_GETATTR, file, path, &raw mut attributes, 24, EMPTY_PATH);
    let set = call!(FILE_SETATTR, file, path, &raw const attributes, 24, EMPTY_PATH);
    match (file, got) {
        (..0, _) if -set == EBADF => file.into(),
        (0.., ..0) if set < 0 && -set != EPERM => got.into(),
        _ => set.into(),
    }
}

pub(crate) fn quota() -> Found {
    // QCMD(Q_GETFMT, USRQUOTA) of no device.
    const GET_FORMAT: usize = 0x8000_0400;
    let answer = call!(QUOTACTL, GET_FORMAT, c"/dev/stockade-drill".as_ptr(), 0, 0);
    Found::reached(answer, &[ENOENT, ENODEV, ENOTBLK, EFAULT])
}

/// Not started: whether the kernel would heed the bit is told by no_new_privs and by the mount.
pub(crate) fn setuid_program() -> Found {
    const SETUID: u32 = 0o4000;
    const NOSUID: u64 = 2;
    for path in
        [c"/bin/su", c"/usr/bin/su", c"/usr/bin/passwd", c"/usr/bin/sudo", c"/bin/mount", c"/usr/bin/newgrp"]
    {
        let mut status = [0u64; 32];
        if call!(STATX, CWD, path.as_ptr(), 0, 0x2, &raw mut status) != 0
            || (status[3] >> 32) as u32 & SETUID == 0
        {
            continue;
        }
        // struct statfs: f_flags is its 11th word.
        let mut system = [0u64; 32];
        let nosuid = call!(STATFS, path.as_ptr(), &raw mut system) == 0 && system[10] & NOSUID != 0;
        return if nosuid { Found::Refused(EPERM as i32) } else { crate::privilege::new_privileges() };
    }
    Found::Nothing
}
