//! What profiles mean once they are resolved.

use super::world::World;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::files::Rights;
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::network::Protocol;
use stockade_policy::lookup::Lookup;
use stockade_policy::origin::Origin;
use stockade_policy::policy::{
    Device, Label, MountRight, NamespaceKind, NamespaceMode, Policy, ProcView, Resource, Rlimit, Section,
};
use stockade_policy::resolve::Mode;
use stockade_policy::vocab::{Arch, Cap, CapSet, syscalls};

const EXAMPLE: &str = include_str!("example.yaml");

/// The action on a call of x86_64.
fn action(policy: &Policy, call: &str, arguments: [u64; 6]) -> Action {
    action_on(policy, Arch::X86_64, call, arguments)
}

fn action_on(policy: &Policy, arch: Arch, call: &str, arguments: [u64; 6]) -> Action {
    policy.syscalls.decide(arch, syscalls::number(arch, call).unwrap(), &arguments).action
}

const EPERM: Action = Action::Errno(1);
const ENOSYS: Action = Action::Errno(38);
const NONE: [u64; 6] = [0; 6];

fn line(origin: &Origin) -> (&str, u32) {
    (&origin.file, origin.line)
}

#[test]
fn the_example_of_the_language() {
    let policy = World::new().policy(EXAMPLE);
    assert_eq!((policy.name.as_str(), policy.about.as_str()), ("web", "A static web server behind a proxy"));
    assert_eq!(policy.users.uids.value, IntervalSet::single(101));
    assert_eq!(policy.users.gid.as_ref().unwrap().value, 101);
    assert!(policy.process.no_new_privileges.value && policy.process.write_xor_execute.value);
    assert_eq!(policy.process.limits[&Rlimit::OpenFiles].value, 4096);
    assert_eq!(policy.process.umask.value, 0o022);
    let net_bind_service: Cap = "net_bind_service".parse().unwrap();
    assert_eq!(policy.capabilities.value, CapSet::EMPTY.with(net_bind_service));

    assert_eq!(action(&policy, "openat", NONE), Action::Allow);
    assert_eq!(action(&policy, "socket", [2, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "socket", [40, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(action(&policy, "socket", [1 << 32 | 40, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(action(&policy, "clone", [17, 0, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "clone", [0x1000_0000, 0, 0, 0, 0, 0]), EPERM);
    assert_eq!(action(&policy, "clone3", NONE), ENOSYS);
    assert_eq!(action(&policy, "ioctl", [0, 0x5401, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "ioctl", [0, 1 << 32 | 0x5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(action_on(&policy, Arch::Aarch64, "ioctl", [0, 0x5412, 0, 0, 0, 0]), EPERM);
    assert_eq!(action(&policy, "bpf", NONE), EPERM);
    assert_eq!(policy.syscalls.decide(Arch::X86_64, 5000, &NONE).action, ENOSYS);
    assert_eq!(action_on(&policy, Arch::I386, "read", NONE), Action::KillProcess);
    assert_eq!(action_on(&policy, Arch::X32, "read", NONE), Action::KillProcess);

    let rights = |path| policy.files.tree.rights(path).value;
    assert_eq!(rights("/"), Rights::VISIBLE);
    assert!(rights("/usr/bin").contains(Rights::READ) && !rights("/usr/bin").contains(Rights::EXECUTE));
    assert!(rights("/usr/sbin/nginx").contains(Rights::EXECUTE));
    assert!(rights("/run/nginx.pid").contains(Rights::WRITE));
    assert_eq!(rights("/proc/kcore"), Rights::NONE);
    assert_eq!(policy.files.tmp.as_ref().unwrap().value, 64 << 20);
    assert_eq!(policy.files.proc.value, ProcView::Minimal);
    let mounts = policy.mounts.as_ref().unwrap();
    assert_eq!(mounts["/srv"].from.value, "/srv/site");
    assert!(mounts["/srv"].allows.value.is_empty());
    assert_eq!(policy.devices.as_ref().unwrap().value.len(), 6);
    assert_eq!(policy.namespaces.modes[&NamespaceKind::User].value, NamespaceMode::Auto);
    assert_eq!(policy.namespaces.modes[&NamespaceKind::Pid].value, NamespaceMode::Private);

    let resource = |resource| policy.resources.get(&resource).map(|limit| limit.value);
    assert_eq!(resource(Resource::Memory), Some(512 << 20));
    assert_eq!(resource(Resource::Swap), Some(0));
    assert_eq!(resource(Resource::CpuMillis), Some(1500));
    assert_eq!(resource(Resource::IoWrite), Some(20 << 20));
    assert_eq!(resource(Resource::IoRead), None);
    assert_eq!(policy.disk.files.as_ref().unwrap().value, 100_000);
    let egress = &policy.network.egress;
    assert_eq!(egress.rate.as_ref().unwrap().value.per_second, 100_000_000);
    let peers = &egress.peers.as_ref().unwrap().value;
    let admits = |address: &str, port| peers.contains(address.parse().unwrap(), Protocol::Tcp, port);
    assert!(admits("10.1.2.3", 5432) && !admits("11.1.2.3", 5432) && admits("11.1.2.3", 443));
    assert!(admits("2001:db8::1", 443) && !admits("2001:db8::1", 80));
    assert_eq!(policy.network.ingress.per_source_new_connections.as_ref().unwrap().value.per_second, 20);
    assert_eq!(policy.lsm.apparmor.as_ref().unwrap().value, Label::Generate);
    assert!(policy.is_optional(Section::Lsm) && !policy.is_optional(Section::Syscalls));
    assert_eq!(policy.optional_origin(Section::Lsm).map(line), Some(("test.yaml", 57)));
}

#[test]
fn every_denial_has_an_address() {
    let policy = World::new().policy(EXAMPLE);
    for arch in Arch::ALL {
        for (first, _, diagram) in policy.syscalls.table(arch).intervals() {
            for decision in diagram.decisions() {
                assert!(decision.action == Action::Allow || !decision.origins.is_empty(), "{arch} {first}");
            }
        }
    }
    let bpf = policy.syscalls.decide(Arch::X86_64, 321, &NONE);
    assert_eq!(bpf.origins.iter().map(line).collect::<Vec<_>>(), [("test.yaml", 28)]);
    // A profile that says nothing is still denied by a place: its own beginning, or its parent's list.
    let policy = World::new().policy("stockade: 1\n");
    assert!(!policy.capabilities.origins.is_empty());
    assert!(!policy.process.no_new_privileges.origins.is_empty());
    let bpf = policy.syscalls.decide(Arch::X86_64, 321, &NONE);
    assert_eq!(bpf.origins.iter().map(line).collect::<Vec<_>>(), [("builtin:restricted", 7)]);
}

#[test]
fn restricted_is_the_parent_where_none_is_named() {
    let world = World::new();
    let policy = world.policy("stockade: 1\nsyscalls: {allow: [openat]}\n");
    assert_eq!(action(&policy, "openat", NONE), Action::Allow);
    assert_eq!(action(&policy, "read", NONE), Action::Allow);
    assert_eq!(action(&policy, "close", NONE), EPERM);
    // Both built-in ones stand alone.
    let policy = world.policy("stockade: 1\nextends: [unconfined]\n");
    assert_eq!(action(&policy, "bpf", NONE), Action::Allow);
    assert_eq!(policy.syscalls.decide(Arch::X86_64, 5000, &NONE).action, Action::Allow);
    assert_eq!(policy.capabilities.value, CapSet::ALL);
    assert!(policy.process.environment.is_none() && policy.devices.is_none());
    assert_eq!(policy.files.tree.rights("/etc").value, Rights::ALL);
    assert_eq!(policy.namespaces.modes[&NamespaceKind::Network].value, NamespaceMode::Host);
    assert_eq!(policy.namespaces.modes[&NamespaceKind::Pid].value, NamespaceMode::Private);
}

#[test]
fn lists_grow_and_single_values_replace() {
    let world =
        World::new().with("a", "stockade: 1\ncapabilities: [kill]\nresources: {memory: 1 GiB, swap: 0}\n");
    let policy =
        world.policy("stockade: 1\nextends: [a]\ncapabilities: [chown]\nresources: {memory: 2 GiB}\n");
    let names: Vec<_> = policy.capabilities.value.iter().map(Cap::name).collect();
    assert_eq!(names, ["chown", "kill"]);
    assert_eq!(policy.resources[&Resource::Memory].value, 2 << 30);
    assert_eq!(policy.resources[&Resource::Swap].value, 0);

    let policy = world.policy(
        "stockade: 1\nextends: [a]\ncapabilities: {replace: [chown]}\nresources: {swap: unlimited}\n",
    );
    assert_eq!(policy.capabilities.value.iter().map(Cap::name).collect::<Vec<_>>(), ["chown"]);
    assert!(!policy.resources.contains_key(&Resource::Swap));
    let policy = world.policy("stockade: 1\nsyscalls: {allow: {replace: [openat]}}\n");
    assert_eq!(action(&policy, "read", NONE), EPERM);
    assert_eq!(action(&policy, "openat", NONE), Action::Allow);
}

#[test]
fn of_two_parents_neither_undoes_the_other_by_what_it_inherits() {
    let world = World::new()
        .with("base", "stockade: 1\nresources: {memory: 1 GiB, swap: 0}\n")
        .with("a", "stockade: 1\nextends: [base]\nresources: {memory: 2 GiB}\n")
        .with("b", "stockade: 1\nextends: [base]\nresources: {processes: 5}\n");
    let policy = world.policy("stockade: 1\nextends: [a, b]\n");
    let values: Vec<_> = policy.resources.iter().map(|(name, limit)| (*name, limit.value)).collect();
    assert_eq!(values, [(Resource::Memory, 2 << 30), (Resource::Swap, 0), (Resource::Processes, 5)]);
}

#[test]
fn deny_beats_allow_and_answers_as_it_says() {
    let world = World::new();
    let policy = world.policy(
        "stockade: 1\nsyscalls:\n  allow: [ptrace, bpf, kill, tkill, mount]\n  deny:\n    - ptrace\n    - bpf: kill_process\n    \
         - \"kill(sig == 9)\": errno(5)\n    - tkill: log\n    - {call: mount, action: trap(3), because: no mounts}\n  otherwise: eacces\n",
    );
    assert_eq!(action(&policy, "ptrace", NONE), Action::Errno(13));
    assert_eq!(action(&policy, "bpf", NONE), Action::KillProcess);
    assert_eq!(action(&policy, "kill", [0, 9, 0, 0, 0, 0]), Action::Errno(5));
    assert_eq!(action(&policy, "kill", [0, 15, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "tkill", NONE), Action::Log);
    assert_eq!(action(&policy, "mount", NONE), Action::Trap(3));
    // Where everything is allowed, denied still means denied.
    let policy = world.policy("stockade: 1\nextends: [unconfined]\nsyscalls: {deny: [ptrace]}\n");
    assert_eq!(action(&policy, "ptrace", NONE), EPERM);
    // What a parent denies stays denied.
    let world = world.with("strict", "stockade: 1\nsyscalls: {deny: [read]}\n");
    let policy = world.policy("stockade: 1\nextends: [strict]\nsyscalls: {allow: [read]}\n");
    assert_eq!(action(&policy, "read", NONE), EPERM);
}

#[test]
fn a_name_decides_over_its_group() {
    let world = World::new();
    let text = "stockade: 1\nsyscalls:\n  allow:\n    - \"@ioctl\"\n    - ioctl(request == FIONREAD)\n";
    let policy = world.policy(text);
    assert_eq!(action(&policy, "ioctl", [0, 0x541b, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "ioctl", NONE), EPERM);
    // A group that is denied stays denied where a name denies only some of it.
    let text = "stockade: 1\nsyscalls:\n  allow: [ioctl]\n  deny:\n    - \"@ioctl\"\n    - \"ioctl(request == 1)\": kill_process\n";
    let policy = world.policy(text);
    assert_eq!(action(&policy, "ioctl", NONE), EPERM);
    assert_eq!(action(&policy, "ioctl", [0, 1, 0, 0, 0, 0]), Action::KillProcess);
}

#[test]
fn several_conditions_allow_what_any_allows() {
    let policy = World::new().policy("stockade: 1\nsyscalls:\n  allow:\n    - socket(domain == 1)\n    - socket(domain == 2 and type == 1)\n");
    assert_eq!(action(&policy, "socket", [1, 9, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "socket", [2, 1, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(action(&policy, "socket", [2, 2, 0, 0, 0, 0]), EPERM);
    // A child may drop its parent's condition.
    let world = World::new().with("a", "stockade: 1\nsyscalls: {allow: [\"socket(domain == 1)\"]}\n");
    let policy = world.policy("stockade: 1\nextends: [a]\nsyscalls: {allow: [socket]}\n");
    assert_eq!(action(&policy, "socket", [40, 0, 0, 0, 0, 0]), Action::Allow);
}

#[test]
fn calls_newer_than_the_table_are_unknown_unless_named() {
    let world = World::new();
    let policy = world.policy("stockade: 1\ntable: v5.0\n");
    assert_eq!(action(&policy, "clone3", NONE), ENOSYS);
    assert_eq!(action(&policy, "bpf", NONE), EPERM);
    let policy = world.policy("stockade: 1\ntable: v5.0\nsyscalls: {allow: [clone3]}\n");
    assert_eq!(action(&policy, "clone3", NONE), Action::Allow);
}

#[test]
fn other_interfaces_kill_unless_they_are_named() {
    let policy = World::new().policy("stockade: 1\nsyscalls: {architectures: [x86_64, i386]}\n");
    assert_eq!(action_on(&policy, Arch::I386, "read", NONE), Action::Allow);
    assert_eq!(action_on(&policy, Arch::Aarch64, "read", NONE), Action::KillProcess);
    assert_eq!(action_on(&policy, Arch::X32, "read", NONE), Action::KillProcess);
}

#[test]
fn users_by_name_and_number() {
    let world = World::new();
    let users = |user: &str| {
        let policy =
            world.policy(&format!("stockade: 1\nprocess: {{user: \"{user}\", groups: [ssl-cert, 7, 7]}}\n"));
        let users = policy.users;
        let groups: Vec<_> = users.groups.iter().map(|group| group.value).collect();
        assert_eq!(groups, [7, 110]);
        (users.uids.value.value().unwrap(), users.gid.map(|gid| gid.value))
    };
    assert_eq!(users("101"), (101, None));
    assert_eq!(users("101:102"), (101, Some(102)));
    assert_eq!(users("games"), (5, Some(60)));
    assert_eq!(users("games:ssl-cert"), (5, Some(110)));
    assert_eq!(users("root"), (0, Some(0)));
    assert_eq!(users("www-data:0"), (33, Some(0)));
    // Without a word about users the caller runs.
    assert!(world.policy("stockade: 1\n").users.uids.value.is_full());
}

#[test]
fn a_floor_constrains_only_what_it_names() {
    let world = World::new();
    let floor = world.floor("stockade: 1\nname: floor\n");
    assert_eq!(floor, Policy::unconstrained("floor"));
    let floor = world.floor("stockade: 1\nprocess: {users: {not: root}, no_new_privileges: true}\n");
    assert!(!floor.users.uids.value.contains(0) && floor.users.uids.value.contains(1));
    assert!(floor.process.no_new_privileges.value && floor.process.environment.is_none());
    let floor = world.floor("stockade: 1\nprocess: {users: [33, 1000-1999]}\n");
    assert!(floor.users.uids.value.contains(1500) && !floor.users.uids.value.contains(34));
    let floor = world.floor("stockade: 1\nnamespaces: {network: private}\n");
    assert_eq!(floor.namespaces.modes.len(), 1);
}

#[test]
fn a_floor_that_only_denies_leaves_the_rest_alone() {
    let world = World::new();
    let floor = world.floor("stockade: 1\nsyscalls:\n  deny:\n    - ptrace\n    - readahead(offset == 7)\n");
    for arch in Arch::ALL {
        assert_eq!(action_on(&floor, arch, "ptrace", NONE), EPERM, "{arch}");
        assert_eq!(action_on(&floor, arch, "read", NONE), Action::Allow);
        assert_eq!(floor.syscalls.decide(arch, 5000, &NONE).action, Action::Allow);
    }
    assert_eq!(action(&floor, "readahead", [0, 7, 0, 0, 0, 0]), EPERM);
    assert_eq!(action(&floor, "readahead", NONE), Action::Allow);
    // There the offset takes two registers: the rule cannot be told, so the call is denied as a whole.
    assert_eq!(action_on(&floor, Arch::I386, "readahead", NONE), EPERM);
}

#[test]
fn a_floors_list_of_files_constrains_its_own_right_only() {
    let world = World::new();
    let rights = |text: &str, path: &str| {
        let floor = world.floor(&format!("stockade: 1\nfiles: {text}\n"));
        floor.files.tree.rights(path).value
    };
    assert_eq!(rights("{hide: [/proc/kcore]}", "/proc/kcore"), Rights::NONE);
    assert_eq!(rights("{hide: [/proc/kcore]}", "/etc"), Rights::ALL);
    let read_only = rights("{root: read-only, write: [/run]}", "/etc");
    assert!(read_only.contains(Rights::READ) && read_only.contains(Rights::EXECUTE));
    assert!(!read_only.contains(Rights::WRITE));
    assert_eq!(rights("{root: read-only, write: [/run]}", "/run"), Rights::ALL);
    assert_eq!(rights("{read: [/usr]}", "/usr"), Rights::ALL);
    assert_eq!(rights("{read: [/usr]}", "/etc"), Rights::VISIBLE);
    assert!(!rights("{execute: [/usr]}", "/home").contains(Rights::EXECUTE));
}

#[test]
fn mounts_and_devices() {
    let world = World::new().with("a", "stockade: 1\nmounts: [{from: /a, at: /x}, {from: /b, at: /y}]\n");
    let policy = world.policy(
        "stockade: 1\nextends: [a]\nmounts: [{from: /c, at: /x, options: [writable, exec]}]\ndevices: [pts, shm, /dev/net/tun]\n",
    );
    let mounts = policy.mounts.unwrap();
    assert_eq!(mounts["/x"].from.value, "/c");
    assert_eq!(
        mounts["/x"].allows.value.iter().copied().collect::<Vec<_>>(),
        [MountRight::Write, MountRight::Exec]
    );
    assert_eq!(mounts["/y"].from.value, "/b");
    let devices = policy.devices.unwrap().value;
    assert_eq!(devices.len(), 9);
    assert!(devices.contains(&Device::Pts) && devices.contains(&Device::Node("net/tun".to_owned())));
}

#[test]
fn sections_that_are_lists_can_be_optional() {
    let policy = World::new()
        .policy("stockade: 1\ncapabilities: {items: [kill], optional: true}\nnetwork: {monitor: true}\n");
    assert!(policy.is_optional(Section::Capabilities));
    assert!(policy.monitor.contains_key(&Section::Network) && !policy.monitor.contains_key(&Section::Lsm));
    assert_eq!(policy.capabilities.value.iter().count(), 1);
}

#[test]
fn a_network_that_is_joined_counts_as_private() {
    let policy = World::new().policy("stockade: 1\nnamespaces: {network: {join: /run/netns/web}}\n");
    assert_eq!(policy.namespaces.modes[&NamespaceKind::Network].value, NamespaceMode::Private);
    assert_eq!(policy.namespaces.network_path.unwrap().value, "/run/netns/web");
}

#[test]
fn json_is_yaml() {
    let policy = World::new().policy(
        r#"{"stockade": 1, "name": "j", "syscalls": {"allow": ["openat", {"call": "socket", "when": "domain == AF_UNIX"}]}}"#,
    );
    assert_eq!(action(&policy, "socket", [1, 0, 0, 0, 0, 0]), Action::Allow);
}

#[test]
fn a_way_around_may_be_left_open_on_purpose() {
    let entry = |clone3: &str| {
        format!(
            "stockade: 1\nsyscalls:\n  allow:\n    - clone(flags & NAMESPACE_FLAGS == 0)\n    - {clone3}\n"
        )
    };
    let world = World::new();
    let policy = world.policy(&entry("{call: clone3, because: decided by another filter}"));
    assert_eq!(action(&policy, "clone3", NONE), Action::Allow);
    for open in ["clone3", "\"@clone\"", "{call: \"@clone\", because: a group is no purpose}"] {
        assert!(world.resolve(&entry(open), Mode::Profile).is_err(), "{open}");
    }
}

#[test]
fn a_copy_of_a_root_profile_has_no_parent_either() {
    let world = World::new().with("other", "stockade: 1\nsyscalls: {allow: [close]}\n");
    let unconfined = world.profile("unconfined", None).unwrap().unwrap().text;
    let policy = world.policy(std::str::from_utf8(&unconfined).unwrap());
    assert_eq!(policy.capabilities.value, CapSet::ALL);
    assert!(policy.process.environment.is_none());
    let policy = world.policy("stockade: 1\nextends: [other]\n");
    assert_eq!(action(&policy, "read", NONE), Action::Allow);
}

#[test]
fn code_without_a_path_is_closed_where_code_is_chosen() {
    const EACCES: Action = Action::Errno(13);
    let begin = "stockade: 1\nname: p\nextends: [unconfined]\n";
    let sealed = [0, 8, 0, 0, 0, 0];
    let attach = [21, 0, 0o100_000, 0, 0, 0];
    let open = World::new().policy(begin);
    let chosen = World::new().policy(&format!("{begin}files: {{execute: {{replace: [/bin]}}}}\n"));
    let turned = World::new().policy(&format!("{begin}process: {{write_xor_execute: true}}\n"));
    for (policy, memory, in_sealed, segment) in [
        (&open, Action::Allow, Action::Allow, Action::Allow),
        (&chosen, EACCES, Action::Allow, Action::Allow),
        (&turned, EACCES, EACCES, EACCES),
    ] {
        for arch in [Arch::X86_64, Arch::I386, Arch::X32, Arch::Aarch64, Arch::Arm] {
            assert_eq!(action_on(policy, arch, "memfd_create", NONE), memory, "{arch:?}");
            assert_eq!(action_on(policy, arch, "memfd_create", sealed), in_sealed, "{arch:?}");
            assert_eq!(action_on(policy, arch, "shmat", [0, 0, 0o100_000, 0, 0, 0]), segment, "{arch:?}");
            assert_eq!(action_on(policy, arch, "shmat", NONE), Action::Allow, "{arch:?}");
        }
        assert_eq!(action_on(policy, Arch::I386, "ipc", attach), segment);
        assert_eq!(action_on(policy, Arch::I386, "ipc", [1 << 16 | 21, 0, 0o100_000, 0, 0, 0]), segment);
        assert_eq!(action_on(policy, Arch::I386, "ipc", [22, 0, 0o100_000, 0, 0, 0]), Action::Allow);
    }
    // A floor asks for the same, and holds against a profile that does not.
    let floor = World::new().floor("stockade: 1\nname: f\nprocess: {write_xor_execute: true}\n");
    assert_eq!(action(&floor, "shmat", [0, 0, 0o100_000, 0, 0, 0]), EACCES);
    assert_eq!(action(&floor, "openat", NONE), Action::Allow);
}
