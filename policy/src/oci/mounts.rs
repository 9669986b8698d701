//! `mounts`, `root`, and the paths that are hidden or read-only. config.md, "Mounts"; config-linux.md, "Masked Paths".

mod options;
mod source;

pub use source::Source;

use super::{Cut, Document, Refusal, Surroundings};
use crate::lattice::files::Rights;
use crate::origin::Origins;
use crate::plan::{MountEntry, MountKind, Plan};
use crate::policy::{Policy, ProcView};
use crate::units::tmpfs_size;
use serde_json::{Value, json};

/// Kinds of file systems that hold nothing of the host, and where they may stand; `/` is anywhere.
const FILE_SYSTEMS: [(&str, &str); 7] = [
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("cgroup", "/sys/fs/cgroup"),
    ("cgroup2", "/sys/fs/cgroup"),
    ("devpts", "/dev/pts"),
    ("mqueue", "/dev/mqueue"),
    ("tmpfs", "/"),
];

/// File systems through which the host itself is configured.
const OF_THE_HOST: [&str; 3] = ["sysfs", "cgroup", "cgroup2"];

/// Options by which what is mounted inside is mounted on the host too. mount(8).
const SHARED: [&str; 2] = ["shared", "rshared"];

/// What the meet is taken with.
pub(super) struct Meeting<'a> {
    pub(super) policy: &'a Policy,
    pub(super) plan: &'a Plan,
    pub(super) sources: &'a [Source],
    pub(super) id: &'a str,
    /// The path of the init inside: nothing else may be mounted there.
    pub(super) init: &'a str,
    pub(super) surroundings: &'a dyn Surroundings,
}

impl Meeting<'_> {
    /// Makes the mounts of a bundle keep to policy and plan.
    pub(super) fn meet(
        &self,
        document: &mut Document,
        refusals: &mut Vec<Refusal>,
    ) -> Result<Vec<Cut>, String> {
        let mut cuts = Vec::new();
        let mut mounts = document.list(&["mounts"]).to_vec();
        mounts.retain(|mount| text(mount, "destination") != self.init);
        let mut before: Vec<(String, String)> = Vec::new();
        for (index, mount) in mounts.iter_mut().enumerate() {
            let field = format!("mounts[{index}]");
            self.one(mount, &field, &mut cuts, refusals)?;
            self.below(mount, &field, &before, refusals)?;
            if options(mount).any(|option| matches!(option, "bind" | "rbind"))
                || text(mount, "type") == "bind"
            {
                before.push((text(mount, "destination").to_owned(), text(mount, "source").to_owned()));
            }
        }
        self.proc(&mut mounts, &mut cuts);
        self.tmp(&mut mounts, &mut cuts, refusals)?;
        self.entries(document, &mut mounts, &mut cuts, refusals)?;
        document.set(&["mounts"], mounts);
        if self.plan.mounts.read_only && document.get(&["root", "readonly"]) != Some(&Value::Bool(true)) {
            document.set(&["root", "readonly"], true);
            let origins = self.policy.files.tree.rights("/").origins.clone();
            cuts.push(Cut { field: "root.readonly".to_owned(), change: "set".to_owned(), origins });
        }
        Ok(cuts)
    }

    fn one(
        &self,
        mount: &mut Value,
        field: &str,
        cuts: &mut Vec<Cut>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        let at = text(mount, "destination").to_owned();
        let kind = text(mount, "type").to_owned();
        let is_bind = kind == "bind" || options(mount).any(|option| matches!(option, "bind" | "rbind"));
        let mut refuse = |why: String| refusals.push(Refusal::plain(format!("{field} ({at})"), why));
        if crate::lattice::files::validate(&at).is_err() || at == "/" {
            refuse(
                "the destination is not absolute, is the root, or holds `.`, `..` or an empty part"
                    .to_owned(),
            );
            return Ok(());
        }
        if let Some(option) = options(mount).find(|option| SHARED.contains(option)) {
            refuse(format!("`{option}`: what is mounted there inside would be mounted on the host"));
        } else if let Some(option) = options::unknown(if is_bind { "bind" } else { &kind }, options(mount)) {
            refuse(format!(
                "the option `{option}` is not known of such a mount, and could change another one"
            ));
        }
        // Where it will be: the image may have laid links.
        let at = match self.surroundings.resolve(&at)? {
            Ok(resolved) if resolved != "/" && !is_within(&resolved, self.init) => resolved,
            Ok(resolved) => {
                refuse(format!("a link of the image leads to {resolved}, where nothing may be mounted"));
                return Ok(());
            }
            Err(why) => {
                refuse(why);
                return Ok(());
            }
        };
        mount["destination"] = at.as_str().into();
        if is_bind {
            match self.source(text(mount, "source"))? {
                Ok((path, write)) => {
                    mount["source"] = path.into();
                    if !write {
                        self.narrow(mount, field, "ro", &Origins::new(), cuts);
                    }
                }
                Err(why) => refuse(why),
            }
        } else {
            match FILE_SYSTEMS.iter().find(|(name, _)| *name == kind) {
                Some((_, place)) if *place == "/" || is_within(&at, place) => {}
                Some((_, place)) => refuse(format!("a file system `{kind}` belongs to {place}")),
                None => refuse(format!("a file system `{kind}` is not one that containers need")),
            }
            if OF_THE_HOST.contains(&kind.as_str()) {
                self.narrow(mount, field, "ro", &Origins::new(), cuts);
            }
        }
        // What stands in /dev and /proc is decided by their own sections.
        let special = ["/dev", "/proc", "/sys"].iter().any(|place| is_within(&at, place));
        let scratch = at == "/tmp" && self.plan.mounts.tmp.is_some();
        if !special && !scratch {
            let rights = self.policy.files.tree.rights(&at);
            if !rights.value.contains(Rights::WRITE) {
                self.narrow(mount, field, "ro", &rights.origins, cuts);
            }
            if !rights.value.contains(Rights::EXECUTE) {
                self.narrow(mount, field, "noexec", &rights.origins, cuts);
            }
        }
        Ok(())
    }

    /// Refuses a mount into a volume through a link that the volume holds: it would be anywhere in the container.
    fn below(
        &self,
        mount: &Value,
        field: &str,
        before: &[(String, String)],
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        let at = text(mount, "destination");
        for (outer, source) in before.iter().filter(|(outer, _)| at != outer && is_within(at, outer)) {
            let rest = at.get(outer.len()..).unwrap_or_default();
            if self.surroundings.is_plain(source, rest)? == Some(false) {
                let why = format!("what is mounted at {outer} has a link on the way there");
                refusals.push(Refusal::plain(format!("{field} ({at})"), why));
            }
        }
        Ok(())
    }

    /// The path of the host that a source is, and whether it may be written; why it is not admitted.
    fn source(&self, source: &str) -> Result<Result<(String, bool), String>, String> {
        if !source.starts_with('/') {
            return Ok(Err(format!("the source `{source}` is no absolute path")));
        }
        let Some(path) = self.surroundings.canonical(source)? else {
            return Ok(Err(format!("the source {source} does not exist")));
        };
        // What the image itself holds is the container's already.
        let image = self.plan.mounts.root.trim_end_matches('/');
        if !image.is_empty() && path.strip_prefix(image).is_some_and(|rest| rest.starts_with('/')) {
            return Ok(Ok((path, true)));
        }
        let admitted: Vec<&Source> = self.sources.iter().filter(|one| one.admits(&path, self.id)).collect();
        if admitted.is_empty() {
            return Ok(Err(format!("{path} of the host would be mounted, and no rule admits it")));
        }
        if admitted.iter().all(|one| one.of_engine)
            && let Some(base) = admitted.iter().map(|one| one.base()).min_by_key(|base| base.len())
            && let Some(kind) = self.surroundings.mounted(&path, base)?.first()
        {
            let why = format!(
                "a file system `{kind}` is mounted at {path}, above or below it, and no rule admits it"
            );
            return Ok(Err(why));
        }
        let write = admitted.iter().any(|one| one.write);
        Ok(Ok((path, write)))
    }

    /// Adds an option that takes rights away, and takes away the one that gives them.
    fn narrow(&self, mount: &mut Value, field: &str, option: &str, origins: &Origins, cuts: &mut Vec<Cut>) {
        let (opposites, below) = match option {
            "ro" => (["rw", "rrw"], "rro"),
            _ => (["exec", "rexec"], "rnoexec"),
        };
        // What is mounted below the source comes along, and `ro` is not for it. mount_setattr(2), `AT_RECURSIVE`.
        let wanted =
            if options(mount).any(|word| word == "rbind") { vec![option, below] } else { vec![option] };
        let before: Vec<String> = options(mount).map(str::to_owned).collect();
        let mut list: Vec<String> =
            before.iter().filter(|word| !opposites.contains(&word.as_str())).cloned().collect();
        for word in wanted {
            if !list.iter().any(|one| one == word) {
                list.push(word.to_owned());
            }
        }
        if list == before {
            return;
        }
        mount["options"] = list.into();
        cuts.push(Cut {
            field: format!("{field} ({})", text(mount, "destination")),
            change: option.to_owned(),
            origins: origins.clone(),
        });
    }

    /// What `/proc` shows. proc(5), 5.8.
    fn proc(&self, mounts: &mut [Value], cuts: &mut Vec<Cut>) {
        let view = &self.policy.files.proc;
        let wanted: &[&str] = match view.value {
            ProcView::Full | ProcView::None => return,
            ProcView::Hidden => &["hidepid=4"],
            ProcView::Minimal => &["hidepid=4", "subset=pid"],
        };
        for mount in mounts.iter_mut().filter(|mount| text(mount, "type") == "proc") {
            let key = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
            let ours = |word: &&str| wanted.iter().any(|wanted| key(wanted) == key(word));
            let before: Vec<String> = options(mount).map(str::to_owned).collect();
            let kept = options(mount).filter(|word| !ours(word)).map(str::to_owned);
            let list: Vec<String> = kept.chain(wanted.iter().map(|word| (*word).to_owned())).collect();
            if list == before {
                continue;
            }
            mount["options"] = list.into();
            cuts.push(Cut {
                field: "mounts (/proc)".to_owned(),
                change: wanted.join(", "),
                origins: view.origins.clone(),
            });
        }
    }

    /// The private `/tmp`. A volume that the engine puts there stays.
    fn tmp(
        &self,
        mounts: &mut Vec<Value>,
        cuts: &mut Vec<Cut>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        let Some(size) = self.plan.mounts.tmp else { return Ok(()) };
        if self.surroundings.resolve("/tmp")? != Ok("/tmp".to_owned()) {
            refusals.push(Refusal::plain("mounts (/tmp)", "/tmp of the image is a link"));
            return Ok(());
        }
        let there = mounts.iter().find(|mount| text(mount, "destination") == "/tmp");
        if there.is_some_and(|mount| text(mount, "type") != "tmpfs") {
            return Ok(());
        }
        // What is less than the policy's stays less.
        let least = there.into_iter().flat_map(options).filter_map(size_of).chain([size]).min();
        let limit = least.filter(|size| *size != u64::MAX).map(|size| format!("size={size}"));
        let read_only = there.is_some_and(|mount| options(mount).any(|word| word == "ro"));
        let words = ["nosuid", "nodev", "noexec", "mode=1777"].into_iter().chain(read_only.then_some("ro"));
        let list: Vec<String> = words.map(str::to_owned).chain(limit).collect();
        let ours = json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": list});
        if there == Some(&ours) {
            return Ok(());
        }
        mounts.retain(|mount| text(mount, "destination") != "/tmp");
        mounts.push(ours);
        let origins = self.policy.files.tmp.as_ref().map(|tmp| tmp.origins.clone()).unwrap_or_default();
        cuts.push(Cut { field: "mounts (/tmp)".to_owned(), change: "a private one".to_owned(), origins });
        Ok(())
    }

    /// What the plan hides, narrows, widens and mounts.
    fn entries(
        &self,
        document: &mut Document,
        mounts: &mut Vec<Value>,
        cuts: &mut Vec<Cut>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        let mut masked = strings(document, "maskedPaths");
        let mut read_only = strings(document, "readonlyPaths");
        for entry in &self.plan.mounts.entries {
            let list = match &entry.what {
                MountKind::Hide => &mut masked,
                MountKind::ReadOnly { .. } => &mut read_only,
                MountKind::Writable { exec } => {
                    self.writable(entry, *exec, mounts, refusals)?;
                    continue;
                }
                MountKind::Bind { .. } => {
                    self.bind(entry, mounts, cuts, refusals);
                    continue;
                }
            };
            if self.could_appear(&entry.at, mounts)? {
                let why = format!("{} is not there, and the container could make it", entry.at);
                let (field, origins) = ("root.path".to_owned(), entry.origins.clone());
                refusals.push(Refusal { field, why, origins });
            }
            if !list.contains(&entry.at) {
                list.push(entry.at.clone());
                let (field, change) = match entry.what {
                    MountKind::Hide => ("linux.maskedPaths", "hidden"),
                    _ => ("linux.readonlyPaths", "read-only"),
                };
                cuts.push(Cut {
                    field: field.to_owned(),
                    change: format!("{} is {change}", entry.at),
                    origins: entry.origins.clone(),
                });
            }
        }
        document.set(&["linux", "maskedPaths"], masked);
        document.set(&["linux", "readonlyPaths"], read_only);
        Ok(())
    }

    /// Whether a path that must be hidden or read-only is missing where the container may make it: the inner runtime
    /// leaves out what it does not find.
    fn could_appear(&self, at: &str, mounts: &[Value]) -> Result<bool, String> {
        let special = ["/dev", "/proc", "/sys"].iter().any(|place| is_within(at, place));
        let above = at.rsplit_once('/').map_or("/", |(above, _)| if above.is_empty() { "/" } else { above });
        if special || !self.policy.files.tree.rights(above).value.contains(Rights::WRITE) {
            return Ok(false);
        }
        let outer = mounts.iter().rev().find(|mount| is_within(at, text(mount, "destination")));
        let found = match outer {
            None => self.surroundings.is_directory(at)?,
            Some(outer) if text(outer, "type") == "tmpfs" => None,
            Some(outer) => {
                let rest = at.get(text(outer, "destination").len()..).unwrap_or_default();
                self.surroundings.is_plain(text(outer, "source"), rest)?
            }
        };
        Ok(found.is_none())
    }

    /// The same path of the image again, writable in a root that is not.
    fn writable(
        &self,
        entry: &MountEntry,
        exec: bool,
        mounts: &mut Vec<Value>,
        refusals: &mut Vec<Refusal>,
    ) -> Result<(), String> {
        if mounts.iter().any(|mount| text(mount, "destination") == entry.at) {
            return Ok(());
        }
        match self.surroundings.is_directory(&entry.at)? {
            None => Ok(()),
            Some(false) => {
                let why = format!("{} is no directory of the image, or is reached through a link", entry.at);
                refusals.push(Refusal { field: "root.path".to_owned(), why, origins: entry.origins.clone() });
                Ok(())
            }
            Some(true) => {
                let source = format!("{}{}", self.plan.mounts.root.trim_end_matches('/'), entry.at);
                let mut options = vec!["bind", "rw", "nosuid", "nodev"];
                options.extend((!exec).then_some("noexec"));
                let mount =
                    json!({"destination": entry.at, "type": "bind", "source": source, "options": options});
                mounts.push(mount);
                Ok(())
            }
        }
    }

    /// What the policy itself mounts: where its path leads.
    fn bind(
        &self,
        entry: &MountEntry,
        mounts: &mut Vec<Value>,
        cuts: &mut Vec<Cut>,
        refusals: &mut Vec<Refusal>,
    ) {
        let MountKind::Bind { from, write, exec, suid, dev } = &entry.what else { return };
        let source = match self.surroundings.settled(from) {
            Ok(source) => source,
            Err(why) => {
                let field = format!("mounts ({})", entry.at);
                return refusals.push(Refusal { field, why, origins: entry.origins.clone() });
            }
        };
        let mut options = vec!["rbind"];
        // Of what is mounted below the source, too.
        for (given, without) in [
            (write, ["ro", "rro"]),
            (exec, ["noexec", "rnoexec"]),
            (suid, ["nosuid", "rnosuid"]),
            (dev, ["nodev", "rnodev"]),
        ] {
            options.extend(without.into_iter().filter(|_| !given));
        }
        let ours = json!({"destination": entry.at, "type": "bind", "source": source, "options": options});
        if mounts.contains(&ours) {
            return;
        }
        mounts.retain(|mount| text(mount, "destination") != entry.at);
        mounts.push(ours);
        cuts.push(Cut {
            field: format!("mounts ({})", entry.at),
            change: format!("{from} of the host, as the policy says"),
            origins: entry.origins.clone(),
        });
    }
}

/// Whether `path` is `place`, or below it.
fn is_within(path: &str, place: &str) -> bool {
    path.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The bytes that an option of a tmpfs allows; `None`: it is another option, or a share of the memory.
fn size_of(option: &str) -> Option<u64> {
    tmpfs_size(option.strip_prefix("size=")?)
}

fn text<'a>(mount: &'a Value, key: &str) -> &'a str {
    mount.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn options(mount: &Value) -> impl Iterator<Item = &str> {
    mount.get("options").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn strings(document: &Document, key: &str) -> Vec<String> {
    document.list(&["linux", key]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
