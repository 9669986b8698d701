//! What `explain` says, and that the plan does it.

use crate::files::{effective, probes, trees};
use crate::world::{gaps, origin, plan, root_on_v1, ruled, tree, web};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::explain::{Subject, SubjectError, Verdict, explain};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::files::Rights;
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::network::{AddressRange, Addresses, Protocol};
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::origin::Origins;
use stockade_policy::policy::{Device, Mount, MountRight, Policy, ProcView};
use stockade_policy::vocab::Arch;

fn subject(text: &str) -> Subject {
    text.parse().unwrap()
}

/// `web`, with sockets but for AF_VSOCK.
fn without_vsock() -> Policy {
    let decision = |action, line| Decision { action, origins: Origins::from([origin(line)]) };
    let vsock = Condition::Compare(Comparison {
        argument: 0,
        width: Width::I32,
        mask: u64::MAX,
        operator: Operator::Equal,
        value: 40,
    });
    let allow = Diagram::leaf(decision(Action::Allow, 16));
    let deny = Diagram::leaf(decision(Action::Errno(97), 19));
    let socket = Diagram::choose("socket", &vsock, &deny, &allow).unwrap();
    let native = Table::new(BTreeMap::from([(41, socket), (59, allow)]), decision(Action::Errno(1), 17));
    let mut policy = web();
    policy.syscalls =
        Syscalls::new(BTreeMap::from([(Arch::X86_64, native)]), &decision(Action::Errno(38), 18));
    policy
}

#[test]
fn texts() {
    let mut policy = without_vsock();
    let database = AddressRange::cidr("10.0.0.0".parse().unwrap(), 8).unwrap();
    let peers = Addresses::new(database, Protocol::Tcp, IntervalSet::single(5432));
    policy.network.egress.peers = Some(ruled(peers, 37));
    let host = root_on_v1();
    let plan = plan(&policy, &host).unwrap();
    let subjects = [
        "syscall:mount",
        "syscall:socket",
        "syscall:socket(AF_VSOCK)",
        "syscall:socket(AF_UNIX, _, 0) on x86_64",
        "syscall:100000 on aarch64",
        "cap:net_bind_service",
        "cap:net_admin",
        "path:/etc/shadow",
        "read:/etc/nginx/nginx.conf",
        "write:/tmp/x",
        "execute:/tmp/x",
        "write:/srv/index.html",
        "connect:10.0.0.1:5432/tcp",
        "connect:10.0.0.1:443/tcp",
        "connect:[::1]:443/tcp",
    ];
    let mut texts: Vec<String> =
        subjects.iter().map(|text| explain(&policy, Some(&plan), Some(&subject(text))).text()).collect();
    texts.push(explain(&policy, Some(&plan), None).text());
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn verdicts() {
    let policy = without_vsock();
    let verdict = |text: &str| explain(&policy, None, Some(&subject(text))).verdict.unwrap();
    assert_eq!(verdict("syscall:mount"), Verdict::Denied);
    assert_eq!(verdict("syscall:execve on x86_64"), Verdict::Allowed);
    assert_eq!(verdict("syscall:execve"), Verdict::Conditional);
    assert_eq!(verdict("syscall:socket(AF_VSOCK) on x86_64"), Verdict::Denied);
    // The upper half of an `int` counts for nothing.
    assert_eq!(verdict("syscall:socket(0x100000028) on x86_64"), Verdict::Denied);
    assert_eq!(verdict("syscall:socket(AF_INET) on x86_64"), Verdict::Allowed);
    assert_eq!(verdict("syscall:socket on x86_64"), Verdict::Conditional);
    assert_eq!(verdict("cap:sys_admin"), Verdict::Denied);
    assert_eq!(verdict("connect:127.0.0.1:1/udp"), Verdict::Allowed);
}

#[test]
fn every_denial_has_an_address() {
    let policy = without_vsock();
    for text in
        ["syscall:mount", "syscall:socket(AF_VSOCK)", "cap:net_admin", "path:/etc/shadow", "execute:/tmp"]
    {
        for answer in explain(&policy, None, Some(&subject(text))).answers {
            assert!(answer.verdict == Verdict::Allowed || !answer.origins.is_empty(), "{text}: {answer:?}");
        }
    }
}

#[test]
fn an_explanation_is_json() {
    let policy = without_vsock();
    let json = serde_json::to_value(explain(&policy, None, Some(&subject("cap:net_admin")))).unwrap();
    assert_eq!(json["verdict"], "denied");
    assert_eq!(json["answers"][0]["origins"][0]["line"], 14);
}

#[test]
fn subjects_survive_their_text() {
    for text in [
        "syscall:openat(AT_FDCWD, _, O_RDONLY)",
        "syscall:ioctl(_, 0x5412) on i386",
        "syscall:435",
        "cap:bpf",
        "path:/",
        "see:/proc",
        "accept:[2001:db8::1]:80/tcp",
        "connect:10.0.0.1:0/other",
    ] {
        assert_eq!(subject(text).to_string(), text);
    }
    assert_eq!(subject("syscall:read(-1)"), subject("syscall:read(0xffffffffffffffff)"));
    assert_eq!(subject("cap:CAP_NET_ADMIN"), subject("cap:net_admin"));
}

#[test]
fn what_is_no_subject_is_an_error_that_helps() {
    let errors: Vec<String> = [
        "mount",
        "call:mount",
        "syscall:opneat",
        "syscall:socket(AF_VSOK)",
        "syscall:socket(1",
        "syscall:read(1,2,3,4,5,6,7)",
        "syscall:read on x86-64",
        "cap:net_admn",
        "path:etc/shadow",
        "path:/etc/../shadow",
        "connect:10.0.0.1/tcp",
        "connect:10.0.0.1:80",
        "connect:example.org:80/tcp",
    ]
    .iter()
    .map(|text| text.parse::<Subject>().map_err(|error: SubjectError| error.to_string()).unwrap_err())
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

prop_compose! {
    /// A tree over `/a`, `/b` …, with mounts among them and the special file systems renamed into its way.
    fn policies()(
        tree in trees(),
        mounts in prop::collection::btree_map(
            prop::sample::select(vec!["/a", "/b", "/a/b", "/a-b/a", "/b/a/b"]),
            prop::collection::btree_set(prop::sample::select(vec![MountRight::Write, MountRight::Exec]), 0..3),
            0..3,
        ),
        tmp in any::<bool>(),
        devices in any::<bool>(),
        proc in prop::sample::select(vec![ProcView::None, ProcView::Minimal, ProcView::Hidden, ProcView::Full]),
    ) -> Policy {
        let mut policy = web();
        policy.files.tree = tree;
        policy.files.proc = ruled(proc, 27);
        policy.files.tmp = tmp.then(|| ruled(1 << 20, 26));
        policy.devices = devices.then(|| ruled([Device::Node("null".to_owned()), Device::Shm].into(), 30));
        policy.process.workdir = None;
        let mount = |allows: BTreeSet<MountRight>| Mount {
            from: ruled("/host".to_owned(), 29),
            allows: ruled(allows, 29),
        };
        policy.mounts =
            Some(mounts.into_iter().map(|(at, allows)| (at.to_owned(), mount(allows))).collect());
        policy
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_plan_does_what_explain_says(policy in policies()) {
        // A hidden root and a mount at a hidden path are refused.
        let hidden = |path: &str| policy.files.tree.rights(path).value == Rights::NONE;
        prop_assume!(!hidden("/") && !policy.mounts.iter().flatten().any(|(at, _)| hidden(at)));
        let plan = plan(&policy, &root_on_v1()).unwrap();
        let unenforced: Vec<String> = gaps(&plan)
            .into_iter()
            .filter_map(|right| right.strip_prefix("read: ").map(str::to_owned))
            .collect();
        let special = ["/tmp", "/tmp/x", "/dev", "/dev/null", "/dev/shm/x", "/dev/sda", "/proc", "/proc/1/maps",
            "/proc/kcore", "/proc/sys/kernel"];
        for path in probes().into_iter().chain(special.map(str::to_owned)) {
            if unenforced.iter().any(|place| std::path::Path::new(&path).starts_with(place)) {
                continue;
            }
            let got = effective(&plan, &path);
            for (right, name) in [
                (Rights::VISIBLE, "see"),
                (Rights::READ, "read"),
                (Rights::WRITE, "write"),
                (Rights::EXECUTE, "execute"),
            ] {
                let explanation = explain(&policy, None, Some(&subject(&format!("{name}:{path}"))));
                let says = explanation.verdict == Some(Verdict::Allowed);
                prop_assert_eq!(says, got.contains(right), "{}\n{:#?}", explanation, plan);
            }
        }
    }
}

#[test]
fn a_mask_is_explained() {
    let mut policy = web();
    policy.files.proc = ruled(ProcView::Full, 27);
    policy.files.tree = tree(&[("/", Rights::READ, 21)]);
    let explanation = explain(&policy, None, Some(&subject("read:/proc/kcore")));
    assert_eq!(explanation.verdict, Some(Verdict::Denied));
    assert!(explanation.to_string().contains("is the memory of the kernel"), "{explanation}");
}
