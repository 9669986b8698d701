//! A container's configuration, whoever wrote it → the sections of a profile.
//!
//! The profile extends one that restricts nothing, and says every section itself. What has no word in the language
//! is collected and told.

use crate::diagnostic::Diagnostic;
use crate::export::yaml;
use crate::origin::Origin;
use crate::parse::report::Report;
use crate::parse::scalar::Written;
use crate::policy::{Label, ProcView};
use crate::profile::{AbsolutePath, DeviceName, Hostname, LabelChoice, Variable};
use crate::vocab::{Cap, CapSet};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

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
    pub(super) private: BTreeSet<&'static str>,
    /// A network namespace to join.
    pub(super) network: Option<String>,
    /// Values with their unit.
    pub(super) resources: BTreeMap<&'static str, String>,
    pub(super) apparmor: Option<String>,
    pub(super) selinux: Option<String>,
}

/// Names of rlimits without `RLIMIT_`, the language's, and its unit. getrlimit(2).
const LIMITS: [(&str, &str, &str); 11] = [
    ("AS", "address_space", " B"),
    ("CORE", "core", " B"),
    ("CPU", "cpu", " s"),
    ("DATA", "data", " B"),
    ("FSIZE", "file_size", " B"),
    ("MEMLOCK", "locked_memory", " B"),
    ("MSGQUEUE", "message_queues", " B"),
    ("NOFILE", "open_files", ""),
    ("NPROC", "processes", ""),
    ("SIGPENDING", "pending_signals", ""),
    ("STACK", "stack", " B"),
];

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

    /// The YAML of all sections but the system calls.
    pub(super) fn lines(&self) -> Vec<String> {
        let sections = [
            ("process", Value::Object(self.process())),
            ("capabilities", self.capabilities()),
            ("files", Value::Object(self.files())),
            ("mounts", self.mounts.iter().map(mount).collect()),
            ("devices", self.devices()),
            ("namespaces", Value::Object(self.namespaces())),
            (
                "resources",
                self.resources.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect(),
            ),
            ("lsm", self.lsm()),
        ];
        let mut lines = Vec::new();
        for (name, value) in sections {
            let empty = match &value {
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                _ => false,
            };
            if !empty {
                lines.extend(yaml::text(&json!({name: value})).lines().map(str::to_owned));
            }
        }
        lines
    }

    fn process(&self) -> Map<String, Value> {
        let mut process = Map::new();
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                process.insert(key.to_owned(), value);
            }
        };
        set("user", self.user.as_ref().map(|user| json!(user)));
        set("groups", (!self.groups.is_empty()).then(|| json!(self.groups)));
        set("umask", self.umask.map(|umask| json!(format!("{umask:03o}"))));
        set("no_new_privileges", Some(json!(self.no_new_privileges)));
        set("environment", Some(json!({"replace": self.environment})));
        set("workdir", self.workdir.as_ref().map(|path| json!(path)));
        set("hostname", self.hostname.as_ref().map(|name| json!(name)));
        set("sysctls", (!self.sysctls.is_empty()).then(|| json!(self.sysctls)));
        set("limits", (!self.limits.is_empty()).then(|| json!(self.limits)));
        process
    }

    fn capabilities(&self) -> Value {
        if self.capabilities == CapSet::ALL {
            return json!("all");
        }
        let names: Vec<&str> = self.capabilities.iter().map(Cap::name).collect();
        json!({"replace": names})
    }

    fn files(&self) -> Map<String, Value> {
        let mut files = Map::new();
        if self.read_only_root {
            files.insert("root".to_owned(), json!("read-only"));
            files.insert("write".to_owned(), json!({"replace": self.write}));
        }
        if !self.hide.is_empty() {
            files.insert("hide".to_owned(), json!(self.hide));
        }
        let tmp = self.tmp.map_or_else(|| "none".to_owned(), |bytes| format!("{bytes} B"));
        files.insert("tmp".to_owned(), json!(tmp));
        files.insert("proc".to_owned(), json!(self.proc));
        files
    }

    fn devices(&self) -> Value {
        self.devices.as_ref().map_or_else(|| json!("all"), |devices| json!({"replace": devices}))
    }

    fn namespaces(&self) -> Map<String, Value> {
        let kinds = ["user", "network", "ipc", "uts", "cgroup"];
        let mode = |kind: &str| if self.private.contains(kind) { "private" } else { "host" };
        let mut namespaces: Map<String, Value> =
            kinds.iter().map(|kind| ((*kind).to_owned(), json!(mode(kind)))).collect();
        if let Some(path) = &self.network {
            namespaces.insert("network".to_owned(), json!({"join": path}));
        }
        namespaces
    }

    fn lsm(&self) -> Value {
        let labels = [("apparmor", &self.apparmor), ("selinux", &self.selinux)];
        let written =
            labels.into_iter().filter_map(|(key, label)| Some((key.to_owned(), json!(label.as_ref()?))));
        Value::Object(written.collect())
    }
}

fn mount((at, (from, options)): (&String, &(String, Vec<&'static str>))) -> Value {
    let mut mount = json!({"from": from, "at": at});
    if !options.is_empty() {
        mount["options"] = json!(options);
    }
    mount
}

/// Where things are told that the sections cannot say.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// One sentence each.
    pub(super) notes: Vec<String>,
    /// Keys that no word stands for, with their lines.
    wordless: Vec<String>,
}

impl Told {
    /// What is otherwise in the profile, with its line.
    pub(super) fn note(&mut self, origin: &Origin, text: impl std::fmt::Display) {
        self.notes.push(format!("line {}: {text}", origin.line));
    }

    /// A key that no word stands for.
    pub(super) fn no_word(&mut self, key: &str, origin: &Origin) {
        self.wordless.push(format!("{key} (line {})", origin.line));
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.wordless.is_empty() {
            let keys = std::mem::take(&mut self.wordless).join(", ");
            self.notes.push(format!("the language has no word for: {keys}"));
        }
        self.notes
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
        let Some((_, key, unit)) = LIMITS.iter().find(|(known, ..)| *known == name.to_ascii_uppercase())
        else {
            return told.note(origin, format!("left out: the language has no limit `{name}`"));
        };
        if hard != u64::MAX {
            self.limits.insert(key, format!("{hard}{unit}"));
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
            Ok(name) if self.private.contains("uts") => self.hostname = Some(name.0),
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
        let bytes = size.and_then(size_in_bytes);
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

/// `64m`, `65536k`, `1g`, `4096`: tmpfs(5). A share of the memory (`50%`) is no number.
fn size_in_bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
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

/// Limits by the language's name: what the two lists share is tested.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Rlimit;

    #[test]
    fn every_limit_of_the_language_has_a_name() {
        let words: BTreeSet<String> = [
            Rlimit::Cpu,
            Rlimit::FileSize,
            Rlimit::Data,
            Rlimit::Stack,
            Rlimit::Core,
            Rlimit::Processes,
            Rlimit::OpenFiles,
            Rlimit::LockedMemory,
            Rlimit::AddressSpace,
            Rlimit::PendingSignals,
            Rlimit::MessageQueues,
        ]
        .iter()
        .map(|limit| json!(limit).as_str().unwrap_or_default().to_owned())
        .collect();
        assert_eq!(LIMITS.iter().map(|(_, word, _)| (*word).to_owned()).collect::<BTreeSet<_>>(), words);
    }

    #[test]
    fn sizes_as_mount_takes_them() {
        for (text, bytes) in
            [("64m", Some(64 << 20)), ("1G", Some(1 << 30)), ("5", Some(5)), ("50%", None), ("", None)]
        {
            assert_eq!(size_in_bytes(text), bytes, "{text}");
        }
        assert_eq!(size_in_bytes("99999999999999999999g"), None);
    }
}
