//! New processes and namespaces. clone(2), unshare(2), setns(2), linux/sched.h.

use super::{Errno, Sys, call, machine};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU32, Ordering};

/// `struct clone_args` as of 5.7 (`CLONE_ARGS_SIZE_VER2`).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// `CLONE_INTO_CGROUP`, 5.7.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// `CLONE_PIDFD`, 5.2.
const CLONE_PIDFD: u64 = 0x1000;
/// `SIGCHLD`, as the structure has it.
const SIGCHLD: u64 = 17;

/// `CLONE_VM`: both sides use the same memory.
const CLONE_VM: u64 = 0x100;
/// `CLONE_CHILD_CLEARTID`: a word becomes 0 once the child no longer uses this memory.
const CLONE_CHILD_CLEARTID: u64 = 0x20_0000;

/// Bytes of a child's stack: it walks a flat list of system calls.
const STACK: usize = 64 << 10;

/// A child of [`fork_into`].
#[derive(Debug)]
pub(crate) struct Forked {
    /// The new process, as the caller sees it.
    pub pid: i32,
    /// Its descriptor, closed at exec.
    pub pidfd: RawFd,
}

/// Makes a process in new namespaces (`CLONE_NEW*` in `namespaces`), and in a cgroup of the unified hierarchy. It
/// does `child` and ends, while the caller does `parent`.
///
/// The child uses the caller's memory until it executes something or ends: nothing is copied, not even page
/// tables, which is most of what a fork costs. It has a stack, descriptors, credentials and signal handlers of its
/// own. `child` must not allocate, nor use anything else that takes a lock or belongs to a thread. When this
/// returns the child is done with the memory; one that is not by the end of `parent` is killed.
///
/// Two attributes belong to memory and so to both sides. Changing to another user makes the caller undumpable; and
/// what forbids executable memory (`PR_SET_MDWE`) must wait until the child has executed something.
pub(crate) fn fork_into<T, C: Fn() + Sync>(
    sys: &dyn Sys,
    namespaces: u64,
    cgroup: Option<RawFd>,
    child: &C,
    parent: impl FnOnce(Forked) -> T,
) -> Result<T, Errno> {
    let stack = Stack::new(sys)?;
    let mut pidfd: RawFd = -1;
    let uses = AtomicU32::new(1);
    let mut args = CloneArgs {
        flags: namespaces | CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_PIDFD,
        pidfd: &raw mut pidfd as u64,
        child_tid: uses.as_ptr() as u64,
        exit_signal: SIGCHLD,
        stack: stack.base as u64,
        stack_size: STACK as u64,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = u64::from(cgroup.cast_unsigned());
    }
    // SAFETY: the structure, the place for the descriptor and the word live here. The stack is the child's alone.
    // What `child` is and borrows outlives this call, which does not return, nor unwind, before the child is done
    // with the memory; that it may be used from both sides is what `Sync` says.
    let answer = unsafe {
        machine::clone3(
            &raw const args as usize,
            size_of::<CloneArgs>(),
            enter::<C>,
            std::ptr::from_ref(child) as usize,
        )
    };
    let pid = match i32::try_from(answer).map_err(|_| Errno::EOVERFLOW)? {
        negated @ ..0 => return Err(Errno(-negated)),
        pid => pid,
    };
    let _together = Together { sys, pid, uses: &uses };
    Ok(parent(Forked { pid, pidfd }))
}

/// The child's first function.
extern "C" fn enter<C: Fn() + Sync>(child: usize) -> ! {
    // SAFETY: the address of the closure that `fork_into` holds a reference to as long as this process uses it.
    let child = unsafe { &*std::ptr::with_exposed_provenance::<C>(child) };
    child();
    super::process::exit(125)
}

/// As long as this lives the child may use the caller's memory, and no longer.
struct Together<'s> {
    sys: &'s dyn Sys,
    pid: i32,
    uses: &'s AtomicU32,
}

impl Drop for Together<'_> {
    fn drop(&mut self) {
        while self.uses.load(Ordering::Acquire) != 0 {
            // It has not ended, so it was not reaped and the number is still its own.
            // SAFETY: both calls take numbers, and a word that lives here; FUTEX_WAIT returns at once where the
            // word has changed. Neither can leave anything undone: the loop looks again.
            unsafe {
                let _ = call!(self.sys, SYS_kill, self.pid, libc::SIGKILL);
                let _ =
                    call!(self.sys, SYS_futex, self.uses.as_ptr(), libc::FUTEX_WAIT, 1, 0usize, 0usize, 0);
            }
        }
    }
}

/// Memory for a stack. Below it the kernel keeps a gap to other mappings (`stack_guard_gap`), as below every
/// stack that grows: running out of it does not reach other memory. mmap(2)
struct Stack<'s> {
    sys: &'s dyn Sys,
    base: usize,
}

impl<'s> Stack<'s> {
    fn new(sys: &'s dyn Sys) -> Result<Stack<'s>, Errno> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_GROWSDOWN | libc::MAP_STACK;
        // SAFETY: new memory at a place of the kernel's choice.
        let base = unsafe { call!(sys, SYS_mmap, 0usize, STACK, protection, flags, -1, 0) }?;
        Ok(Stack { sys, base })
    }
}

impl Drop for Stack<'_> {
    fn drop(&mut self) {
        // SAFETY: whoever dropped this first waited for the process that used it. A mapping that stays is unused.
        let _ = unsafe { call!(self.sys, SYS_munmap, self.base, STACK) };
    }
}

/// Leaves the cgroup namespace for one whose root is the caller's cgroup. 4.6.
pub(crate) fn unshare_cgroup(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_unshare, libc::CLONE_NEWCGROUP) }.map(|_| ())
}

/// Leaves the mount namespace for a copy of it. mount_namespaces(7).
pub(crate) fn unshare_mounts(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_unshare, libc::CLONE_NEWNS) }.map(|_| ())
}

/// Joins a network namespace.
pub(crate) fn join_network(sys: &dyn Sys, namespace: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_setns, namespace, libc::CLONE_NEWNET) }.map(|_| ())
}

/// Moves the calling thread, and it alone, into a mount namespace: `/` is that namespace's from then on. A thread that
/// shares its root with others may not, so that it ends sharing first. setns(2), 3.8.
pub(crate) fn join_mounts(sys: &dyn Sys, namespace: RawFd) -> Result<(), Errno> {
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_unshare, libc::CLONE_FS) }?;
    // SAFETY: takes no pointers.
    unsafe { call!(sys, SYS_setns, namespace, libc::CLONE_NEWNS) }.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{Kernel, process};
    use std::mem::{offset_of, size_of};

    #[test]
    fn both_sides_see_one_memory_and_the_child_is_gone_at_the_end() {
        let word = AtomicU32::new(0);
        let child = || word.store(7, Ordering::Release);
        let status = fork_into(&Kernel, 0, None, &child, |forked| {
            super::super::file::close(&Kernel, forked.pidfd).unwrap();
            process::wait(&Kernel, forked.pid).unwrap()
        });
        // `child` came back, which it does only where it failed.
        assert_eq!(status, Ok(125 << 8));
        assert_eq!(word.load(Ordering::Acquire), 7);
    }

    #[test]
    fn a_child_that_goes_on_is_killed_before_its_memory_goes() {
        let child = || loop {
            std::hint::spin_loop();
        };
        let pid = fork_into(&Kernel, 0, None, &child, |forked| forked.pid).unwrap();
        let status = process::wait(&Kernel, pid).unwrap();
        assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL);
    }

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<CloneArgs>(), 88);
        assert_eq!(offset_of!(CloneArgs, child_tid), 16);
        assert_eq!(offset_of!(CloneArgs, exit_signal), 32);
        assert_eq!(offset_of!(CloneArgs, set_tid), 64);
        assert_eq!(offset_of!(CloneArgs, cgroup), 80);
    }
}
