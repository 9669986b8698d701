//! Filters of both compilers in the running kernel, against the policies they were made from: calls through
//! every interface, with arguments on both sides of every test.
//!
//! Only calls are made that come to the same whatever their arguments are, so that any arguments may be
//! tried where the filter lets them through.

use crate::agreement::{arguments, expected};
use crate::policies;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use stockade_libseccomp::{Search, compile};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::interpret::Event;
use stockade_policy::seccomp::{self, bpf};
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

/// Calls of x86_64 and x32 without parameters, and numbers that have none: `sched_yield`, `getpid`, `getuid`,
/// `getgid`, `geteuid`, `getegid`, `getppid`, `getpgrp`, `afs_syscall`, `tuxcall`, `gettid`.
const NATIVE: [u32; 14] = [24, 39, 102, 104, 107, 108, 110, 111, 183, 184, 186, 600, 1000, X32_BIT - 1];
/// The same of i386: `break`, `getpid`, `getuid16`, `stty`, `gtty`, `getgid16`, `geteuid16`, `getegid16`,
/// `getppid`, `getpgrp`, `sched_yield`, `getuid`, `getgid`, `geteuid`, `getegid`, `gettid`.
const I386: [u32; 19] =
    [17, 20, 24, 31, 32, 47, 49, 50, 64, 65, 158, 199, 200, 201, 202, 224, 600, 1000, X32_BIT];

/// Arguments that are tried of one call.
const ARGUMENTS: usize = 6;

fn numbers(arch: Arch) -> &'static [u32] {
    if arch == Arch::I386 { &I386 } else { &NATIVE }
}

/// The process that makes the calls.
struct Driver {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Driver {
    fn start() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second/kernel.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kernel");
        let built =
            Command::new("gcc").args(["-O1", "-static", "-o"]).args([&program, &source]).status().unwrap();
        assert!(built.success());
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Driver { child, input, output: BufReader::new(output) }
    }

    fn filter(&mut self, program: &[Instruction]) {
        let mut line = "filter ".to_owned();
        for byte in bpf::bytes(program) {
            write!(line, "{byte:02x}").unwrap();
        }
        writeln!(self.input, "{line}").unwrap();
    }

    fn call(&mut self, event: &Event) -> String {
        let how = if event.arch == Arch::I386.audit() { "int80" } else { "syscall" };
        let words = event.arguments.map(|argument| argument.to_string()).join(" ");
        writeln!(self.input, "call {how} {} {words}", event.number).unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether the kernel did what the filter was to say.
fn matches(answer: &str, action: Action) -> bool {
    let words: Vec<&str> = answer.split(' ').collect();
    let number = |word: &str| word.parse::<i64>().unwrap();
    match (words.as_slice(), action) {
        (["killed"], Action::KillProcess | Action::KillThread) => true,
        (["trapped", data], Action::Trap(said)) => number(data) == i64::from(said),
        (["answered", _, after], Action::Errno(errno)) => number(after) == -i64::from(errno),
        // Nobody traces and nobody answers: ENOSYS.
        (["answered", _, after], Action::Trace(_) | Action::Notify) => number(after) == -38,
        (["answered", before, after], Action::Allow | Action::Log) => before == after,
        _ => false,
    }
}

/// A few calls of every interface that this kernel may be asked through.
fn events(policy: &Syscalls) -> Vec<Event> {
    let mut events = Vec::new();
    for arch in Arch::X86_64.family() {
        for number in numbers(*arch) {
            let found = arguments(policy.table(*arch).diagram(*number));
            let step = found.len().div_ceil(ARGUMENTS);
            for arguments in found.into_iter().step_by(step) {
                // What a 32-bit caller has of a register.
                let arguments = if *arch == Arch::I386 {
                    arguments.map(|register| register & 0xffff_ffff)
                } else {
                    arguments
                };
                let number = if *arch == Arch::X32 { number | X32_BIT } else { *number };
                events.push(Event { number, arch: arch.audit(), instruction_pointer: 0, arguments });
            }
        }
    }
    events
}

#[test]
fn the_kernel_decides_as_the_policy() {
    const CASES: usize = 24;
    let mut driver = Driver::start();
    let mut runner = TestRunner::deterministic();
    let numbers = |arch| prop::sample::select(numbers(arch).to_vec()).boxed();
    let mut seen: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    let mut by_libseccomp = 0;
    for _ in 0..CASES {
        let policy = policies::syscalls_over(numbers).new_tree(&mut runner).unwrap().current();
        let mut programs = vec![seccomp::compile(&policy, Arch::X86_64).unwrap()];
        for search in [Search::Linear, Search::Tree] {
            // Others are refused: what it refuses is `main.rs`'s.
            programs.extend(compile(&policy, Arch::X86_64, search));
        }
        by_libseccomp += programs.len() - 1;
        for program in programs {
            driver.filter(&program);
            for event in events(&policy) {
                let action = expected(&policy, Arch::X86_64, &event);
                let answer = driver.call(&event);
                assert!(
                    matches(&answer, action),
                    "{action}, and {answer}: {event:x?}\n{}",
                    bpf::text(&program)
                );
                let interface = if event.number & X32_BIT == 0 { event.arch } else { event.arch | 1 << 16 };
                seen.entry(bpf::action_name(action)).or_default().insert(interface);
            }
        }
    }
    // Every action was seen, of every interface.
    let interfaces: BTreeMap<&str, usize> = seen.iter().map(|(name, seen)| (*name, seen.len())).collect();
    assert_eq!(interfaces.len(), 8, "{interfaces:?}");
    assert!(interfaces.values().all(|count| *count >= 3), "{interfaces:?}");
    assert!(by_libseccomp >= CASES, "{by_libseccomp}");
}
