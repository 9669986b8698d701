//! A container's configuration, whoever wrote it → the sections of a profile.
//!
//! The profile extends one that restricts nothing, and says every section itself. What has no word in the language
//! is collected and told.

mod lines;

use super::told::Told;
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::policy::{Label, NamespaceKind, ProcView, Rlimit};
use crate::profile::{AbsolutePath, DeviceName, Hostname, LabelChoice, Variable};
use crate::units::tmpfs_size;
use crate::vocab::{Cap, CapSet};
use std::collections::{BTreeMap, BTreeSet};

/// The namespaces that a profile has to itself or shares with the host; pid and mount are always its own.
pub(super) const EITHER: [NamespaceKind; 5] = [
    NamespaceKind::User,
    NamespaceKind::Network,
    NamespaceKind::Ipc,
    NamespaceKind::Uts,
    NamespaceKind::Cgroup,
];

/// What a container is given, in the language's words.
#[derive(Debug)]
pub(super) struct Sections {
    /// `USER:GROUP`
    pub(super) user: Option<String>,
    pub(super) groups: BTreeSet<u32>,
    pub(super) umask: Option<u64>,
    pub(super) no_new_privileges: bool,
    /// Names of variables.
    pub(super) environment: BTreeSet<String>,
    pub(super) workdir: Option<String>,
    pub(super) hostname: Option<String>,
    pub(super) sysctls: BTreeMap<String, String>,
    /// Values with their unit.
    pub(super) limits: BTreeMap<&'static str, String>,
    pub(super) capabilities: CapSet,
    pub(super) read_only_root: bool,
    pub(super) write: BTreeSet<String>,
    pub(super) hide: BTreeSet<String>,
    /// What is masked or read-only of `/proc` without a word.
    covered: BTreeSet<String>,
    pub(super) tmp: Option<u64>,
    pub(super) proc: ProcView,
    pub(super) mounts: BTreeMap<String, (String, Vec<&'static str>)>,
    /// `None`: the host's own.
    pub(super) devices: Option<BTreeSet<String>>,
    /// The namespaces that are the container's own.
    pub(super) private: BTreeSet<NamespaceKind>,
    /// A network namespace to join.
    pub(super) network: Option<String>,
    /// Values with their unit.
    pub(super) resources: BTreeMap<&'static str, String>,
    pub(super) apparmor: Option<String>,
    pub(super) selinux: Option<String>,
}

/// The paths that `proc: full` masks by itself.
fn masked_by_proc(path: &str) -> bool {
    crate::compile::implied::masked().any(|known| known == path)
}

impl Sections {
    /// A container that is given nothing.
    pub(super) fn none() -> Sections {
        Sections {
            user: None,
            groups: BTreeSet::new(),
            umask: None,
            no_new_privileges: false,
            environment: BTreeSet::new(),
            workdir: None,
            hostname: None,
            sysctls: BTreeMap::new(),
            limits: BTreeMap::new(),
            capabilities: CapSet::EMPTY,
            read_only_root: false,
            write: BTreeSet::new(),
            hide: BTreeSet::new(),
            covered: BTreeSet::new(),
            tmp: None,
            proc: ProcView::None,
            mounts: BTreeMap::new(),
            devices: Some(BTreeSet::from(["standard".to_owned()])),
            private: BTreeSet::new(),
            network: None,
            resources: BTreeMap::new(),
            apparmor: None,
            selinux: None,
        }
    }
}

impl Sections {
    /// A path of the container, as profiles write it.
    pub(super) fn path(text: &str, origin: &Origin, told: &mut Told) -> Option<String> {
        match AbsolutePath::from_text(text) {
            Ok(path) => Some(path.0),
            Err(flaw) => {
                told.note(origin, format!("left out: {}", flaw.message));
                None
            }
        }
    }

    /// A path that is not to be seen.
    pub(super) fn masked(&mut self, text: &str, origin: &Origin, told: &mut Told) {
        let Some(path) = Self::path(text, origin, told) else { return };
        let list = if masked_by_proc(&path) { &mut self.covered } else { &mut self.hide };
        list.insert(path);
    }

    /// Tells of what a profile masks of a whole `/proc` and the container does not.
    pub(super) fn compare_masks(&self, told: &mut Told) {
        let open: Vec<&str> =
            crate::compile::implied::masked().filter(|path| !self.covered.contains(*path)).collect();
        if self.proc == ProcView::Full && !open.is_empty() {
            told.notes.push(format!(
                "a profile masks these of /proc, and the container does not: {}",
                open.join(", ")
            ));
        }
    }

    /// A path that is not to be written.
    pub(super) fn read_only(&mut self, text: &str, origin: &Origin, told: &mut Told) {
        let Some(path) = Self::path(text, origin, told) else { return };
        if masked_by_proc(&path) {
            self.covered.insert(path);
        } else if !self.read_only_root {
            told.note(
                origin,
                format!("`{path}` is read-only there: no word takes writing away below a writable root"),
            );
        }
    }

    /// A label of a security module.
    pub(super) fn label(text: &str, origin: &Origin, told: &mut Told) -> Option<String> {
        match LabelChoice::from_text(text) {
            _ if text.is_empty() => None,
            Ok(LabelChoice(Label::Generate)) => {
                told.note(origin, "left out: a label `generate`, which has a meaning of its own in profiles");
                None
            }
            Ok(_) => Some(text.to_owned()),
            Err(flaw) => {
                told.note(origin, format!("left out: {}", flaw.message));
                None
            }
        }
    }

    /// A limit by its name without `RLIMIT_`.
    pub(super) fn limit(&mut self, name: &str, soft: u64, hard: u64, origin: &Origin, told: &mut Told) {
        let Some(limit) = Rlimit::by_kernel_name(&name.to_ascii_uppercase()) else {
            return told.note(origin, format!("left out: the language has no limit `{name}`"));
        };
        if hard != u64::MAX {
            let space = if limit.unit().is_empty() { "" } else { " " };
            self.limits.insert(limit.name(), format!("{hard}{space}{}", limit.unit()));
        }
        if soft != hard {
            told.note(
                origin,
                format!("`{name}` begins at {soft} there: a profile has one value for soft and hard"),
            );
        }
    }

    /// A variable of the environment, `NAME=VALUE`.
    pub(super) fn variable(&mut self, text: &str, origin: &Origin, told: &mut Told) {
        match Variable::from_text(text.split('=').next().unwrap_or_default()) {
            Ok(name) => {
                self.environment.insert(name.0);
            }
            Err(flaw) => told.note(origin, format!("left out: {}", flaw.message)),
        }
    }

    /// The host name.
    pub(super) fn host_name(&mut self, text: &str, origin: &Origin, told: &mut Told) {
        match Hostname::from_text(text) {
            Ok(name) if self.private.contains(&NamespaceKind::Uts) => self.hostname = Some(name.0),
            Ok(_) => told.note(origin, "left out: the host name, as the UTS namespace is the host's"),
            Err(flaw) => told.note(origin, format!("left out: {}", flaw.message)),
        }
    }

    /// A device of the host below `/dev`.
    pub(super) fn device(&mut self, path: &str, origin: &Origin, told: &mut Told) {
        match (DeviceName::from_text(path), &mut self.devices) {
            (Ok(_), Some(devices)) => {
                let usual =
                    path.strip_prefix("/dev/").is_some_and(|node| DeviceName::STANDARD.contains(&node));
                if !usual {
                    devices.insert(path.to_owned());
                }
            }
            (Ok(_), None) => {}
            (Err(flaw), _) => told.note(origin, format!("left out: {}", flaw.message)),
        }
    }

    /// A file system in memory.
    pub(super) fn tmpfs(&mut self, at: &str, options: &[&str], origin: &Origin, told: &mut Told) {
        let Some(at) = Self::path(at, origin, told) else { return };
        let size = options.iter().find_map(|option| option.strip_prefix("size="));
        let bytes = size.and_then(tmpfs_size);
        if at == "/tmp" && bytes.is_some() {
            self.tmp = bytes;
            if !["noexec", "nosuid", "nodev"].iter().all(|option| options.contains(option)) {
                told.note(
                    origin,
                    "`/tmp` takes programs, setuid bits or devices there: a profile's never does",
                );
            }
            return;
        }
        if !options.contains(&"ro") {
            self.write.insert(at.clone());
        }
        told.note(origin, format!("`{at}` is a file system in memory there: here the root's own directory"));
    }

    /// A path of the host.
    pub(super) fn bind(&mut self, at: &str, from: &str, options: &[&str], origin: &Origin, told: &mut Told) {
        let (at, from) = (Self::path(at, origin, told), Self::path(from, origin, told));
        let (Some(at), Some(from)) = (at, from) else { return };
        let without = [("writable", "ro"), ("exec", "noexec"), ("suid", "nosuid"), ("dev", "nodev")];
        let allows = without.iter().filter(|(_, not)| !options.contains(not)).map(|(word, _)| *word);
        self.mounts.insert(at, (from, allows.collect()));
    }

    /// The resources that are limited in bytes.
    pub(super) fn bytes(&mut self, key: &'static str, bytes: u64) {
        self.resources.insert(key, format!("{bytes} B"));
    }

    /// Processor time in thousandths of a processor.
    pub(super) fn processors(&mut self, millis: u64) {
        self.resources.insert("cpu", format!("{}.{:03}", millis / 1000, millis % 1000));
    }
}

/// The capability of that name.
pub(super) fn capability(name: &str, origin: &Origin, report: &mut Report) -> Option<Cap> {
    let cap = name.parse();
    if cap.is_err() {
        let names: Vec<&str> = Cap::all().map(Cap::name).collect();
        let bare = name.to_ascii_lowercase();
        let bare = bare.strip_prefix("cap_").unwrap_or(&bare);
        report.push(Diagnostic::from(crate::parse::read::unknown("capability", bare, &names)), origin);
    }
    cap.ok()
}
