//! Ways around a condition, on every interface that a profile names.

use super::world::World;
use stockade_policy::diagnostic::Severity;
use stockade_policy::lattice::action::Action;
use stockade_policy::resolve::Mode;
use stockade_policy::vocab::{Arch, syscalls};

/// A profile for these interfaces with these entries of `allow` and `deny`.
fn profile(architectures: &str, allow: &[&str], deny: &[&str]) -> String {
    let list = |entries: &[&str]| entries.iter().map(|entry| format!("    - {entry}\n")).collect::<String>();
    let mut text = format!("stockade: 1\nsyscalls:\n  architectures: {{replace: [{architectures}]}}\n");
    for (key, entries) in [("allow", allow), ("deny", deny)] {
        if !entries.is_empty() {
            text.push_str(&format!("  {key}:\n{}", list(entries)));
        }
    }
    text
}

fn refused(text: &str) -> Option<String> {
    let faults = World::new().resolve(text, Mode::Profile).err()?;
    let mut errors = faults.into_iter().filter(|fault| fault.severity == Severity::Error);
    let first = errors.next().unwrap().message;
    assert!(first.contains("can be walked around with"), "{first}");
    Some(first)
}

fn action(text: &str, arch: Arch, call: &str, first: u64) -> Action {
    let number = syscalls::number(arch, call).unwrap();
    World::new().policy(text).syscalls.decide(arch, number, &[first, 0, 0, 0, 0, 0]).action
}

const UNIX: &str = "socket(domain == AF_UNIX)";

#[test]
fn what_another_process_decides_is_open() {
    for answer in ["notify", "trace(5)", "log"] {
        let deny = format!("clone3: {answer}");
        let text = profile("x86_64", &["clone(clone_flags & NAMESPACE_FLAGS == 0)"], &[&deny]);
        assert!(refused(&text).is_some_and(|message| message.contains("`clone3`")), "{answer}");
    }
    for answer in ["enosys", "kill_thread", "trap(1)"] {
        let deny = format!("clone3: {answer}");
        let text = profile("x86_64", &["clone(clone_flags & NAMESPACE_FLAGS == 0)"], &[&deny]);
        assert_eq!(refused(&text), None, "{answer}");
    }
}

#[test]
fn a_condition_on_the_way_closes_it_only_where_it_says_which_call() {
    let socketcall = |entry: &str| refused(&profile("x86_64, i386", &[UNIX, entry], &[]));
    assert!(socketcall("socketcall").is_some());
    // SYS_SOCKET is 1: this lets every family through.
    assert!(socketcall("socketcall(call in {1, 2})").is_some());
    assert!(socketcall("socketcall(call < 5)").is_some());
    assert_eq!(socketcall("socketcall(call in {2, 3})"), None);
    let closed = profile("x86_64, i386", &[UNIX, "socketcall"], &["\"socketcall(call == 1)\": eacces"]);
    assert_eq!(refused(&closed), None);
    // What follows the selector lies behind a pointer: it says nothing.
    let pointer = profile("x86_64, i386", &[UNIX, "socketcall(args != 0)"], &[]);
    assert!(refused(&pointer).is_some());
    // The upper half of the argument is the version, which every call takes.
    let ipc = |entry: &str| refused(&profile("i386", &["shmat(shmflg & 0x8000 == 0)", entry], &[]));
    assert!(ipc("ipc(call & 0xffff == 21)").is_some());
    assert!(ipc("ipc(call == 21)").is_some());
    assert_eq!(ipc("ipc(call & 0xffff != 21)"), None);
    // A structure closes nothing by what else is in sight.
    let clone = ["clone(clone_flags & NAMESPACE_FLAGS == 0)", "clone3(size == 64)"];
    assert!(refused(&profile("x86_64", &clone, &[])).is_some());
    let open = ["openat(flags & 3 == 0)", "openat2(usize == 24)"];
    assert!(refused(&profile("x86_64", &open, &[])).is_some());
}

#[test]
fn io_uring_counts_as_every_call_that_it_issues() {
    for ring in ["io_uring_enter", "io_uring_setup(entries < 64)", "io_uring_register(opcode == 0)"] {
        let ring = [ring];
        for condition in [UNIX, "openat(flags & 3 == 0)", "ioctl(cmd == 1)", "fsync(fd == 1)"] {
            let allow = [&[condition][..], &ring].concat();
            assert!(refused(&profile("x86_64", &allow, &["openat2"])).is_some(), "{allow:?}");
        }
        // What no ring issues stands.
        let allow = [&["personality(persona == 0)"][..], &ring].concat();
        assert_eq!(refused(&profile("x86_64", &allow, &[])), None);
    }
}

/// x32 shares the table's entries but not the numbers: a rule is one of each interface that is named.
#[test]
fn a_condition_holds_on_every_interface_that_is_named() {
    let text = profile("x86_64, x32", &[UNIX], &[]);
    for arch in [Arch::X86_64, Arch::X32] {
        assert_eq!(action(&text, arch, "socket", 1), Action::Allow, "{arch}");
        assert_eq!(action(&text, arch, "socket", 40), Action::Errno(1), "{arch}");
    }
    assert_eq!(action(&text, Arch::I386, "socket", 1), Action::KillProcess);
    let native = profile("x86_64", &[UNIX], &[]);
    assert_eq!(action(&native, Arch::X32, "socket", 1), Action::KillProcess);
    // int 0x80 has its own table, where the multiplexer must be closed too.
    let both = profile("x86_64, i386", &[UNIX], &["socketcall"]);
    assert_eq!(action(&both, Arch::I386, "socket", 40), Action::Errno(1));
    assert_eq!(action(&both, Arch::I386, "socketcall", 1), Action::Errno(1));
}

/// On i386 `mmap` is the old one, whose arguments lie in memory.
#[test]
fn the_old_mmap_hides_its_arguments() {
    let named = profile("x86_64, i386", &["mmap(prot & PROT_EXEC == 0)"], &[]);
    let fault = World::new().resolve(&named, Mode::Profile).unwrap_err();
    assert!(fault[0].message.contains("`mmap` has no parameter `prot`"), "{fault:?}");
    let newer = |more: &[&str]| {
        refused(&profile("i386", &[&["mmap2(prot & PROT_EXEC == 0)"][..], more].concat(), &[]))
    };
    assert!(newer(&["mmap"]).is_some_and(|message| message.contains("`mmap`")));
    assert_eq!(newer(&[]), None);
}

#[test]
fn newer_calls_that_hide_what_older_ones_show() {
    for (condition, way) in [
        ("setxattr(flags == 0)", "setxattrat"),
        ("getxattr(size < 100)", "getxattrat"),
        ("setpriority(niceval >= 0)", "sched_setattr"),
    ] {
        let message = refused(&profile("x86_64, aarch64", &[condition, way], &[]));
        assert!(message.is_some_and(|message| message.contains(way)), "{way}");
    }
}
