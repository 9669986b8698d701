//! The administrator's rules, and where things are by them.

use super::RuntimeError;
use super::arguments::Invocation;
use crate::context::Context;
use crate::stages::hex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use stockade_enforcer::oci::claims::{DOCKER, PODMAN, Partner, Stores, owned_by_root};
use stockade_enforcer::oci::record::{STATE, State};
use stockade_policy::diagnostic::render;
use stockade_policy::lattice::Lattice;
use stockade_policy::lookup::{Lookup, Source};
use stockade_policy::oci::{self, Admission};
use stockade_policy::parse;
use stockade_policy::policy::{NamespaceKind, Policy};
use stockade_policy::profile::{AbsolutePath, List};
use stockade_policy::resolve::{self, Mode};
use stockade_policy::rules::{self, Choice, Joined, Rules};

/// Where the rules stand if nothing else is said.
pub(crate) const RULES: &str = "/etc/stockade/runtime.yaml";

/// Paths that engines themselves mount into a container, below the directories in which they keep theirs. `{docker}`,
/// `{podman}` and `{kubelet}` are such directories, `{sandbox}` and `{uid}` the pod of a container by the CRI and by
/// Kubernetes. moby, container/container.go; containerd, pkg/cri/server/helpers.go; podman,
/// libpod/container_internal.go; kubelet, pkg/kubelet/kubelet_getters.go; moby/buildkit,
/// executor/oci/hosts.go and resolvconf.go. `{network}` and `{ipc}` are other containers in whose namespace one is started:
/// it has their files, too. All steps of a build share theirs. What others had kubelet mount (`hostPath`, a disk) is a mount there, and not admitted.
const OF_ENGINES: [&str; 28] = [
    "{docker}/containers/{id}/hostname",
    "{docker}/containers/{id}/hosts",
    "{docker}/containers/{id}/resolv.conf",
    "{docker}/containers/{id}/mounts/*",
    "{docker}/containers/{network}/hostname",
    "{docker}/containers/{network}/hosts",
    "{docker}/containers/{network}/resolv.conf",
    "{docker}/containers/{ipc}/mounts/shm",
    "{docker}/volumes/*/_data",
    "{docker}/buildkit/executor/hosts",
    "{docker}/buildkit/executor/hosts.{any}",
    "{docker}/buildkit/executor/resolv.conf",
    "{docker}/buildkit/executor/resolv-host.conf",
    "/var/lib/buildkit/*/executor/hosts",
    "/var/lib/buildkit/*/executor/hosts.{any}",
    "/var/lib/buildkit/*/executor/resolv.conf",
    "/var/lib/buildkit/*/executor/resolv-host.conf",
    "/var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{sandbox}/*",
    "/run/containerd/io.containerd.grpc.v1.cri/sandboxes/{sandbox}/*",
    "{podman}/overlay-containers/{id}/userdata/*",
    "{podman}/overlay-containers/{network}/userdata/hosts",
    "{podman}/overlay-containers/{network}/userdata/resolv.conf",
    "{podman}/overlay-containers/{ipc}/userdata/shm",
    "{podman}/volumes/*/_data",
    "{kubelet}/pods/{uid}/etc-hosts",
    "{kubelet}/pods/{uid}/containers/*/*",
    "{kubelet}/pods/{uid}/volumes/*/*",
    "{kubelet}/pods/{uid}/volume-subpaths/*/*/*",
];

/// Where kubelet keeps pods if nothing else is said. kubelet(1), `--root-dir`.
const KUBELET: &str = "/var/lib/kubelet";

/// The pod of a container by the CRI, and by Kubernetes: containerd, pkg/cri/annotations. The second since 1.6.9.
const POD: [(&str, &str); 2] =
    [("{sandbox}", "io.kubernetes.cri.sandbox-id"), ("{uid}", "io.kubernetes.cri.sandbox-uid")];

/// Whose files a container has beside its own.
const PARTNERS: [(&str, NamespaceKind); 2] =
    [("{network}", NamespaceKind::Network), ("{ipc}", NamespaceKind::Ipc)];

/// Roots of containers as engines keep them, one kind of a driver a line; what else is below those directories is the
/// engine's own. Those of containerd and BuildKit are in the bundle. moby, daemon/graphdriver; containers/storage,
/// drivers.
const ROOTS: [&str; 12] = [
    "{docker}/overlay2/*/merged",
    "{docker}/fuse-overlayfs/*/merged",
    "{docker}/vfs/dir/*",
    "{docker}/btrfs/subvolumes/*",
    "{docker}/zfs/graph/*",
    "{docker}/rootfs/*/*",
    "{docker}/buildkit/executor/*/rootfs",
    "{podman}/overlay/*/merged",
    "{podman}/vfs/dir/*",
    "{podman}/btrfs/subvolumes/*",
    "{podman}/zfs/graph/*",
    "/run/containerd/*/*/*/rootfs",
];

/// Hooks of engines: Docker's dockerd gives the network its namespace.
const HOOKS: [&str; 3] = ["/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd"];

/// Rules that were read.
pub(super) struct Administered {
    rules: Rules,
    path: PathBuf,
}

impl Administered {
    /// The rules in the file that is named, or in the usual one. Nobody but root may be able to write it.
    pub(super) fn read(invocation: &Invocation) -> Result<Administered, RuntimeError> {
        let path = invocation.rules.clone().unwrap_or_else(|| PathBuf::from(RULES));
        let fault = |why: String| RuntimeError::Rules { path: path.clone(), why };
        let text = owned_by_root(&path).map_err(|error| fault(error.to_string()))?;
        let source = Source { file: path.to_string_lossy().into(), text };
        let rules = rules::parse(&source).map_err(|found| fault(render(&found, false)))?;
        Ok(Administered { rules, path })
    }

    /// The inner runtime.
    pub(super) fn inner(&self) -> &str {
        self.rules.runtime.as_ref().map_or(super::USUAL, |runtime| &runtime.value)
    }

    /// Where the state of containers is kept.
    pub(super) fn state_path(&self) -> &Path {
        self.rules.state.as_ref().map_or(Path::new(STATE), |state| Path::new(&state.value.0))
    }

    /// The state of containers, made where it is not there.
    pub(super) fn state(&self) -> Result<State, RuntimeError> {
        Ok(State::open(self.state_path())?)
    }

    /// The same as it is.
    pub(super) fn existing_state(&self) -> State {
        State::existing(self.state_path())
    }

    /// Where meets of earlier containers are kept.
    pub(super) fn meets(&self) -> PathBuf {
        self.state_path().join("meets")
    }

    /// The file of the rules.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where cuts are logged.
    pub(super) fn log(&self) -> PathBuf {
        self.rules
            .log
            .as_ref()
            .map_or_else(|| self.state_path().join("runtime.log"), |log| PathBuf::from(&log.value.0))
    }

    /// Where engines keep their containers.
    pub(super) fn stores(&self) -> Stores {
        Stores { docker: named(&self.rules.docker, &[DOCKER]), podman: named(&self.rules.podman, &PODMAN) }
    }

    /// Whether a rule speaks of labels.
    pub(super) fn asks_for_labels(&self) -> bool {
        let mut rules = self.rules.rules.iter().flat_map(|list| &list.items);
        rules.any(|rule| rule.value.when.as_ref().is_some_and(|when| when.labels.is_some()))
    }

    /// Whether a directory may be the root of a container: it is in the bundle, or an engine keeps it, or it may be
    /// mounted.
    pub(super) fn admits_root(&self, root: &Path, bundle: &Path, id: &str) -> bool {
        let mut own = self.own_mounts();
        let places = self.places();
        let mut kept = ROOTS.iter().flat_map(|pattern| below(&places, pattern));
        let Some(text) = root.to_str() else { return false };
        // Whether the container may write its root nobody is asked.
        own.any(|source| source.write && source.admits(text, id))
            || kept.any(|path| source(path).is(text, id))
            || root.starts_with(bundle) && root != bundle
    }

    /// What the administrator admits.
    fn own_mounts(&self) -> impl Iterator<Item = oci::Source> {
        self.rules.mounts.iter().flat_map(|list| &list.items).map(|source| oci::Source {
            path: source.value.path.0.clone(),
            write: source.value.write,
            of_engine: false,
        })
    }

    /// Where engines keep what is theirs, by the words of patterns.
    fn places(&self) -> [(&'static str, Vec<PathBuf>); 3] {
        let Stores { docker, podman } = self.stores();
        [("{docker}", docker), ("{podman}", podman), ("{kubelet}", named(&self.rules.kubelet, &[KUBELET]))]
    }

    /// What may be mounted, started and shared for a container of which this is said, and that joins these.
    pub(super) fn admission(&self, claims: &rules::Claims, partners: &BTreeSet<Partner>) -> Admission {
        let places = self.places();
        // Whoever starts a container of Docker or podman could write these, too.
        let pod = POD.map(|(word, annotation)| {
            let said = claims.annotations.get(annotation).filter(|_| claims.through_cri);
            // A name of a directory, and nothing that means more.
            let plain = |id: &&String| {
                !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
            };
            (word, said.filter(plain).into_iter().cloned().collect())
        });
        let joined = PARTNERS.map(|(word, kind)| {
            let of_kind = partners.iter().filter(|partner| partner.kind == kind);
            (word, of_kind.map(|partner| partner.id.clone()).collect())
        });
        let words: Vec<(&str, Vec<String>)> = pod.into_iter().chain(joined).collect();
        let engines = OF_ENGINES.iter().flat_map(|pattern| {
            let named = below(&places, pattern).into_iter().flat_map(|path| {
                match words.iter().find(|(word, _)| path.contains(word)) {
                    Some((word, ids)) => ids.iter().map(|id| path.replace(word, id)).collect(),
                    None => vec![path],
                }
            });
            named.map(source).collect::<Vec<_>>()
        });
        let of_pod = Joined::WORDS.iter().filter(|_| claims.through_cri).map(|(_, joined)| *joined);
        let joins = self.rules.joins.iter().flat_map(|list| &list.items).map(|joined| joined.value);
        let hooks = self.rules.hooks.iter().flat_map(|list| &list.items).map(|path| path.value.0.clone());
        let annotations = self.rules.annotations.iter().flat_map(|list| &list.items);
        Admission {
            joins: joins.chain(of_pod).map(Joined::kind).collect(),
            mounts: self.own_mounts().chain(engines).collect(),
            hooks: hooks.chain(HOOKS.map(str::to_owned)).collect(),
            annotations: annotations.map(|name| name.value.clone()).collect(),
        }
    }

    /// Whether policies are only looked at.
    pub(super) fn observes(&self) -> bool {
        self.rules.mode.as_ref().is_some_and(|mode| mode.value == rules::Mode::Observe)
    }

    /// Whether checkpoints may be restored.
    pub(super) fn restores(&self) -> bool {
        self.rules.restore.as_ref().is_some_and(|restore| restore.value)
    }

    /// Which policies a container gets.
    pub(super) fn choose(&self, claims: &rules::Claims) -> Result<Choice, RuntimeError> {
        Ok(self.rules.choose(claims)?)
    }

    /// The meet of the policies, and the hash of every text that they were read from.
    pub(super) fn policy(
        &self,
        context: &Context,
        choice: &Choice,
    ) -> Result<(Policy, String), RuntimeError> {
        let before = context.asked().len();
        let mut met: Option<Policy> = None;
        for step in &choice.steps {
            let fault = |why: String| RuntimeError::Policy(format!("the profile `{}`: {why}", step.profile));
            // A path counts from the rules.
            let beside = step.origin.clone().unwrap_or_else(|| self.origin());
            let source = context.profile(&step.profile, Some(&beside)).map_err(fault)?;
            let source = source.ok_or_else(|| {
                let known = context.profile_names().join(", ");
                fault(format!("there is none of this name; built in are {known}"))
            })?;
            let refused = |found: Vec<_>| fault(render(&found, false));
            let profile = parse::parse(&source).map_err(refused)?;
            let mode = if step.floor { Mode::Floor } else { Mode::Profile };
            let policy = resolve::resolve(&profile, context, mode).map_err(refused)?;
            met = Some(match met {
                None => policy,
                Some(met) => met.meet(&policy).map_err(|error| fault(error.to_string()))?,
            });
        }
        let met = met.ok_or_else(|| RuntimeError::Policy("the rules name no profile".to_owned()))?;
        Ok((met, hex(&context.texts_since(before))))
    }

    fn origin(&self) -> stockade_policy::origin::Origin {
        stockade_policy::origin::Origin { file: self.path.to_string_lossy().into(), line: 1, column: 1 }
    }
}

/// Directories of the rules; the usual ones where none is named.
fn named(list: &Option<List<AbsolutePath>>, usual: &[&str]) -> Vec<PathBuf> {
    let named = list.iter().flat_map(|list| &list.items);
    let named: Vec<PathBuf> = named.map(|path| PathBuf::from(&path.value.0)).collect();
    if named.is_empty() { usual.iter().map(PathBuf::from).collect() } else { named }
}

/// The paths of a pattern below the directories in which engines keep what is theirs.
fn below(places: &[(&str, Vec<PathBuf>)], pattern: &str) -> Vec<String> {
    let begun = places.iter().find_map(|(word, roots)| Some((pattern.strip_prefix(word)?, roots)));
    match begun {
        Some((rest, roots)) => roots.iter().map(|root| format!("{}{rest}", root.display())).collect(),
        None => vec![pattern.to_owned()],
    }
}

/// What an engine keeps at a path.
fn source(path: String) -> oci::Source {
    oci::Source { path, write: true, of_engine: true }
}
