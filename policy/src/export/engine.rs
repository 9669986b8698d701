//! What a policy asks of whoever starts a container, item by item: the one table that every export for an
//! engine goes through. An engine answers each item with settings and with what they lack.

use crate::export::remark::Side;
use crate::lattice::files::Rights;
use crate::origin::{Origins, Ruled};
use crate::plan::{MountEntry, MountKind, Plan};
use crate::policy::{
    Device, Label, NamespaceKind, NamespaceMode, Network, Policy, ProcView, Resource, Rlimit,
};
use crate::vocab::CapSet;
use std::collections::BTreeSet;

/// One thing that the policy asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Demand<'a> {
    /// The user and the group.
    User(u32, u32),
    /// Anyone but user 0.
    NotRoot,
    /// Only some users, and the policy does not say which one runs.
    Users,
    /// A supplementary group.
    Group(u32),
    /// `PR_SET_NO_NEW_PRIVS`
    NoNewPrivileges,
    /// `PR_SET_MDWE`
    WriteXorExecute,
    /// Names of variables that are passed on.
    Environment(&'a BTreeSet<String>),
    /// umask(2).
    Umask(u32),
    /// Securebits, as the kernel numbers them.
    Securebits(u32),
    /// An rlimit; `u64::MAX` is none.
    Limit(Rlimit, u64),
    /// The working directory.
    Workdir(&'a str),
    /// The host name.
    Hostname(&'a str),
    /// A sysctl of its own namespaces.
    Sysctl(&'a str, &'a str),
    /// Capabilities kept.
    Capabilities(CapSet),
    /// Decisions on system calls: a filter, or none needed.
    Syscalls(bool),
    /// A list of what may be read; no engine takes one.
    ReadTheseOnly,
    /// A list of what may be executed.
    ExecuteTheseOnly(&'a [String]),
    /// The whole root is read-only.
    ReadOnlyRoot,
    /// Something at a path.
    Path(&'a MountEntry, Surroundings),
    /// A private `/tmp` of so many bytes.
    Tmp(u64),
    /// What `/proc` shows.
    Proc(ProcView),
    /// What stands in `/dev`; `None` is the host's own.
    Devices(Option<&'a BTreeSet<Device>>),
    /// Whose namespace it is.
    Namespace(NamespaceKind, NamespaceMode),
    /// The network namespace of a path.
    NetworkPath(&'a str),
    /// A limit of the whole group.
    Resource(Resource, u64),
    /// Bytes of disk.
    DiskSize(u64),
    /// Inodes.
    DiskFiles,
    /// A limit on traffic, as profiles name it.
    Traffic(&'a Network),
    /// An AppArmor label.
    AppArmor(&'a Label),
    /// An SELinux label.
    SeLinux(&'a Label),
    /// Trusted path execution.
    TrustedPaths,
    /// What is denied is logged.
    LogDenied,
}

/// What stands above and below a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Surroundings {
    /// Something above it is hidden.
    pub(super) below_hidden: bool,
    /// Something below it is shown.
    pub(super) shows: bool,
    /// The root is read-only.
    pub(super) read_only_root: bool,
}

/// A demand with its name in the profile and who made it.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) demand: Demand<'a>,
    /// Section, key and value, as in a profile.
    pub(super) subject: String,
    pub(super) origins: Origins,
}

/// The answer of an engine to one demand.
#[derive(Debug)]
pub(super) struct Said<T> {
    pub(super) settings: Vec<T>,
    pub(super) lacks: Vec<(Side, String)>,
}

impl<T> Said<T> {
    /// Exactly what is asked; no setting where the engine does it anyway.
    pub(super) fn exactly(settings: impl IntoIterator<Item = T>) -> Self {
        Said { settings: settings.into_iter().collect(), lacks: Vec::new() }
    }

    /// The engine does it anyway.
    pub(super) fn anyway() -> Self {
        Said::exactly([])
    }

    /// Nothing that the engine is told does this.
    pub(super) fn not(why: impl Into<String>) -> Self {
        Said::anyway().looser(why)
    }

    /// The same, but it allows more than the policy.
    pub(super) fn looser(self, why: impl Into<String>) -> Self {
        self.lacks(Side::Looser, why)
    }

    /// The same, but it allows less than the policy.
    pub(super) fn stricter(self, why: impl Into<String>) -> Self {
        self.lacks(Side::Stricter, why)
    }

    /// The same, but it is otherwise.
    pub(super) fn differs(self, why: impl Into<String>) -> Self {
        self.lacks(Side::Differs, why)
    }

    /// The same, with a remark where `when`.
    pub(super) fn looser_if(self, when: bool, why: &str) -> Self {
        if when { self.looser(why) } else { self }
    }

    fn lacks(mut self, side: Side, why: impl Into<String>) -> Self {
        self.lacks.push((side, why.into()));
        self
    }
}

/// Paths that hold `right`, with their origins; nothing where all of the tree does.
pub(super) struct Granted {
    paths: Vec<String>,
    origins: Origins,
}

impl Granted {
    /// Of a policy and its plan, which knows the loaders of programs too.
    pub(super) fn of(policy: &Policy, plan: &Plan, right: Rights) -> Option<Granted> {
        if policy.files.tree.rights("/").value.contains(right) {
            return None;
        }
        let mut granted = Granted { paths: Vec::new(), origins: Origins::new() };
        let entries = policy.files.tree.entries().filter(|(_, rights)| rights.value.contains(right));
        for (path, rights) in entries {
            granted.paths.push(path.to_owned());
            granted.origins.extend(rights.origins.iter().cloned());
        }
        let rules = plan.landlock.iter().flat_map(|landlock| &landlock.rules);
        for rule in rules.filter(|rule| rule.rights.contains(right)) {
            granted.paths.push(rule.path.clone());
        }
        granted.paths.sort();
        granted.paths.dedup();
        Some(granted)
    }
}

/// Everything that a policy asks for, in the order of a profile.
pub(super) fn asked<'a>(
    policy: &'a Policy,
    plan: &'a Plan,
    read: Option<&'a Granted>,
    execute: Option<&'a Granted>,
    filtered: bool,
) -> Vec<Asked<'a>> {
    let mut list = List(Vec::new());
    process(policy, plan, &mut list);
    list.ruled(
        "capabilities".to_owned(),
        Demand::Capabilities(policy.capabilities.value),
        &policy.capabilities,
    );
    list.add("syscalls".to_owned(), Demand::Syscalls(filtered), Origins::new());
    if policy.filter.log_denied.value {
        list.ruled("syscalls.log_denied".to_owned(), Demand::LogDenied, &policy.filter.log_denied);
    }
    if let Some(read) = read {
        list.add("files.read".to_owned(), Demand::ReadTheseOnly, read.origins.clone());
    }
    if let Some(execute) = execute {
        let demand = Demand::ExecuteTheseOnly(&execute.paths);
        list.add("files.execute".to_owned(), demand, execute.origins.clone());
    }
    files(policy, plan, &mut list);
    surroundings(policy, &mut list);
    list.0
}

struct List<'a>(Vec<Asked<'a>>);

impl<'a> List<'a> {
    fn add(&mut self, subject: String, demand: Demand<'a>, origins: Origins) {
        self.0.push(Asked { demand, subject, origins });
    }

    fn ruled<T>(&mut self, subject: String, demand: Demand<'a>, ruled: &Ruled<T>) {
        self.add(subject, demand, ruled.origins.clone());
    }
}

fn process<'a>(policy: &'a Policy, plan: &'a Plan, list: &mut List<'a>) {
    let (users, process) = (&policy.users, &policy.process);
    match users.uids.value.value() {
        Some(uid) => {
            let (uid, gid) = (uid, users.gid.as_ref().map_or(plan.identity.gid, |gid| gid.value));
            list.ruled(format!("process.user: {uid}:{gid}"), Demand::User(uid, gid), &users.uids);
        }
        None if users.uids.value.is_full() => {}
        None if !users.uids.value.contains(0) => {
            list.ruled("process.users".to_owned(), Demand::NotRoot, &users.uids);
        }
        None => list.ruled("process.users".to_owned(), Demand::Users, &users.uids),
    }
    for group in &users.groups {
        list.ruled(format!("process.groups: {}", group.value), Demand::Group(group.value), group);
    }
    for (switch, name, demand) in [
        (&process.no_new_privileges, "no_new_privileges", Demand::NoNewPrivileges),
        (&process.write_xor_execute, "write_xor_execute", Demand::WriteXorExecute),
    ] {
        if switch.value {
            list.ruled(format!("process.{name}"), demand, switch);
        }
    }
    if let Some(names) = &process.environment {
        list.ruled("process.environment".to_owned(), Demand::Environment(&names.value), names);
    }
    if process.umask.value != 0 {
        let umask = process.umask.value;
        list.ruled(format!("process.umask: {umask:03o}"), Demand::Umask(umask), &process.umask);
    }
    if process.securebits.value != 0 {
        list.ruled(
            "process.securebits".to_owned(),
            Demand::Securebits(process.securebits.value),
            &process.securebits,
        );
    }
    for (limit, most) in &process.limits {
        list.ruled(format!("process.limits.{}", word(limit)), Demand::Limit(*limit, most.value), most);
    }
    if let Some(path) = &process.workdir {
        list.ruled(format!("process.workdir: {}", path.value), Demand::Workdir(&path.value), path);
    }
    if let Some(name) = &process.hostname {
        list.ruled(format!("process.hostname: {}", name.value), Demand::Hostname(&name.value), name);
    }
    for (name, value) in &process.sysctls {
        list.ruled(format!("process.sysctls.{name}"), Demand::Sysctl(name, &value.value), value);
    }
}

fn files<'a>(policy: &'a Policy, plan: &'a Plan, list: &mut List<'a>) {
    let mounts = &plan.mounts;
    if mounts.read_only {
        list.ruled("files.root: read-only".to_owned(), Demand::ReadOnlyRoot, policy.files.tree.rights("/"));
    }
    let within = |path: &str, above: &str| path != above && crate::compile::paths::is_within(path, above);
    for entry in &mounts.entries {
        let hides = |other: &&MountEntry| other.what == MountKind::Hide && within(&entry.at, &other.at);
        let shown = |other: &&MountEntry| other.what != MountKind::Hide && within(&other.at, &entry.at);
        let around = Surroundings {
            below_hidden: mounts.entries.iter().any(|other| hides(&other)),
            shows: mounts.entries.iter().any(|other| shown(&other)),
            read_only_root: mounts.read_only,
        };
        let key = match &entry.what {
            MountKind::Hide => "files.hide",
            MountKind::Writable { .. } => "files.write",
            MountKind::ReadOnly { .. } => "files.read",
            MountKind::Bind { .. } => "mounts",
        };
        list.add(format!("{key}: {}", entry.at), Demand::Path(entry, around), entry.origins.clone());
    }
    if let Some(tmp) = crate::compile::private_tmp(policy) {
        list.ruled("files.tmp".to_owned(), Demand::Tmp(tmp.value), tmp);
    }
    let proc = &policy.files.proc;
    list.ruled(format!("files.proc: {}", word(&proc.value)), Demand::Proc(proc.value), proc);
    let devices = policy.devices.as_ref();
    let origins = devices.map(|devices| devices.origins.clone()).unwrap_or_default();
    list.add("devices".to_owned(), Demand::Devices(devices.map(|devices| &devices.value)), origins);
}

fn surroundings<'a>(policy: &'a Policy, list: &mut List<'a>) {
    for kind in [
        NamespaceKind::User,
        NamespaceKind::Mount,
        NamespaceKind::Pid,
        NamespaceKind::Network,
        NamespaceKind::Ipc,
        NamespaceKind::Uts,
        NamespaceKind::Cgroup,
    ] {
        // Processes and mounts are always its own.
        let always = matches!(kind, NamespaceKind::Pid | NamespaceKind::Mount);
        let written = policy.namespaces.modes.get(&kind);
        let usual = if always { NamespaceMode::Private } else { NamespaceMode::Host };
        let mode = if always { usual } else { written.map_or(usual, |mode| mode.value) };
        let origins = written.map(|mode| mode.origins.clone()).unwrap_or_default();
        if kind == NamespaceKind::Network && policy.namespaces.network_path.is_some() {
            continue;
        }
        list.add(
            format!("namespaces.{}: {}", word(&kind), word(&mode)),
            Demand::Namespace(kind, mode),
            origins,
        );
    }
    if let Some(path) = &policy.namespaces.network_path {
        list.ruled(format!("namespaces.network: {}", path.value), Demand::NetworkPath(&path.value), path);
    }
    for (resource, limit) in policy.resources.iter().filter(|(_, limit)| limit.value != u64::MAX) {
        list.ruled(format!("resources.{}", word(resource)), Demand::Resource(*resource, limit.value), limit);
    }
    if let Some(size) = &policy.disk.size {
        list.ruled("disk.size".to_owned(), Demand::DiskSize(size.value), size);
    }
    if let Some(files) = &policy.disk.files {
        list.ruled("disk.files".to_owned(), Demand::DiskFiles, files);
    }
    let network = &policy.network;
    for (direction, traffic) in [("egress", &network.egress), ("ingress", &network.ingress)] {
        for (limit, origins) in crate::compile::traffic_limits(traffic) {
            list.add(format!("network.{direction}.{limit}"), Demand::Traffic(network), origins.clone());
        }
    }
    if let Some(label) = &policy.lsm.apparmor {
        list.ruled("lsm.apparmor".to_owned(), Demand::AppArmor(&label.value), label);
    }
    if let Some(label) = &policy.lsm.selinux {
        list.ruled("lsm.selinux".to_owned(), Demand::SeLinux(&label.value), label);
    }
    if policy.lsm.trusted_paths.value {
        list.ruled("lsm.trusted_paths".to_owned(), Demand::TrustedPaths, &policy.lsm.trusted_paths);
    }
}

/// The word of a value in JSON, which is the profile's.
fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(error) => error.to_string(),
    }
}
