//! `process` of a bundle, and the process of an `exec`. config.md, "Process".

use super::{Bounds, Cut, Document, Refusal, fields};
use crate::origin::Origins;
use crate::policy::Rlimit;
use crate::vocab::{Cap, CapSet};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The sets of `process.capabilities`. capabilities(7).
pub(super) const SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/// What runc sets where a bundle names no umask: libcontainer/init_linux.go.
const USUAL_UMASK: u64 = 0o022;

/// rlimits by which a process gets ahead of the host's own: to the engine's they are raised by nobody.
const PRIORITIES: [&str; 2] = ["RLIMIT_NICE", "RLIMIT_RTPRIO"];

/// What is done to one process.
pub(super) struct Meeting<'a> {
    bounds: &'a Bounds,
    process: &'a mut Document,
    /// The place of the process in messages.
    place: &'a str,
    cuts: Vec<Cut>,
    refusals: Vec<Refusal>,
}

impl Bounds {
    /// Makes a process keep to the bounds; `place` is where it stands, as messages name it.
    pub(super) fn tighten(&self, process: &mut Document, place: &str) -> Result<Vec<Cut>, Vec<Refusal>> {
        let mut meeting = Meeting { bounds: self, process, place, cuts: Vec::new(), refusals: Vec::new() };
        meeting.user();
        meeting.umask();
        meeting.capabilities();
        meeting.no_new_privileges();
        meeting.limits();
        meeting.environment();
        meeting.oom_score();
        meeting.command();
        if meeting.refusals.is_empty() { Ok(meeting.cuts) } else { Err(meeting.refusals) }
    }

    /// The process that an `exec` adds, as the engine gives it in a file of its own.
    pub fn added(&self, process: &mut Document) -> Result<Vec<Cut>, super::OciError> {
        let refusals = fields::check_part(process.tree(), "process");
        if !refusals.is_empty() {
            return Err(super::OciError::Refused(refusals));
        }
        let mut cuts = self.tighten(process, "process").map_err(super::OciError::Refused)?;
        cuts.extend(self.relabel(process));
        Ok(cuts)
    }

    /// Gives a process that is added the labels of the container: `docker exec --privileged` asks for none.
    fn relabel(&self, process: &mut Document) -> Vec<Cut> {
        let mut cuts = Vec::new();
        for field in LABELS {
            let (asked, own) = (process.string(&[field]).to_owned(), self.labels.get(field));
            if own.is_some_and(|own| *own == asked) || (own.is_none() && asked.is_empty()) {
                continue;
            }
            match own {
                Some(own) => process.set(&[field], own.as_str()),
                None => process.remove(&[field]),
            }
            let change = "as the container has it".to_owned();
            cuts.push(Cut { field: format!("process.{field}"), change, origins: Origins::new() });
        }
        cuts
    }
}

/// Labels of security modules. config.md, "Linux Process".
const LABELS: [&str; 2] = ["apparmorProfile", "selinuxLabel"];

/// The labels that a container is made with.
pub(super) fn labels(process: &Document) -> BTreeMap<String, String> {
    let named = LABELS.into_iter().filter(|field| !process.string(&[field]).is_empty());
    named.map(|field| (field.to_owned(), process.string(&[field]).to_owned())).collect()
}

impl Meeting<'_> {
    fn cut(&mut self, field: &str, change: String, origins: &Origins) {
        self.cuts.push(Cut { field: format!("{}.{field}", self.place), change, origins: origins.clone() });
    }

    fn refuse(&mut self, field: &str, why: String, origins: &Origins) {
        self.refusals.push(Refusal {
            field: format!("{}.{field}", self.place),
            why,
            origins: origins.clone(),
        });
    }

    /// A number of 32 bits; `None`, and a refusal, where it is none.
    fn id(&mut self, field: &str, value: Option<&Value>) -> Option<u32> {
        let Some(value) = value else { return Some(0) };
        let id = value.as_u64().and_then(|id| u32::try_from(id).ok());
        if id.is_none() {
            self.refuse(field, format!("{value} is no id"), &Origins::new());
        }
        id
    }

    fn user(&mut self) {
        let bounds = self.bounds;
        let user = self.process.get(&["user"]).cloned().unwrap_or_default();
        let Some(uid) = self.id("user.uid", user.get("uid")) else { return };
        let Some(gid) = self.id("user.gid", user.get("gid")) else { return };
        if !bounds.users.value.contains(uid) {
            let why = format!("it runs as user {uid}; the policy admits {}", ranges(bounds));
            self.refuse("user.uid", why, &bounds.users.origins);
        }
        let Some(own) = &bounds.gid else { return };
        if gid != own.value {
            let why = format!("it runs in group {gid}; the policy names {}", own.value);
            self.refuse("user.gid", why, &own.origins);
        }
        let groups = self.process.list(&["user", "additionalGids"]).to_vec();
        let admitted = |group: &&Value| {
            let group = group.as_u64();
            bounds.groups.iter().chain([own]).any(|one| Some(u64::from(one.value)) == group)
        };
        let kept: Vec<Value> = groups.iter().filter(admitted).cloned().collect();
        if kept.len() < groups.len() {
            let left: Vec<String> =
                groups.iter().filter(|group| !kept.contains(group)).map(Value::to_string).collect();
            self.cut("user.additionalGids", format!("without {}", left.join(", ")), &own.origins);
            self.process.set(&["user", "additionalGids"], kept);
        }
    }

    fn umask(&mut self) {
        let asked = &self.bounds.umask;
        if asked.value == 0 {
            return;
        }
        let written = self.process.get(&["user", "umask"]).and_then(Value::as_u64);
        let before = written.unwrap_or(USUAL_UMASK);
        let after = before | u64::from(asked.value);
        self.process.set(&["user", "umask"], after);
        if after != before {
            self.cut("user.umask", format!("{before:03o} became {after:03o}"), &asked.origins);
        }
    }

    fn capabilities(&mut self) {
        let asked = &self.bounds.capabilities;
        for set in SETS {
            let path = ["capabilities", set];
            let before = self.process.list(&path).to_vec();
            let allowed = |name: &&Value| {
                let cap = name.as_str().and_then(|name| name.parse::<Cap>().ok());
                // One without a name here is one that no policy has decided on.
                cap.is_some_and(|cap| asked.value.contains(cap))
            };
            let after: Vec<Value> = before.iter().filter(allowed).cloned().collect();
            if after.len() < before.len() {
                let left: Vec<String> = before
                    .iter()
                    .filter(|name| !after.contains(name))
                    .map(|name| name.as_str().unwrap_or("?").trim_start_matches("CAP_").to_ascii_lowercase())
                    .collect();
                self.cut(
                    &format!("capabilities.{set}"),
                    format!("without {}", left.join(", ")),
                    &asked.origins,
                );
                self.process.set(&path, after);
            }
        }
    }

    fn no_new_privileges(&mut self) {
        let asked = &self.bounds.no_new_privileges;
        let before = self.process.get(&["noNewPrivileges"]) == Some(&Value::Bool(true));
        if asked.value && !before {
            self.process.set(&["noNewPrivileges"], true);
            self.cut("noNewPrivileges", "set".to_owned(), &asked.origins);
        }
    }

    fn limits(&mut self) {
        let mut limits = self.process.list(&["rlimits"]).to_vec();
        let name = |limit: &Value| limit.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut seen = BTreeSet::new();
        for limit in &limits {
            let name = name(limit);
            let number = |key: &str| limit.get(key).is_some_and(Value::is_u64);
            let whole = number("hard") && number("soft");
            if !(seen.insert(name.clone()) && whole) {
                self.refuse(
                    "rlimits",
                    format!("`{name}` stands twice, or without its numbers"),
                    &Origins::new(),
                );
            }
        }
        let sys_nice = "sys_nice".parse().is_ok_and(|cap| self.bounds.capabilities.value.contains(cap));
        if !sys_nice && limits.iter().any(|limit| PRIORITIES.contains(&name(limit).as_str())) {
            limits.retain(|limit| !PRIORITIES.contains(&name(limit).as_str()));
            let origins = self.bounds.capabilities.origins.clone();
            self.cut("rlimits", "without the ones for priorities, which take sys_nice".to_owned(), &origins);
        }
        for kind in Rlimit::all() {
            let Some(asked) = self.bounds.limits.get(&kind).filter(|limit| limit.value != u64::MAX) else {
                continue;
            };
            let word = word(kind);
            match limits.iter_mut().find(|limit| name(limit) == word) {
                Some(limit) => {
                    let mut lowered = false;
                    for key in ["hard", "soft"] {
                        let before = limit.get(key).and_then(Value::as_u64).unwrap_or(u64::MAX);
                        lowered |= before > asked.value;
                        limit[key] = before.min(asked.value).into();
                    }
                    if lowered {
                        self.cut("rlimits", format!("{word} at most {}", asked.value), &asked.origins);
                    }
                }
                None => {
                    limits.push(json!({"type": word, "hard": asked.value, "soft": asked.value}));
                    self.cut("rlimits", format!("{word} at most {}", asked.value), &asked.origins);
                }
            }
        }
        if !limits.is_empty() {
            self.process.set(&["rlimits"], limits);
        }
    }

    fn environment(&mut self) {
        let Some(asked) = &self.bounds.environment else { return };
        let name = |entry: &Value| {
            let text = entry.as_str().unwrap_or_default();
            text.split_once('=').map_or(text, |(name, _)| name).to_owned()
        };
        let before = self.process.list(&["env"]).to_vec();
        let (after, left): (Vec<Value>, Vec<Value>) =
            before.into_iter().partition(|entry| asked.value.contains(&name(entry)));
        if !left.is_empty() {
            let names: Vec<String> = left.iter().map(name).collect();
            self.cut("env", format!("without {}", names.join(", ")), &asked.origins);
            self.process.set(&["env"], after);
        }
    }

    /// A process that the kernel never ends when memory runs out can end all others.
    fn oom_score(&mut self) {
        let Some(value) = self.process.get(&["oomScoreAdj"]).and_then(Value::as_i64) else { return };
        if value <= -1000 {
            self.process.set(&["oomScoreAdj"], 0);
            self.cut("oomScoreAdj", format!("{value} became 0"), &Origins::new());
        }
    }

    fn command(&mut self) {
        let mut command = self.process.list(&["args"]).to_vec();
        let Some(init) = &self.bounds.init else { return };
        // From a bundle that was met before.
        command.drain(..command.iter().take_while(|word| word.as_str() == Some(init)).count());
        if command.is_empty() {
            self.refuse("args", "there is no command".to_owned(), &Origins::new());
            return;
        }
        command.insert(0, init.as_str().into());
        self.process.set(&["args"], command);
    }
}

/// Users as messages name them.
fn ranges(bounds: &Bounds) -> String {
    let range = |(first, last): (u32, u32)| {
        if first == last { first.to_string() } else { format!("{first} to {last}") }
    };
    bounds.users.value.ranges().map(range).collect::<Vec<_>>().join(", ")
}

/// The capabilities of a set.
pub(super) fn capabilities(process: &Document, set: &str) -> CapSet {
    named(process.list(&["capabilities", set]))
}

/// The capabilities of all sets. No set may hold what the bounding set does not: else an exec would gain it.
pub(super) fn all_capabilities(bundle: &Document) -> CapSet {
    let sets = SETS.iter().map(|set| named(bundle.list(&["process", "capabilities", set])));
    sets.fold(CapSet::EMPTY, CapSet::union)
}

fn named(list: &[Value]) -> CapSet {
    let names = list.iter().filter_map(Value::as_str);
    names.filter_map(|name| name.parse::<Cap>().ok()).collect()
}

/// A limit as a bundle names it.
fn word(limit: Rlimit) -> String {
    format!("RLIMIT_{}", limit.kernel_name())
}

/// The hard limits that are named.
pub(super) fn hard_limits(process: &Document) -> impl Iterator<Item = (Rlimit, u64)> {
    Rlimit::all().filter_map(|kind| {
        let word = word(kind);
        let limits = process.list(&["rlimits"]).iter();
        let mut named = limits.filter(|limit| limit.get("type").and_then(Value::as_str) == Some(&word));
        Some((kind, named.next()?.get("hard")?.as_u64()?))
    })
}
