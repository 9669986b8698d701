//! Every system call of the child's sequence fails in turn: none is survived but those that are named here.

use super::prepared::Prepared;
use super::sequence::{STEPS, walk};
use super::{Launch, refuse};
use crate::sys::recorder::{Recorder, heap_touched};
use crate::sys::{Errno, Kernel};
use std::collections::BTreeSet;
use std::ffi::OsString;
use stockade_policy::plan::Plan;

/// A plan that takes every branch: all namespaces, all kinds of mounts, every attribute.
fn plan() -> Plan {
    let text = include_str!("everything.json");
    let mut plan: Plan = serde_json::from_str(text).unwrap();
    if cfg!(target_arch = "aarch64") {
        plan.arch = stockade_policy::vocab::Arch::Aarch64;
    }
    plan
}

fn prepared(plan: &Plan) -> Prepared {
    let command = [OsString::from("/bin/true")];
    let launch = Launch {
        plan,
        command: &command,
        environment: &[],
        pass_fds: &[0x7000],
        tty: false,
        status_fd: None,
        at_exec: None,
    };
    refuse::check(&launch).unwrap();
    // The descriptors are not used: the walks are recorded.
    Prepared::new(&Kernel, &launch, 0).unwrap().0
}

/// The calls of one walk, and whether it came to the exec of the init.
fn try_with(prepared: &Prepared, fails: Option<(usize, Errno)>) -> (Vec<libc::c_long>, bool) {
    let recorder = Recorder::new(fails);
    // As if nothing had been opened yet: what a walk opens are not real descriptors.
    let _ = prepared.mounts.forget_sources();
    let before = heap_touched();
    let end = walk(&recorder, prepared);
    // The launcher uses the same heap meanwhile, without a lock.
    assert_eq!(heap_touched(), before, "the child touches the heap");
    let calls = recorder.calls();
    let executed = calls.last() == Some(&libc::SYS_execveat);
    assert_eq!(end.is_ok(), executed && fails.is_none_or(|(at, _)| at + 1 != calls.len()));
    (calls, executed && end.is_ok())
}

#[test]
fn every_step_says_why_and_has_a_name_of_its_own() {
    let names: BTreeSet<_> = STEPS.iter().map(|step| step.name).collect();
    assert_eq!(names.len(), STEPS.len());
    assert!(STEPS.iter().all(|step| step.why.len() > 10));
}

#[test]
fn no_failed_call_is_survived() {
    let plan = plan();
    let prepared = prepared(&plan);
    let (all, executed) = try_with(&prepared, None);
    assert!(executed);
    let mut stopped = 0;
    for (at, number) in all.iter().enumerate() {
        let (calls, executed) = try_with(&prepared, Some((at, Errno::EIO)));
        assert!(!executed, "call {at} ({number}) failed and the init was executed");
        assert_eq!(calls.len(), at + 1, "something was done after call {at} had failed");
        stopped += 1;
    }
    println!("{} system calls, {stopped} stopped the launch", all.len());
    assert_eq!(stopped, all.len());
    assert!(all.len() > 140, "the plan does not take every branch: {}", all.len());
}

/// What may fail with what, and why that is not weaker.
const TOLERATED: [(libc::c_long, Errno, &str); 6] = [
    (libc::SYS_keyctl, Errno::ENOSYS, "a kernel without keyrings"),
    (libc::SYS_openat2, Errno::ENOENT, "a path to be hidden, or to be granted, is not there"),
    (libc::SYS_openat2, Errno::ENOTDIR, "a path to be hidden, or to be shown below one, is a file"),
    (libc::SYS_landlock_add_rule, Errno::EINVAL, "a rule on a file is given what files have"),
    (libc::SYS_prlimit64, Errno::EPERM, "a hard limit is stricter already"),
    (libc::SYS_prctl, Errno::EINVAL, "the bounding set has come to its end; tested alone below"),
];

#[test]
fn what_is_tolerated_is_a_short_list() {
    let plan = plan();
    let prepared = prepared(&plan);
    let (all, _) = try_with(&prepared, None);
    let errnos = [
        Errno::EPERM,
        Errno::ENOENT,
        Errno::EINVAL,
        Errno::ENOSYS,
        Errno::EACCES,
        Errno::EBUSY,
        Errno::ENOTDIR,
        Errno::ELOOP,
        Errno::ENOMEM,
        Errno::EINTR,
        Errno::EAGAIN,
        Errno::EEXIST,
        Errno::ENODEV,
        Errno::EOPNOTSUPP,
        Errno::EMFILE,
    ];
    let mut tried = 0;
    let mut survived = BTreeSet::new();
    for (at, number) in all.iter().enumerate() {
        for errno in errnos {
            tried += 1;
            if try_with(&prepared, Some((at, errno))).1 {
                assert!(
                    TOLERATED.iter().any(|(of, with, _)| (of, *with) == (number, errno)),
                    "call {at} ({number}) failed with {errno:?} and the init was executed"
                );
                survived.insert((*number, errno.0));
            }
        }
    }
    println!("{tried} faults, {} kinds survived", survived.len());
    assert!(survived.len() <= TOLERATED.len());
}

#[test]
fn a_refused_capability_is_fatal_whatever_the_answer() {
    let plan = plan();
    let prepared = prepared(&plan);
    let (all, _) = try_with(&prepared, None);
    // The longest run of prctl is the bounding set: 41 capabilities, then the question whether there are more.
    let runs: Vec<usize> = (0..all.len()).filter(|at| all[*at] == libc::SYS_prctl).collect();
    let mut survived = 0;
    for at in runs {
        if try_with(&prepared, Some((at, Errno::EINVAL))).1 {
            survived += 1;
        }
    }
    // The two answers that say that there are no more, EINVAL already.
    assert_eq!(survived, 2);
}
