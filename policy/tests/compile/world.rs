//! Hosts and policies to compile.

use std::collections::{BTreeMap, BTreeSet};
use stockade_policy::compile::{CompileError, Request, compile};
use stockade_policy::host::{Availability, Caller, CgroupHost, Host, SeccompHost};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::files::{FileTree, Rights, Statement};
use stockade_policy::lattice::intervals::IntervalSet;
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::{Origin, Origins, Ruled};
use stockade_policy::plan::Plan;
use stockade_policy::policy::{
    Device, Mount, NamespaceKind, NamespaceMode, Policy, ProcView, Resource, Rlimit,
};
use stockade_policy::vocab::{Arch, Cap, CapSet};

pub(crate) fn origin(line: u32) -> Origin {
    Origin { file: "web.yaml".into(), line, column: 3 }
}

pub(crate) fn ruled<T>(value: T, line: u32) -> Ruled<T> {
    Ruled::at(value, origin(line))
}

/// Root on 6.18 with the controllers on v1.
pub(crate) fn root_on_v1() -> Host {
    Host {
        kernel: "6.18.0".to_owned(),
        arch: Arch::X86_64,
        caller: Caller { uid: 0, gid: 0, groups: BTreeSet::new(), capabilities: all_capabilities() },
        kernel_capabilities: all_capabilities(),
        landlock_abi: 7,
        seccomp: Some(seccomp_host(0x2f)),
        user_namespaces: Availability::Yes,
        write_xor_execute: true,
        proc_options: true,
        mount_setattr: true,
        cgroup: CgroupHost::V1 {
            parents: [("memory", "memory"), ("cpu", "cpu"), ("pids", "pids"), ("io", "blkio")]
                .map(|(name, legacy)| (name.to_owned(), format!("/sys/fs/cgroup/{legacy}/stockade")))
                .into(),
        },
        swap_accounting: true,
        block_devices: ["254:0".to_owned()].into(),
        security_modules: BTreeSet::new(),
    }
}

/// User 1000 on 6.1 with a delegated v2 cgroup that lacks `io`.
pub(crate) fn user_on_v2() -> Host {
    Host {
        kernel: "6.1.0".to_owned(),
        caller: Caller { uid: 1000, gid: 1000, groups: BTreeSet::new(), capabilities: CapSet::EMPTY },
        landlock_abi: 2,
        write_xor_execute: false,
        cgroup: CgroupHost::V2 {
            parent: "/sys/fs/cgroup/user.slice/user-1000.slice".to_owned(),
            controllers: ["memory", "cpu", "pids"].map(str::to_owned).into(),
        },
        ..root_on_v1()
    }
}

/// Root on 4.19: before Landlock, the options of procfs, recursive mount options and the newest
/// capabilities; no cgroup, no user namespaces.
pub(crate) fn root_on_old_kernel() -> Host {
    Host {
        kernel: "4.19.0".to_owned(),
        kernel_capabilities: CapSet((1 << 38) - 1),
        landlock_abi: 0,
        seccomp: Some(seccomp_host(0x7)),
        user_namespaces: Availability::No {
            why: "user.max_user_namespaces is 0".to_owned(),
            remedy: "raise user.max_user_namespaces".to_owned(),
        },
        write_xor_execute: false,
        proc_options: false,
        mount_setattr: false,
        cgroup: CgroupHost::None {
            why: "no cgroup file system is mounted".to_owned(),
            remedy: "mount one at /sys/fs/cgroup".to_owned(),
        },
        ..root_on_v1()
    }
}

fn seccomp_host(flags: u32) -> SeccompHost {
    let actions = ["kill_process", "kill_thread", "trap", "errno", "user_notif", "trace", "log", "allow"];
    SeccompHost { actions: actions.map(str::to_owned).into(), flags }
}

fn all_capabilities() -> CapSet {
    Cap::all().collect()
}

/// A server as `profile.md` of the language writes it.
pub(crate) fn web() -> Policy {
    let mut policy = Policy::unconstrained("web");
    policy.users.uids = ruled(IntervalSet::single(101), 4);
    policy.users.groups = vec![ruled(44, 5)];
    policy.process.no_new_privileges = ruled(true, 6);
    policy.process.write_xor_execute = ruled(true, 7);
    policy.process.environment = Some(ruled(["PATH", "LANG"].map(str::to_owned).into(), 8));
    policy.process.workdir = Some(ruled("/srv".to_owned(), 9));
    policy.process.hostname = Some(ruled("web".to_owned(), 10));
    policy.process.sysctls = [("net.core.somaxconn".to_owned(), ruled("4096".to_owned(), 11))].into();
    policy.process.limits = [(Rlimit::OpenFiles, ruled(4096, 12)), (Rlimit::Core, ruled(0, 12))].into();
    policy.capabilities = ruled(["net_bind_service".parse().unwrap()].into_iter().collect(), 14);
    policy.syscalls = allow_but_ptrace();
    policy.files.tree = tree(&[
        ("/usr", Rights::READ, 21),
        ("/etc/nginx", Rights::READ, 22),
        ("/var/cache/nginx", Rights::WRITE, 23),
        ("/usr/sbin/nginx", Rights::EXECUTE, 24),
        ("/sys/firmware", Rights::NONE, 25),
    ]);
    policy.files.tmp = Some(ruled(64 << 20, 26));
    policy.files.proc = ruled(ProcView::Minimal, 27);
    policy.mounts = Some(BTreeMap::from([(
        "/srv".to_owned(),
        Mount { from: ruled("/host/site".to_owned(), 29), allows: ruled(BTreeSet::new(), 29) },
    )]));
    policy.devices = Some(ruled([Device::Node("null".to_owned()), Device::Shm, Device::Pts].into(), 30));
    policy.namespaces.modes = [
        (NamespaceKind::User, ruled(NamespaceMode::Auto, 31)),
        (NamespaceKind::Network, ruled(NamespaceMode::Private, 31)),
        (NamespaceKind::Ipc, ruled(NamespaceMode::Private, 31)),
        (NamespaceKind::Uts, ruled(NamespaceMode::Private, 31)),
        (NamespaceKind::Cgroup, ruled(NamespaceMode::Private, 31)),
    ]
    .into();
    policy.resources = [
        (Resource::Memory, ruled(512 << 20, 32)),
        (Resource::Swap, ruled(0, 33)),
        (Resource::CpuMillis, ruled(1500, 34)),
        (Resource::Processes, ruled(128, 35)),
        (Resource::IoWrite, ruled(20 << 20, 36)),
    ]
    .into();
    policy
}

pub(crate) fn tree(statements: &[(&str, Rights, u32)]) -> FileTree {
    let statements: Vec<Statement> = statements
        .iter()
        .map(|(path, rights, line)| Statement {
            path: (*path).to_owned(),
            rights: *rights,
            origin: origin(*line),
        })
        .collect();
    FileTree::from_statements(&statements, &Origins::from([origin(20)])).unwrap()
}

/// Everything but ptrace (native) and everything of the other interfaces.
fn allow_but_ptrace() -> Syscalls {
    let decision = |action, line| Decision { action, origins: Origins::from([origin(line)]) };
    let denied = Diagram::leaf(decision(Action::Errno(1), 17));
    let native = Table::new(BTreeMap::from([(101, denied)]), decision(Action::Allow, 16));
    Syscalls::new(BTreeMap::from([(Arch::X86_64, native)]), &decision(Action::Errno(38), 18))
}

/// A root in which nginx is a dynamic program behind a symbolic link.
pub(crate) struct DynamicNginx;

impl Lookup for DynamicNginx {
    fn profile(&self, _: &str, _: Option<&Origin>) -> Result<Option<Source>, String> {
        Ok(None)
    }

    fn profile_names(&self) -> Vec<String> {
        Vec::new()
    }

    fn user(&self, _: &str) -> Result<Option<(u32, u32)>, String> {
        Ok(None)
    }

    fn group(&self, _: &str) -> Result<Option<u32>, String> {
        Ok(None)
    }

    fn loaders(&self, path: &str) -> Result<Vec<Loader>, String> {
        let loader = |path: &str| Loader { path: path.to_owned() };
        match path {
            "/usr/sbin/nginx" => {
                Ok(vec![loader("/opt/nginx/bin/nginx"), loader("/usr/lib64/ld-linux-x86-64.so.2")])
            }
            "/broken" => Err("/broken is a symbolic link to itself".to_owned()),
            _ => Ok(Vec::new()),
        }
    }
}

pub(crate) fn plan(policy: &Policy, host: &Host) -> Result<Plan, CompileError> {
    let request = Request { root: "/".to_owned(), floors: "none".to_owned() };
    compile(policy, host, &request, &DynamicNginx)
}

/// The gaps' rights, in order.
pub(crate) fn gaps(plan: &Plan) -> Vec<&str> {
    plan.gaps.iter().map(|gap| gap.right.as_str()).collect()
}
