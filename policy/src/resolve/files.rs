//! What the process sees of a file tree: rights, mounts, devices.

use super::{Resolver, origins};
use crate::diagnostic::Diagnostic;
use crate::lattice::files::{FileTree, Rights, Statement};
use crate::origin::{Origins, Ruled};
use crate::parse::list::List;
use crate::policy::{Device, Files, Mount, MountRight, Policy, ProcView};
use crate::profile::{self, AbsolutePath, DeviceName, MountEntry, MountOption, RootAccess, TmpSize};
use std::collections::{BTreeMap, BTreeSet};

impl Resolver<'_> {
    pub(super) fn files(&mut self, written: Option<&profile::Files>, files: &mut Files) {
        if !self.is_floor() {
            files.tmp = None;
            files.proc = Ruled::at(ProcView::None, self.begin.clone());
        }
        match (written, self.is_floor()) {
            (None, true) => {}
            (None, false) => self.tree(&[], &Origins::from([self.begin.clone()]), files),
            (Some(written), floor) => {
                let root = written.root.as_ref().map_or(&written.origin, |root| &root.origin);
                self.tree(&statements(written, floor), &Origins::from([root.clone()]), files);
            }
        }
        let Some(written) = written else { return };
        if let Some(tmp) = &written.tmp {
            files.tmp = match tmp.value {
                TmpSize::None => None,
                TmpSize::Most(size) => Some(Ruled::at(size.0, tmp.origin.clone())),
            };
        }
        if let Some(proc) = &written.proc {
            files.proc = proc.clone().map(profile::ProcChoice::view).into();
        }
    }

    fn tree(&mut self, statements: &[Statement], root: &Origins, files: &mut Files) {
        match FileTree::from_statements(statements, root) {
            Ok(tree) => files.tree = tree,
            Err(error) => {
                let at = statements.iter().find(|statement| statement.path == error.path);
                let at = at.map_or_else(|| self.begin.clone(), |statement| statement.origin.clone());
                self.fault(&at, Diagnostic::error(error.to_string()));
            }
        }
    }

    /// What is mounted in addition; the last of two at one path counts.
    pub(super) fn mounts(&mut self, written: Option<&List<MountEntry>>, policy: &mut Policy) {
        let Some(written) = written else { return };
        let mut mounts = BTreeMap::new();
        for entry in &written.items {
            let (Some(from), Some(at)) = (&entry.value.from, &entry.value.at) else { continue };
            if at.value.0 == "/" {
                let diagnostic = Diagnostic::error("a mount cannot take the place of the root");
                self.fault(&at.origin, diagnostic.help("the root is chosen when the program is launched"));
                continue;
            }
            let allows = self.mount_rights(entry.value.options.as_ref());
            let allows = allows.unwrap_or_else(|| Ruled::at(BTreeSet::new(), entry.origin.clone()));
            let from = from.clone().map(|path| path.0).into();
            mounts.insert(at.value.0.clone(), Mount { from, allows });
        }
        policy.mounts = Some(mounts);
    }

    fn mount_rights(&mut self, options: Option<&List<MountOption>>) -> Option<Ruled<BTreeSet<MountRight>>> {
        let options = options?;
        let read_only = options.items.iter().find(|option| option.value == MountOption::ReadOnly);
        let writable = options.items.iter().find(|option| option.value == MountOption::Writable);
        if let (Some(read_only), Some(writable)) = (read_only, writable) {
            let related = self.report.place(&read_only.origin);
            let diagnostic = Diagnostic::error("a mount is either `read-only` or `writable`");
            self.fault(&writable.origin, diagnostic.related(related, "read-only here"));
        }
        let right = |option: MountOption| match option {
            MountOption::ReadOnly => None,
            MountOption::Writable => Some(MountRight::Write),
            MountOption::Exec => Some(MountRight::Exec),
            MountOption::Suid => Some(MountRight::Suid),
            MountOption::Dev => Some(MountRight::Dev),
        };
        let rights = options.items.iter().filter_map(|option| right(option.value)).collect();
        Some(Ruled { value: rights, origins: origins(options) })
    }

    pub(super) fn devices(&mut self, written: Option<&List<DeviceName>>, policy: &mut Policy) {
        let Some(written) = written else {
            if !self.is_floor() {
                policy.devices = Some(Ruled::at(BTreeSet::new(), self.begin.clone()));
            }
            return;
        };
        let standard = || DeviceName::STANDARD.iter().map(|node| Device::Node((*node).to_owned()));
        let mut devices = BTreeSet::new();
        for name in &written.items {
            match &name.value {
                DeviceName::Standard => devices.extend(standard()),
                DeviceName::One(device) => {
                    devices.insert(device.clone());
                }
            }
        }
        policy.devices = (!written.all).then(|| Ruled { value: devices, origins: origins(written) });
    }
}

/// The statements of a section.
///
/// In a floor a right that no list speaks of is not constrained: it is granted at the root, or, because
/// writing and executing imply reading, wherever `read` grants.
fn statements(files: &profile::Files, floor: bool) -> Vec<Statement> {
    let writable_root = files.root.as_ref().filter(|root| root.value == RootAccess::Writable);
    let says_write = files.write.is_some() || files.root.is_some();
    let free = [(!says_write).then_some(Rights::WRITE), files.execute.is_none().then_some(Rights::EXECUTE)];
    let free = free.into_iter().flatten().fold(Rights::NONE, Rights::union);
    let free = if floor { free } else { Rights::NONE };
    let lists = [
        (&files.read, Rights::READ.union(free)),
        (&files.write, Rights::WRITE),
        (&files.execute, Rights::EXECUTE),
        (&files.hide, Rights::NONE),
    ];
    let mut statements: Vec<Statement> =
        lists.into_iter().flat_map(|(list, rights)| granted(list.as_ref(), rights)).collect();
    if floor && files.read.is_none() {
        let rights = Rights::READ.union(free);
        statements.push(Statement { path: "/".to_owned(), rights, origin: files.origin.clone() });
    }
    if let Some(root) = writable_root {
        let origin = root.origin.clone();
        statements.push(Statement { path: "/".to_owned(), rights: Rights::WRITE, origin });
    }
    statements
}

fn granted(list: Option<&List<AbsolutePath>>, rights: Rights) -> impl Iterator<Item = Statement> {
    let items = list.map(|list| list.items.as_slice()).unwrap_or_default();
    items.iter().map(move |path| Statement {
        path: path.value.0.clone(),
        rights,
        origin: path.origin.clone(),
    })
}
