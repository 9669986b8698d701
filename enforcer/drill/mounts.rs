//! The tree and what is mounted in it. What a probe mounts it unmounts at once; nobody looks at `/proc` meanwhile.

use crate::call;
use crate::files::CWD;
use crate::found::{Found, errno::*};
use core::ffi::CStr;

/// Where probes mount: nearly every root has it.
const PLACE: &CStr = c"/proc";
const BIND: usize = 0x1000;
const DETACH: usize = 2;

fn mounted(kind: &CStr, from: &CStr, flags: usize) -> Found {
    let answer = call!(MOUNT, from.as_ptr(), PLACE.as_ptr(), kind.as_ptr(), flags, 0);
    if answer == 0 {
        call!(UMOUNT2, PLACE.as_ptr(), DETACH);
    }
    answer.into()
}

pub(crate) fn mount_tmpfs() -> Found {
    mounted(c"tmpfs", c"none", 0)
}

pub(crate) fn mount_proc() -> Found {
    mounted(c"proc", c"proc", 0)
}

pub(crate) fn mount_sysfs() -> Found {
    mounted(c"sysfs", c"sysfs", 0)
}

pub(crate) fn bind_mount() -> Found {
    mounted(c"none", c"/", BIND)
}

pub(crate) fn remount() -> Found {
    const REMOUNT: usize = 0x20;
    // What statfs(2) tells: read-only, nosuid, nodev, noexec, noatime, nodiratime are the bits of mount(2).
    const ALIKE: usize = 0xc0f;
    const RELATIME_TOLD: usize = 0x1000;
    const RELATIME: usize = 0x20_0000;
    let mut system = [0usize; 32];
    call!(STATFS, PLACE.as_ptr(), &raw mut system);
    let told = system[10];
    let relatime = if told & RELATIME_TOLD != 0 { RELATIME } else { 0 };
    let as_it_is = REMOUNT | BIND | told & ALIKE | relatime;
    call!(MOUNT, c"none".as_ptr(), PLACE.as_ptr(), 0, as_it_is, 0).into()
}

pub(crate) fn unmount() -> Found {
    // MNT_EXPIRE: the first time it only marks the mount, which the next look into it takes back.
    const EXPIRE: usize = 4;
    Found::reached(call!(UMOUNT2, PLACE.as_ptr(), EXPIRE), &[EAGAIN, EBUSY])
}

pub(crate) fn open_filesystem() -> Found {
    call!(FSOPEN, c"tmpfs".as_ptr(), 0).into()
}

pub(crate) fn detached_mount() -> Found {
    const CREATE: usize = 6;
    let context = call!(FSOPEN, c"tmpfs".as_ptr(), 0);
    if context < 0 {
        return context.into();
    }
    let made = call!(FSCONFIG, context, CREATE, 0, 0, 0);
    if made < 0 {
        return made.into();
    }
    call!(FSMOUNT, context, 0, 0).into()
}

pub(crate) fn clone_tree() -> Found {
    const CLONE: usize = 1;
    call!(OPEN_TREE, CWD, c"/".as_ptr(), CLONE).into()
}

pub(crate) fn move_mount() -> Found {
    // F_EMPTY_PATH, T_EMPTY_PATH, of no descriptors.
    Found::reached(call!(MOVE_MOUNT, -1isize, c"".as_ptr(), -1isize, c"".as_ptr(), 0x44), &[EBADF])
}

pub(crate) fn set_mount() -> Found {
    const EMPTY_PATH: usize = 0x1000;
    // struct mount_attr: attr_set (MOUNT_ATTR_NOSUID), attr_clr, propagation, userns_fd.
    let attributes = [2u64, 0, 0, 0];
    let answer = call!(MOUNT_SETATTR, -1isize, c"".as_ptr(), EMPTY_PATH, &raw const attributes, 32);
    Found::reached(answer, &[EBADF])
}

pub(crate) fn pivot_root() -> Found {
    // Of the root to itself, which is never possible.
    Found::reached(call!(PIVOT_ROOT, c"/".as_ptr(), c"/".as_ptr()), &[EBUSY, EINVAL])
}

pub(crate) fn change_root() -> Found {
    call!(CHROOT, c"/".as_ptr()).into()
}
