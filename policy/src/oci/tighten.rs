//! The meet of a bundle and a policy, written back as a bundle.

use super::mounts::{self, Source};
use super::resources::{self, Absent};
use super::{Around, Bounds, Cut, Document, Filters, OciError, Refusal, Surroundings};
use super::{annotations, devices, fields, hooks, labels, namespaces, process, seccomp, sysctls};
use crate::compile;
use crate::defence;
use crate::host::Host;
use crate::lattice::Lattice;
use crate::lattice::intervals::IntervalSet;
use crate::lookup::Lookup;
use crate::origin::Ruled;
use crate::plan::Plan;
use crate::policy::{NamespaceKind, NamespaceMode, Policy};
use crate::vocab::CapSet;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// What the administrator admits beside the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// Paths of the host that may be mounted.
    pub mounts: Vec<Source>,
    /// Programs of the host that may be hooks, by their real paths.
    pub hooks: Vec<String>,
    /// Annotations by which the inner runtime may be told what no field says.
    pub annotations: Vec<String>,
    /// Kinds of namespaces that a container may share with others.
    pub joins: BTreeSet<NamespaceKind>,
}

/// The program that is put before the command of a container, where the policy has layers that no runtime applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init<'a> {
    /// Its path inside.
    pub path: &'a str,
    /// Its file on the host.
    pub file: &'a str,
}

/// How an inner runtime takes the filter that it installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOver {
    /// As rules, of which it compiles one.
    Rules,
    /// As a program: crun(1), `run.oci.seccomp_bpf_data`.
    Program,
}

/// What a bundle is met with.
pub struct Request<'a> {
    /// The policy.
    pub policy: Of<'a>,
    /// Hash of the floors that it was met with.
    pub floors: &'a str,
    /// What the administrator admits.
    pub admission: &'a Admission,
    /// The host.
    pub host: &'a Host,
    /// The container's id.
    pub id: &'a str,
    /// The root of the container, absolute, as a path of the host.
    pub root: &'a str,
    /// Users, programs and profiles of the container's root.
    pub lookup: &'a dyn Lookup,
    /// The host.
    pub surroundings: &'a dyn Surroundings,
    /// The init.
    pub init: Init<'a>,
    /// How the inner runtime takes the filter.
    pub hand_over: HandOver,
}

/// What a bundle is met with: a policy, or what was kept of a meet with it that depended on the same.
#[derive(Clone, Copy)]
pub enum Of<'a> {
    /// A policy.
    Policy(&'a Policy),
    /// All of it but its calls, and the filters that came of these and the bundle's.
    Kept(&'a Around, &'a Filters),
}

impl<'a> Of<'a> {
    fn policy(self) -> &'a Policy {
        match self {
            Of::Policy(policy) => policy,
            Of::Kept(around, _) => around.policy(),
        }
    }

    fn filters(self) -> Option<&'a Filters> {
        match self {
            Of::Policy(_) => None,
            Of::Kept(_, filters) => Some(filters),
        }
    }
}

/// A bundle that is at least as strict as the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Tightened {
    /// The `config.json`.
    pub document: Document,
    /// What must be found on the running container.
    pub plan: Plan,
    /// What processes that are added and limits that are changed keep to.
    pub bounds: Bounds,
    /// What was changed.
    pub cuts: Vec<Cut>,
    /// Its filters, where they were made and not kept.
    pub filters: Option<Filters>,
}

/// Whether the plan has something that the inner runtime does not do: Landlock, W^X, or a filter that must come after
/// them. Without no_new_privileges a filter is the runtime's alone, as only it has the capability to install it.
pub fn needs_init(plan: &Plan) -> bool {
    plan.landlock.is_some()
        || plan.process.write_xor_execute
        || plan.seccomp.is_some() && plan.process.no_new_privileges
}

/// The meet.
pub fn tighten(bundle: &Document, request: &Request<'_>) -> Result<Tightened, OciError> {
    let mut refusals = fields::check(bundle);
    // Where its filters are kept they came of this very text.
    if request.policy.filters().is_none() {
        refusals.extend(seccomp::check(bundle));
    }
    if !refusals.is_empty() {
        return Err(OciError::Refused(refusals));
    }
    let mut document = bundle.clone();
    let surroundings = request.surroundings;
    let mut cuts = annotations::strip(&mut document, &request.admission.annotations);
    hooks::meet(&mut document, &request.admission.hooks, surroundings, &mut refusals)
        .map_err(OciError::Host)?;
    check_cgroup(&document, &mut refusals);
    if request.root == "/" {
        let why = "the container would have the host's own root";
        refusals.push(Refusal::plain("root.path", why));
    }
    namespaces::check_propagation(&document, &mut refusals);
    let joins = &request.admission.joins;
    let mut modes =
        namespaces::modes(&document, joins, surroundings, &mut refusals).map_err(OciError::Host)?;
    cuts.extend(namespaces::hide_cgroups(&mut document, request.policy.policy(), &mut modes));
    namespaces::check(request.policy.policy(), &modes, &mut refusals);
    let mode = |kind: NamespaceKind| modes.get(&kind).map_or(NamespaceMode::Host, |mode| mode.value);
    let user = mode(NamespaceKind::User);
    let id_maps = namespaces::id_maps(&document, request.policy.policy(), user, &mut refusals);
    cuts.extend(sysctls::meet(&mut document, request.policy.policy(), &modes, &mut refusals));

    let mut container = part(&document, &["process"]);
    // Of the profile alone: what a user may be added as does not depend on who came first.
    let profile = Bounds::of(request.policy.policy(), None);
    if let Err(found) = profile.tighten(&mut container.clone(), "process") {
        refusals.extend(found);
    }
    if !refusals.is_empty() {
        return Err(OciError::Refused(refusals));
    }

    // Processes that are added may have what the profile grants, and the first one need not have.
    if let Some(user) = modes.get(&NamespaceKind::User) {
        compile::disk_binds(request.policy.policy(), user)?;
    }
    let mut policy = meet(&document, &container, request, &modes)?;
    let modules = &request.host.security_modules;
    let on = labels::On { modules, apparmor_mode: &|profile| surroundings.apparmor_mode(profile) };
    let (given, labelled) =
        labels::meet(&mut container, &mut policy, &on, &mut refusals).map_err(OciError::Host)?;
    cuts.extend(labelled);
    let compiled = compile::Request { root: request.root.to_owned(), floors: request.floors.to_owned() };
    let mut plan = compile::compile(&policy, request.host, &compiled, request.lookup)?;
    if let Some(filters) = request.policy.filters() {
        filters.complete(&mut plan);
    }
    if let Some(given) = given {
        let left = plan.lsm.get_or_insert_with(|| given.clone());
        left.apparmor = given.apparmor.or(left.apparmor.take());
        left.selinux = given.selinux.or(left.selinux.take());
    }
    check_plan(&plan)?;
    let init = needs_init(&plan);
    let filters = match request.policy.filters() {
        Some(filters) if filters.are_for(init) => Cow::Borrowed(filters),
        Some(_) => return Err(OciError::Kept),
        None => Cow::Owned(Filters::of(&policy, &plan, init, request.hand_over)?),
    };
    // What later processes are met with is the policy: they need not be the container's first user.
    let bounds = Bounds {
        init: init.then(|| request.init.path.to_owned()),
        labels: process::labels(&container),
        resources: policy.resources.clone(),
        ..profile
    };
    cuts.extend(bounds.tighten(&mut container, "process").map_err(OciError::Refused)?);
    for set in process::SETS {
        *set_of(&mut plan, set) = process::capabilities(&container, set);
    }
    settle_identity(&mut plan, &container, id_maps);

    let meeting = mounts::Meeting {
        policy: &policy,
        plan: &plan,
        sources: &request.admission.mounts,
        id: request.id,
        init: request.init.path,
        surroundings,
    };
    cuts.extend(meeting.meet(&mut document, &mut refusals).map_err(OciError::Host)?);
    cuts.extend(devices::meet(&mut document, &policy, surroundings).map_err(OciError::Host)?);
    let mut limits = part(&document, &["linux", "resources"]);
    match bounds.limit(&mut limits, Absent::Unlimited, &request.host.block_devices) {
        Ok(found) => cuts.extend(found),
        Err(found) => refusals.extend(found),
    }
    if !refusals.is_empty() {
        return Err(OciError::Refused(refusals));
    }
    document.set(&["linux", "resources"], limits.into_tree());
    document.set(&["process"], container.into_tree());
    filters.hand_over(&mut document);
    if init {
        let mount = json!({
            "destination": request.init.path,
            "type": "bind",
            "source": request.init.file,
            "options": ["bind", "ro", "nosuid", "nodev"],
        });
        if let Some(Value::Array(mounts)) = document.object(&[]).get_mut("mounts") {
            mounts.push(mount);
        }
    }
    let filters = match filters {
        Cow::Owned(made) => Some(made),
        Cow::Borrowed(_) => None,
    };
    Ok(Tightened { document, plan, bounds, cuts, filters })
}

/// The policy and what the bundle already keeps to.
fn meet(
    document: &Document,
    process: &Document,
    request: &Request<'_>,
    modes: &std::collections::BTreeMap<NamespaceKind, Ruled<NamespaceMode>>,
) -> Result<Policy, OciError> {
    let id = |path: &[&str]| {
        process.get(path).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok()).unwrap_or(0)
    };
    let mut bundle = Policy::unconstrained("bundle");
    bundle.users.uids = Ruled::unwritten(IntervalSet::single(id(&["user", "uid"])));
    bundle.users.gid = Some(Ruled::unwritten(id(&["user", "gid"])));
    bundle.process.no_new_privileges =
        Ruled::unwritten(process.get(&["noNewPrivileges"]) == Some(&Value::Bool(true)));
    bundle.process.limits =
        process::hard_limits(process).map(|(kind, limit)| (kind, Ruled::unwritten(limit))).collect();
    bundle.capabilities = Ruled::unwritten(process::all_capabilities(document));
    if request.policy.filters().is_none()
        && let Some((syscalls, filter)) = seccomp::read(document, request.host, bundle.capabilities.value)?
    {
        bundle.syscalls = syscalls;
        bundle.filter = filter;
    }
    let limits = part(document, &["linux", "resources"]);
    bundle.resources = resources::read(&limits);
    let mut policy = request
        .policy
        .policy()
        .meet(&bundle)
        .map_err(|error| OciError::Refused(vec![Refusal::plain("config.json", error.to_string())]))?;
    if request.policy.filters().is_some() {
        // What is kept is without calls; its filters have what a disk limit denies.
        defence::defend(&mut policy)?;
    }
    policy.users.gid = bundle.users.gid;
    policy.users.groups.clear();
    policy.namespaces.modes = modes.clone();
    policy.namespaces.network_path = None;
    // The inner runtime sets these from the bundle.
    policy.process.hostname = None;
    policy.process.workdir = None;
    Ok(policy)
}

/// What no runtime can put around a container, and no layer of ours does yet.
fn check_plan(plan: &Plan) -> Result<(), OciError> {
    if plan.gaps.iter().any(|gap| !gap.optional) {
        return Err(OciError::Gaps(plan.gaps.clone()));
    }
    let alone = |field: &str, why: &str| Err(OciError::Refused(vec![Refusal::plain(field, why)]));
    if plan.process.securebits != 0 {
        return alone("process", "no field of a bundle sets securebits");
    }
    if plan.process.write_xor_execute && !plan.process.no_new_privileges {
        return alone(
            "process",
            "`write_xor_execute` takes `no_new_privileges: true` in a container of an engine",
        );
    }
    Ok(())
}

/// User and groups as the bundle has them, which the compiler knows nothing of.
fn settle_identity(plan: &mut Plan, process: &Document, id_maps: Option<crate::plan::IdMaps>) {
    let groups = process.list(&["user", "additionalGids"]).iter();
    let groups = groups.filter_map(|group| group.as_u64().and_then(|group| u32::try_from(group).ok()));
    let mut groups: Vec<u32> = groups.collect();
    groups.sort_unstable();
    groups.dedup();
    plan.identity.groups = groups;
    plan.identity.user_namespace = id_maps;
    if plan.identity.user_namespace.is_none() {
        plan.namespaces.private.remove(&NamespaceKind::User);
    } else {
        plan.namespaces.private.insert(NamespaceKind::User);
    }
    let umask = process.get(&["user", "umask"]).and_then(Value::as_u64);
    plan.process.umask = umask.and_then(|umask| u32::try_from(umask).ok()).unwrap_or(0o022);
}

fn set_of<'a>(plan: &'a mut Plan, set: &str) -> &'a mut CapSet {
    let sets = &mut plan.capabilities;
    match set {
        "bounding" => &mut sets.bounding,
        "effective" => &mut sets.effective,
        "inheritable" => &mut sets.inheritable,
        "permitted" => &mut sets.permitted,
        _ => &mut sets.ambient,
    }
}

/// A cgroup that is the container's own.
fn check_cgroup(document: &Document, refusals: &mut Vec<Refusal>) {
    let path = document.string(&["linux", "cgroupsPath"]);
    // runc and crun take `.` and empty parts out.
    let names_none = path.split('/').all(|part| part.is_empty() || part == ".");
    if (!path.is_empty() && names_none) || path.split('/').any(|part| part == "..") {
        let why = format!("`{path}` is the host's own cgroup, or leads out of the one it names");
        refusals.push(Refusal::plain("linux.cgroupsPath", why));
    }
}

fn part(document: &Document, path: &[&str]) -> Document {
    Document::part(document.get(path).cloned().unwrap_or_else(|| json!({})))
}
