//! The root and what is mounted into it.
//!
//! Mounts enforce what Landlock cannot take back below a grant: paths that are hidden, read-only or
//! noexec inside something looser, and writable ones inside a read-only root.

mod masks;

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use super::implied;
use super::paths;
use super::view::View;
use crate::host::Host;
use crate::lattice::files::{self, Rights};
use crate::origin::{Origins, Ruled};
use crate::plan::{MountEntry, MountKind, Mounts};
use crate::policy::{Mount, MountRight, Policy, ProcView, Section};
use crate::vocab::masks::Mask;
use std::collections::{BTreeMap, BTreeSet};

/// The root, its special file systems, and the entries in order: shallow paths first.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    view: &View,
    root: &str,
    gaps: &mut Gaps<'_>,
) -> Result<Mounts, CompileError> {
    check_places(policy, view)?;
    check_masks(policy, view)?;
    let read_only = !policy.files.tree.rights("/").value.contains(Rights::WRITE);
    let entries = entries(policy, view, read_only, gaps);
    let mounts = Mounts {
        root: root.to_owned(),
        read_only,
        proc: policy.files.proc.value,
        devices: policy.devices.as_ref().map(|devices| devices.value.clone()),
        tmp: private_tmp(policy).map(|tmp| tmp.value),
        entries,
    };
    note_gaps(policy, host, &mounts, gaps);
    Ok(mounts)
}

/// The private `/tmp`, where one is asked for. Without bound and written by no one it is the top of the
/// order, which asks for nothing.
pub(crate) fn private_tmp(policy: &Policy) -> Option<&Ruled<u64>> {
    policy.files.tmp.as_ref().filter(|tmp| tmp.value != u64::MAX || !tmp.origins.is_empty())
}

/// What a mount grants on its path by being there.
pub(super) fn rights(mount: &Mount) -> Rights {
    let allows = &mount.allows.value;
    [(MountRight::Write, Rights::WRITE), (MountRight::Exec, Rights::EXECUTE)]
        .into_iter()
        .filter(|(right, _)| allows.contains(right))
        .fold(Rights::READ.closed(), |rights, (_, more)| rights.union(more))
}

/// Refuses mounts at paths that are taken, hidden, or none, and a root that is hidden.
fn check_places(policy: &Policy, view: &View) -> Result<(), CompileError> {
    let hidden = |path: &str| view.place(path).filter(|rights| rights.value == Rights::NONE);
    if let Some(rights) = hidden("/") {
        return Err(CompileError::HiddenRoot { origins: rights.origins.clone() });
    }
    let taken: [(&str, &str, Option<&Origins>); 3] = [
        ("/tmp", "the private /tmp", private_tmp(policy).map(|tmp| &tmp.origins)),
        ("/dev", "the private /dev", policy.devices.as_ref().map(|devices| &devices.origins)),
        (
            "/proc",
            "the process file system",
            (policy.files.proc.value != ProcView::None).then_some(&policy.files.proc.origins),
        ),
    ];
    for (at, mount) in policy.mounts.iter().flatten() {
        let refuse = |path: &str, why| CompileError::MountPath {
            path: path.to_owned(),
            why,
            origins: mount.from.origins.clone(),
        };
        for path in [at, &mount.from.value] {
            if files::validate(path).is_err() {
                return Err(refuse(path, "it is not absolute, or holds `.`, `..` or an empty part"));
            }
        }
        if at == "/" {
            return Err(refuse(at, "the root is given by --root"));
        }
        let hidden = hidden(at).map(|rights| (at.as_str(), "hidden", Some(&rights.origins)));
        for (path, other, origins) in taken.into_iter().chain(hidden) {
            if let Some(origins) = origins.filter(|_| at == path) {
                let origins = both(&mount.from.origins, origins);
                return Err(CompileError::MountTwice { path: at.clone(), other, origins });
            }
        }
    }
    Ok(())
}

/// Refuses grants on what the view of `/proc` withholds.
fn check_masks(policy: &Policy, view: &View) -> Result<(), CompileError> {
    for mask in implied::masks(policy) {
        for (path, rights) in view.places().filter(|(path, _)| paths::is_within(path, mask.path)) {
            if rights.value.intersection(mask.withheld()) != Rights::NONE {
                return Err(CompileError::Masked {
                    path: path.to_owned(),
                    mask: mask.path,
                    how: if mask.hide { "hidden" } else { "read-only" },
                    reason: mask.reason,
                    origins: both(&rights.origins, &policy.files.proc.origins),
                });
            }
        }
    }
    Ok(())
}

/// What holds at a path after the mounts so far.
#[derive(Clone, Copy)]
struct State {
    hidden: bool,
    write: bool,
    exec: bool,
    /// What a mount on the way allows at most.
    ceiling: Rights,
    /// What other sections grant here beside the tree.
    implied: Rights,
    /// What Landlock grants here, by rules at or above: it cannot be taken back.
    granted: Rights,
}

/// Collects entries on the way from `/` down.
struct Walk<'a> {
    states: BTreeMap<&'a str, State>,
    entries: Vec<MountEntry>,
}

fn entries(policy: &Policy, view: &View, read_only: bool, gaps: &mut Gaps<'_>) -> Vec<MountEntry> {
    let mounts: BTreeMap<&str, &Mount> =
        policy.mounts.iter().flatten().map(|(at, mount)| (at.as_str(), mount)).collect();
    let special = special(policy);
    let masks: BTreeMap<&str, &Mask> = implied::masks(policy).iter().map(|mask| (mask.path, mask)).collect();
    let mut points: Vec<&str> =
        view.places().map(|(path, _)| path).collect::<BTreeSet<_>>().into_iter().collect();
    points.extend(mounts.keys().chain(special.keys()).chain(masks.keys()));
    points.sort_unstable_by_key(|path| (paths::depth(path), *path));
    points.dedup();

    let root = State {
        hidden: false,
        write: !read_only,
        exec: true,
        ceiling: Rights::ALL,
        implied: Rights::NONE,
        granted: Rights::NONE,
    };
    let mut walk = Walk { states: BTreeMap::new(), entries: Vec::new() };
    for path in points {
        let mut state = paths::above(path).find_map(|above| walk.states.get(above)).copied().unwrap_or(root);
        if let Some((shown, origins)) = special.get(path) {
            walk.special(path, &mut state, *shown, origins);
        }
        if let Some(mount) = mounts.get(path) {
            walk.bind(path, &mut state, mount);
        }
        if let Some(rights) = view.place(path) {
            walk.place(path, &mut state, rights, gaps);
        }
        if let Some(mask) = masks.get(path) {
            walk.mask(path, &mut state, mask, &policy.files.proc.origins);
        }
        walk.states.insert(path, state);
    }
    walk.entries
}

/// File systems that the plan names by themselves: what they grant, `NONE` where the path is taken away.
fn special(policy: &Policy) -> BTreeMap<&'static str, (Rights, Origins)> {
    let writable = Rights::WRITE.closed();
    let mut out = BTreeMap::new();
    let proc = &policy.files.proc;
    let shown = if proc.value == ProcView::None { Rights::NONE } else { writable };
    out.insert("/proc", (shown, proc.origins.clone()));
    if let Some(devices) = &policy.devices {
        out.insert("/dev", (writable, devices.origins.clone()));
    }
    if let Some(tmp) = private_tmp(policy) {
        out.insert("/tmp", (writable, tmp.origins.clone()));
    }
    out
}

impl Walk<'_> {
    fn push(&mut self, at: &str, what: MountKind, origins: &Origins) {
        self.entries.push(MountEntry { at: at.to_owned(), what, origins: origins.clone() });
    }

    fn hide(&mut self, path: &str, state: &mut State, origins: &Origins) {
        // Over the same path again, where two sections hide it.
        match self.entries.last_mut() {
            Some(last) if last.at == path && last.what == MountKind::Hide => {
                last.origins.extend(origins.iter().cloned());
            }
            _ if state.hidden => {}
            _ => self.push(path, MountKind::Hide, origins),
        }
        *state = State { hidden: true, write: false, exec: false, implied: Rights::NONE, ..*state };
    }

    fn special(&mut self, path: &str, state: &mut State, shown: Rights, origins: &Origins) {
        if shown == Rights::NONE {
            return self.hide(path, state, origins);
        }
        let granted = state.granted.union(shown);
        *state = State { hidden: false, write: true, exec: false, implied: shown, granted, ..*state };
    }

    fn bind(&mut self, path: &str, state: &mut State, mount: &Mount) {
        let allows = |right| mount.allows.value.contains(&right);
        let (write, exec) = (allows(MountRight::Write), allows(MountRight::Exec));
        let kind = MountKind::Bind {
            from: mount.from.value.clone(),
            write,
            exec,
            suid: allows(MountRight::Suid),
            dev: allows(MountRight::Dev),
        };
        self.push(path, kind, &both(&mount.from.origins, &mount.allows.origins));
        let implied = rights(mount);
        let granted = state.granted.union(implied);
        *state = State { hidden: false, write, exec, ceiling: implied, implied, granted };
    }

    fn place(&mut self, path: &str, state: &mut State, rights: &Ruled<Rights>, gaps: &mut Gaps<'_>) {
        if rights.value == Rights::NONE {
            return self.hide(path, state, &rights.origins);
        }
        let wanted = rights.value.union(state.implied).intersection(state.ceiling);
        let above = state.granted;
        state.granted = above.union(wanted);
        if above.contains(Rights::READ) && !wanted.contains(Rights::READ) {
            let why = format!("Landlock grants reading above {path}, and no mount takes reading alone away");
            let remedy = format!("hide {path}, or grant reading beside it and not above it");
            gaps.add(Section::Files, format!("read: {path}"), Obstacle::new(why, remedy), &rights.origins);
        }
        if path == "/" {
            // The plan's `read_only` says it; execution is left to Landlock.
            return;
        }
        let (write, exec) = (wanted.contains(Rights::WRITE), wanted.contains(Rights::EXECUTE));
        let changes_exec = if exec { !state.exec } else { state.exec && above.contains(Rights::EXECUTE) };
        if !state.hidden && write == state.write && !changes_exec {
            return;
        }
        let kind = if write { MountKind::Writable { exec } } else { MountKind::ReadOnly { exec } };
        self.push(path, kind, &rights.origins);
        *state = State { hidden: false, write, exec, ..*state };
    }

    fn mask(&mut self, path: &str, state: &mut State, mask: &Mask, origins: &Origins) {
        if mask.hide {
            self.hide(path, state, origins);
        } else if !state.hidden {
            self.push(path, MountKind::ReadOnly { exec: false }, origins);
            *state = State { write: false, exec: false, ..*state };
        }
    }
}

/// What the mounts ask of the kernel and it does not have.
fn note_gaps(policy: &Policy, host: &Host, mounts: &Mounts, gaps: &mut Gaps<'_>) {
    let proc = &policy.files.proc;
    if matches!(proc.value, ProcView::Minimal | ProcView::Hidden) && !host.proc_options {
        let obstacle =
            Obstacle::new("procfs does not take hidepid=4 and subset=pid", "boot a kernel of 5.8 or later");
        gaps.add(Section::Files, "proc: hidepid=4", obstacle, &proc.origins);
    }
    if host.mount_setattr {
        return;
    }
    let obstacle = || {
        let why = "without mount_setattr(2) a mount's options do not reach the mounts below it";
        Obstacle::new(why, "boot a kernel of 5.12 or later")
    };
    if mounts.read_only {
        gaps.add(
            Section::Files,
            "mounts: read-only root",
            obstacle(),
            &policy.files.tree.rights("/").origins,
        );
    }
    for entry in &mounts.entries {
        let (section, narrows) = match &entry.what {
            MountKind::Hide | MountKind::Writable { exec: true } => continue,
            MountKind::Writable { .. } | MountKind::ReadOnly { .. } => (Section::Files, true),
            MountKind::Bind { write, exec, suid, dev, .. } => {
                (Section::Mounts, !(*write && *exec && *suid && *dev))
            }
        };
        if narrows {
            gaps.add(section, format!("mounts: options of {}", entry.at), obstacle(), &entry.origins);
        }
    }
}
