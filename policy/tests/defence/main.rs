//! What a disk limit denies, wherever its policy comes from and whatever it is met with.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot build its input has failed")]

#[path = "../profiles/world.rs"]
#[expect(dead_code, reason = "names and texts are wanted here, not what they mean")]
mod builtin;
#[path = "../compile/world.rs"]
#[expect(dead_code, reason = "the hosts are wanted here, the policies are not")]
mod hosts;

use builtin::BuiltIn;
use hosts::{origin, root_on_v1, ruled};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use stockade_policy::compile::{CompileError, Request, compile};
use stockade_policy::defence::{defend, hole};
use stockade_policy::diagnostic::render;
use stockade_policy::diff::diff;
use stockade_policy::explain::{Verdict, explain};
use stockade_policy::export::{Engine, engine};
use stockade_policy::host::Host;
use stockade_policy::lattice::action::{Action, Class};
use stockade_policy::lattice::{Lattice, Toward};
use stockade_policy::lookup::Source;
use stockade_policy::parse::parse;
use stockade_policy::plan::Plan;
use stockade_policy::policy::{Policy, Section};
use stockade_policy::resolve::{Mode, resolve};
use stockade_policy::seccomp::bpf;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::vocab::arch::X32_BIT;
use stockade_policy::vocab::{Arch, syscalls};

/// linux/fs.h and linux/btrfs.h.
const REQUESTS: [u64; 12] = [
    0x401c_5820, // FS_IOC_FSSETXATTR
    0x4008_6602, // FS_IOC_SETFLAGS
    0x4004_6602, // FS_IOC32_SETFLAGS
    0x5000_940e, // BTRFS_IOC_SUBVOL_CREATE
    0x5000_9418, // BTRFS_IOC_SUBVOL_CREATE_V2
    0x5000_9401, // BTRFS_IOC_SNAP_CREATE
    0x5000_9417, // BTRFS_IOC_SNAP_CREATE_V2
    0xc010_9428, // BTRFS_IOC_QUOTA_CTL
    0x4018_9429, // BTRFS_IOC_QGROUP_ASSIGN
    0x4010_942a, // BTRFS_IOC_QGROUP_CREATE
    0x8030_942b, // BTRFS_IOC_QGROUP_LIMIT
    0x4040_942c, // BTRFS_IOC_QUOTA_RESCAN
];
/// `FS_IOC_FSGETXATTR` and `TIOCGWINSZ`: others' requests, of the same and of another family.
const OTHERS: [u64; 2] = [0x801c_581f, 0x5413];
/// asm/unistd.h: file_setattr and quotactl_fd everywhere, and by interface ioctl and quotactl.
const CALLS: [(Arch, u32, u32); 5] = [
    (Arch::X86_64, 16, 179),
    (Arch::I386, 54, 131),
    (Arch::X32, 514, 179),
    (Arch::Aarch64, 29, 60),
    (Arch::Arm, 54, 131),
];
const EVERYWHERE: [u32; 2] = [469, 443];

/// Everything, everywhere, but the capability that no limit binds.
const OPEN: &str = "stockade: 1\nextends: [unconfined]\ncapabilities: {replace: [chown]}\n";
const DISK: &str = "disk: {size: 1 GiB}\n";

fn meaning(text: &str, mode: Mode) -> Policy {
    let source = Source { file: "web.yaml".into(), text: text.as_bytes().to_vec() };
    parse(&source)
        .and_then(|profile| resolve(&profile, &BuiltIn, mode))
        .unwrap_or_else(|faults| panic!("{text}\n{}", render(&faults, false)))
}

fn profile(text: &str) -> Policy {
    meaning(text, Mode::Profile)
}

fn limited() -> Policy {
    profile(&format!("{OPEN}{DISK}"))
}

fn plan(policy: &Policy, host: &Host) -> Result<Plan, CompileError> {
    let request = Request { root: "/".to_owned(), floors: "none".to_owned() };
    compile(policy, host, &request, &BuiltIn)
}

/// Every call that leads out, as the kernel hands it to a filter; upper halves of registers are whatever they are.
fn ways_out() -> Vec<(Arch, u32, [u64; 6])> {
    let mut ways = Vec::new();
    for (arch, ioctl, quotactl) in CALLS {
        for high in [0, 1, 0xdead_beef, 0xffff_ffff] {
            // On the interfaces of 32 bits there are none.
            let high = if matches!(arch, Arch::I386 | Arch::Arm) { 0 } else { high << 32 };
            ways.extend(REQUESTS.map(|request| (arch, ioctl, [3, high | request, 0x7fff_0000, 0, 0, 0])));
        }
        ways.extend(
            [quotactl, EVERYWHERE[0], EVERYWHERE[1]].map(|number| (arch, number, [7, 8, 9, 1, 2, 3])),
        );
    }
    ways
}

fn answer(plan: &Plan, arch: Arch, number: u32, arguments: [u64; 6]) -> Action {
    let program = &plan.seccomp.as_ref().unwrap().program;
    let number = if arch == Arch::X32 { number | X32_BIT } else { number };
    let event = Event { number, arch: arch.audit(), instruction_pointer: 0x40_1000, arguments };
    bpf::action(Program::new(program).unwrap().run(&event).value)
}

#[test]
fn the_filter_denies_every_way_out_on_every_interface() {
    for host in [root_on_v1(), Host { arch: Arch::Aarch64, ..root_on_v1() }] {
        let (with, without) = (
            plan(&limited(), &host).unwrap(),
            plan(&profile(&format!("{OPEN}syscalls: {{speculation: mitigated}}\n")), &host).unwrap(),
        );
        let here = |arch: &Arch| host.arch.family().contains(arch);
        for (arch, number, arguments) in ways_out().into_iter().filter(|(arch, ..)| here(arch)) {
            let said = format!("{arch} {number} {arguments:x?}");
            assert_eq!(answer(&with, arch, number, arguments), Action::Errno(1), "{said}");
            assert_eq!(answer(&without, arch, number, arguments), Action::Allow, "{said}");
        }
        for (arch, ioctl, _) in CALLS.into_iter().filter(|(arch, ..)| here(arch)) {
            for request in OTHERS.into_iter().chain(REQUESTS.map(|request| request ^ 0x10)) {
                assert_eq!(
                    answer(&with, arch, ioctl, [3, request, 0, 0, 0, 0]),
                    Action::Allow,
                    "{request:#x}"
                );
            }
        }
    }
}

#[test]
fn a_floor_with_a_limit_denies_them_too() {
    let floor = meaning(&format!("stockade: 1\n{DISK}"), Mode::Floor);
    let both = profile(OPEN).meet(&floor).unwrap();
    for (arch, number, arguments) in ways_out() {
        for policy in [&floor, &both] {
            assert_eq!(policy.syscalls.decide(arch, number, &arguments).action, Action::Errno(1));
        }
    }
    assert_eq!(hole(&both).unwrap(), None);
    assert!(plan(&both, &root_on_v1()).is_ok());
}

/// A stricter answer stays; a looser one, and one that another process gives, does not.
#[test]
fn only_ever_tighter() {
    let said = |answer: &str| {
        let entries = format!(
            "syscalls: {{deny: [{RING}, quotactl: {answer}, \"ioctl(cmd == 0x401c5820)\": {answer}]}}\n"
        );
        let policy = profile(&format!("{OPEN}{entries}{DISK}"));
        let at =
            |number, arguments: [u64; 6]| policy.syscalls.decide(Arch::X86_64, number, &arguments).action;
        let (call, request) = (at(179, [0; 6]), at(16, [0, 0x401c_5820, 0, 0, 0, 0]));
        assert_eq!(call, request, "{answer}");
        call
    };
    assert_eq!(said("kill_process"), Action::KillProcess);
    assert_eq!(said("enosys"), Action::Errno(38));
    assert_eq!(said("eacces"), Action::Errno(1));
    assert_eq!(said("log"), Action::Errno(1));
    assert_eq!(said("notify"), Action::Errno(1));
}

/// What a parent limits a child may free, and then nothing is denied for it.
#[test]
fn without_a_limit_nothing_is_denied() {
    let open = profile(OPEN);
    for disk in ["", "disk: {size: unlimited}\n", "disk: {optional: true}\n"] {
        let policy = profile(&format!("{OPEN}{disk}"));
        assert!(policy.syscalls == open.syscalls && hole(&policy).unwrap().is_none(), "{disk}");
    }
    assert!(limited().syscalls != open.syscalls);
}

/// By which a condition on ioctl(2) could be walked around: `resolve` asks for them.
const RING: &str = "io_uring_setup: enosys, io_uring_enter: enosys, io_uring_register: enosys";

/// Entries that open and close the calls in question, each way of writing them.
const ENTRIES: [&str; 6] = [
    "  deny: [quotactl: enosys]\n",
    "  deny: [RING, \"ioctl(cmd == FS_IOC_SETFLAGS)\": eacces]\n",
    "  deny: [RING, \"ioctl(cmd != FS_IOC_FSSETXATTR)\"]\n",
    "  deny: [file_setattr, quotactl_fd: log]\n",
    "  otherwise: kill_process\n",
    "  allow: [ioctl, quotactl, file_setattr]\n",
];

prop_compose! {
    /// A profile or a floor, with limits or none.
    fn policies()(
        floor in any::<bool>(),
        limits in subsequence(vec!["size: 1 GiB", "size: 2 GiB", "files: 10"], 0..3),
        entry in select(&ENTRIES[..]),
        written in any::<bool>(),
    ) -> Policy {
        let mut limits = limits;
        limits.dedup_by_key(|limit| limit.starts_with("size"));
        let disk = if limits.is_empty() { String::new() } else { format!("disk: {{{}}}\n", limits.join(", ")) };
        let calls = if written { format!("syscalls:\n{}", entry.replace("RING", RING)) } else { String::new() };
        if floor {
            meaning(&format!("stockade: 1\n{calls}{disk}"), Mode::Floor)
        } else {
            profile(&format!("{OPEN}{calls}{disk}"))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn meets_and_joins_keep_it(a in policies(), b in policies(), c in policies()) {
        for (first, then) in [(Toward::Strict, Toward::Loose), (Toward::Loose, Toward::Strict), (Toward::Loose, Toward::Loose)] {
            let one = a.combine(&b, first).unwrap();
            let two = one.combine(&c, then).unwrap();
            for policy in [&a, &one, &two] {
                prop_assert_eq!(hole(policy).unwrap(), None);
                let limits = policy.disk.size.is_some() || policy.disk.files.is_some();
                for (arch, number, arguments) in ways_out().into_iter().step_by(7) {
                    let class = policy.syscalls.decide(arch, number, &arguments).action.class();
                    prop_assert!(!limits || class == Class::Denied, "{} {} {:x?}", arch, number, arguments);
                }
            }
        }
    }

    /// To say it twice says nothing.
    #[test]
    fn defending_is_idempotent(a in policies()) {
        let mut again = a.clone();
        defend(&mut again).unwrap();
        prop_assert!(again.syscalls == a.syscalls);
    }
}

#[test]
fn a_join_with_what_has_no_limit_has_none() {
    let join = limited().join(&profile(OPEN)).unwrap();
    assert!(join.disk.size.is_none() && join.syscalls == profile(OPEN).syscalls);
}

#[test]
fn a_policy_without_it_is_not_compiled() {
    let mut policy = profile(OPEN);
    policy.disk.size = Some(ruled(1 << 30, 41));
    assert!(hole(&policy).unwrap().is_some());
    let error = plan(&policy, &root_on_v1()).unwrap_err();
    assert!(
        matches!(&error, CompileError::DiskUndefended { origins, .. } if origins.contains(&origin(41))),
        "{error}"
    );
    defend(&mut policy).unwrap();
    assert!(hole(&policy).unwrap().is_none() && plan(&policy, &root_on_v1()).is_ok());
}

#[test]
fn sys_resource_takes_a_user_namespace_of_its_own() {
    let with = |namespaces: &str| {
        let text = format!(
            "stockade: 1\nextends: [restricted]\nprocess: {{user: 0}}\ncapabilities: [sys_resource]\n\
             namespaces: {{user: {namespaces}}}\n{DISK}"
        );
        plan(&profile(&text), &root_on_v1())
    };
    for mode in ["auto", "host"] {
        let error = with(mode).unwrap_err();
        assert!(matches!(error, CompileError::DiskUnbound { .. }), "{mode}: {error}");
        for line in [4, 5, 6] {
            assert!(error.to_string().contains(&format!("web.yaml:{line}:")), "{error}");
        }
    }
    assert!(with("private").is_ok());
}

#[test]
fn the_built_in_profiles_take_a_limit() {
    for name in builtin::names() {
        let policy = profile(&format!("stockade: 1\nextends: [{name}]\n{DISK}"));
        match plan(&policy, &root_on_v1()) {
            Ok(plan) => {
                for (arch, number, arguments) in ways_out() {
                    if plan.arch.family().contains(&arch) {
                        let class = answer(&plan, arch, number, arguments).class();
                        assert_eq!(class, Class::Denied, "{name}: {arch} {number} {arguments:x?}");
                    }
                }
                let exported = engine(Engine::DockerArgs, &policy, &plan);
                assert!(
                    exported.contains("disk.size") && !exported.contains("no seccomp JSON"),
                    "{name}: {exported}"
                );
            }
            Err(error) => {
                assert!(matches!(error, CompileError::DiskUnbound { .. }), "{name}: {error}");
                assert_eq!(name, "unconfined");
            }
        }
    }
}

#[test]
fn it_is_explained_by_the_line_of_the_limit() {
    let policy = limited();
    for text in ["syscall:quotactl", "syscall:file_setattr on i386", "syscall:ioctl(_, FS_IOC_FSSETXATTR)"] {
        let told = explain(&policy, None, Some(&text.parse().unwrap()));
        assert_eq!(told.verdict, Some(Verdict::Denied), "{text}");
        let lines: Vec<String> =
            told.answers.iter().flat_map(|answer| &answer.origins).map(ToString::to_string).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| line == "web.yaml:4:14"), "{text}: {lines:?}");
    }
    let summary = |policy: &Policy| explain(policy, None, None).text();
    let told = summary(&policy);
    let found: Vec<&str> = told.lines().skip_while(|line| !line.contains("disk defence")).take(2).collect();
    assert!(found[0].contains("included") && found[1].trim() == "web.yaml:4:14", "{told}");
    assert!(!summary(&profile(OPEN)).contains("disk"));
}

#[test]
fn to_drop_the_limit_loosens() {
    let (with, without) = (limited(), profile(OPEN));
    let diff = diff(("with", &with), ("without", &without));
    assert!(diff.stricter.is_empty());
    let sections: Vec<Section> = diff.looser.iter().map(|difference| difference.section).collect();
    assert!(sections.contains(&Section::Disk) && sections.contains(&Section::Syscalls), "{sections:?}");
    let events: Vec<String> = diff.looser.iter().map(|difference| difference.event.to_string()).collect();
    for call in ["ioctl", "quotactl", "quotactl_fd", "file_setattr"] {
        assert!(
            syscalls::exists(call)
                && events.iter().any(|event| event.starts_with(&format!("syscall:{call}("))),
            "{call}: {events:?}"
        );
    }
}
