//! Rights by path: a trie of normalised absolute paths.

mod rights;

pub use rights::Rights;

use super::event::Event;
use super::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::{Origin, Origins, Ruled};
use serde::{Deserialize, Serialize, Serializer};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What may be done where. Paths are absolute and normalised (no `.`, `..`, empty part, trailing slash);
/// the lattice is lexical.
///
/// Canonical: the root always has an entry, and no other entry repeats its nearest ancestor's, rights
/// and origins of every right alike. Equality forgets the origins first, as [`FileTree::entries`] does:
/// there, every entry but the root has other rights than its nearest ancestor.
#[derive(Clone, Debug)]
pub struct FileTree {
    entries: BTreeMap<String, Entry>,
}

/// A path that is not absolute and normalised.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` is not an absolute path without `.`, `..` and empty parts")]
pub struct PathError {
    /// The path.
    pub path: String,
}

/// One line of a profile about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Absolute path.
    pub path: String,
    /// What is granted; [`Rights::NONE`] hides.
    pub rights: Rights,
    /// Where it is written.
    pub origin: Origin,
}

/// The decision on a path: one for each right, as different lines decide them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    /// The rights, with the origins of those that differ from the nearest ancestor's.
    rights: Ruled<Rights>,
    /// Who decided each right, in the order of [`Rights::EACH`].
    by: [Origins; 4],
}

impl Entry {
    fn new(rights: Rights, by: [Origins; 4]) -> Self {
        Entry { rights: Ruled::unwritten(rights), by }
    }

    fn same(&self, other: &Entry) -> bool {
        self.rights.value == other.rights.value && self.by == other.by
    }

    /// Each right with its answer and its place in `by`.
    fn each(&self) -> impl Iterator<Item = (usize, Rights, bool)> {
        let held = self.rights.value;
        Rights::EACH.into_iter().enumerate().map(move |(index, right)| (index, right, held.contains(right)))
    }

    /// Collects who set the entry apart from its nearest ancestor's: the rights that differ, or where
    /// none does, the origins that do.
    fn attribute(&mut self, parent: Option<&Entry>) {
        let differs = |index: usize, right: Rights| {
            parent.is_none_or(|parent| {
                if parent.rights.value == self.rights.value {
                    parent.by[index] != self.by[index]
                } else {
                    parent.rights.value.contains(right) != self.rights.value.contains(right)
                }
            })
        };
        let origins = Rights::EACH
            .into_iter()
            .enumerate()
            .filter(|(index, right)| differs(*index, *right))
            .flat_map(|(index, _)| self.by[index].iter().cloned())
            .collect();
        self.rights.origins = origins;
    }

    fn combine(&self, other: &Entry, toward: Toward) -> Entry {
        let value = match toward {
            Toward::Strict => self.rights.value.intersection(other.rights.value),
            Toward::Loose => self.rights.value.union(other.rights.value),
        };
        let mut by = self.by.clone();
        for ((index, _, mine), (_, _, theirs)) in self.each().zip(other.each()) {
            match toward.prefers(mine.cmp(&theirs)) {
                Ordering::Less => {}
                Ordering::Equal => by[index].extend(other.by[index].iter().cloned()),
                Ordering::Greater => by[index].clone_from(&other.by[index]),
            }
        }
        Entry::new(value, by)
    }
}

impl FileTree {
    /// Every right everywhere.
    pub fn unconstrained() -> Self {
        FileTree::canonical([("/".to_owned(), Entry::new(Rights::ALL, Default::default()))])
    }

    /// The tree that these statements mean: grants add to what the path inherits, a hidden path loses
    /// everything inherited, and a grant below a hidden path starts again from nothing. Where one path
    /// is both granted and hidden, hidden wins. Read, write and execute make a path visible; write
    /// and execute imply read. `/` is visible unless hidden, by `root`.
    pub fn from_statements(statements: &[Statement], root: &Origins) -> Result<Self, PathError> {
        let mut here: BTreeMap<&str, Vec<&Statement>> = BTreeMap::from([("/", Vec::new())]);
        for statement in statements {
            validate(&statement.path)?;
            here.entry(&statement.path).or_default().push(statement);
        }
        let start = Entry::new(Rights::VISIBLE, std::array::from_fn(|_| root.clone()));
        let mut made: BTreeMap<String, Entry> = BTreeMap::new();
        for (path, statements) in here {
            let inherited = if path == "/" { &start } else { nearest(&made, parent(path)) };
            made.insert(path.to_owned(), state(inherited, &statements));
        }
        Ok(FileTree::canonical(made))
    }

    /// The rights at `path` (absolute and normalised) and who set them apart from what is above.
    pub fn rights(&self, path: &str) -> &Ruled<Rights> {
        &nearest(&self.entries, path).rights
    }

    /// Whether `right`, one right alone, is held at `path` (absolute and normalised), and who decided it.
    pub fn decide(&self, path: &str, right: Rights) -> (bool, &Origins) {
        let entry = nearest(&self.entries, path);
        let index = Rights::EACH.iter().position(|each| *each == right).unwrap_or_default();
        (entry.rights.value.contains(right), &entry.by[index])
    }

    /// The entries, parents before children: the root, and every path that has other rights than its
    /// nearest ancestor.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Ruled<Rights>)> {
        self.entries.iter().filter_map(|(path, entry)| {
            let inherited = (path != "/").then(|| nearest(&self.entries, parent(path)));
            inherited
                .is_none_or(|above| above.rights.value != entry.rights.value)
                .then_some((path.as_str(), &entry.rights))
        })
    }

    /// From entries in order, parents before children, the root first.
    fn canonical(entries: impl IntoIterator<Item = (String, Entry)>) -> Self {
        let mut kept: BTreeMap<String, Entry> = BTreeMap::new();
        for (path, mut entry) in entries {
            let above = (path != "/").then(|| nearest(&kept, parent(&path)));
            if above.is_some_and(|above| above.same(&entry)) {
                continue;
            }
            entry.attribute(above);
            kept.insert(path, entry);
        }
        FileTree { entries: kept }
    }

    fn paths<'a>(&'a self, other: &'a FileTree) -> BTreeSet<&'a String> {
        self.entries.keys().chain(other.entries.keys()).collect()
    }
}

/// What the statements about one path make of what it inherits.
fn state(inherited: &Entry, statements: &[&Statement]) -> Entry {
    let hiders: Origins = statements
        .iter()
        .filter(|statement| statement.rights == Rights::NONE)
        .map(|statement| statement.origin.clone())
        .collect();
    if !hiders.is_empty() {
        return Entry::new(Rights::NONE, std::array::from_fn(|_| hiders.clone()));
    }
    let mut entry = inherited.clone();
    for (index, right) in Rights::EACH.into_iter().enumerate() {
        let granted = statements.iter().filter(|statement| statement.rights.closed().contains(right));
        let granters: Origins = granted.map(|statement| statement.origin.clone()).collect();
        if granters.is_empty() {
            continue;
        }
        if !entry.rights.value.contains(right) {
            entry.by[index].clear();
        }
        entry.rights.value = entry.rights.value.union(right);
        entry.by[index].extend(granters);
    }
    entry
}

/// Refuses a path that is not absolute and normalised.
pub fn validate(path: &str) -> Result<(), PathError> {
    let normal = path == "/"
        || path.strip_prefix('/').is_some_and(|rest| {
            !rest.contains('\0') && rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
        });
    if normal { Ok(()) } else { Err(PathError { path: path.to_owned() }) }
}

/// The path above; the root's is the root.
fn parent(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(slash) => &path[..slash],
    }
}

/// The entry at `path` or at its nearest ancestor that has one; the root always does.
fn nearest<'a>(entries: &'a BTreeMap<String, Entry>, path: &str) -> &'a Entry {
    let mut at = path;
    loop {
        match entries.get(at) {
            Some(entry) => return entry,
            None if at == "/" => unreachable!("a tree without a root"),
            None => at = parent(at),
        }
    }
}

impl Lattice for FileTree {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        Ok(FileTree::canonical(self.paths(other).into_iter().map(|path| {
            let (left, right) = (nearest(&self.entries, path), nearest(&other.entries, path));
            (path.clone(), left.combine(right, toward))
        })))
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::File { right, path } => {
                let (allowed, origins) = self.decide(path, *right);
                Some(Verdict { allowed, origins: origins.clone() })
            }
            _ => None,
        }
    }

    /// One witness a path on which the trees differ from what is above it.
    fn looser(&self, other: &Self) -> Vec<Witness> {
        let mut witnesses: Vec<Witness> = Vec::new();
        for path in self.paths(other) {
            let excess = self.rights(path).value.minus(other.rights(path).value);
            let above = parent(path);
            let known = if path == "/" {
                Rights::NONE
            } else {
                self.rights(above).value.minus(other.rights(above).value)
            };
            // The strongest right first: who may write is a worse surprise than who may read.
            let fresh = Rights::EACH.into_iter().rev().find(|right| excess.minus(known).contains(*right));
            witnesses.extend(fresh.map(|right| Witness {
                event: Event::File { right, path: path.clone() },
                allowed_by: self.decide(path, right).1.clone(),
                denied_by: other.decide(path, right).1.clone(),
            }));
        }
        witnesses
    }
}

/// Equality ignores origins: the functions from paths to rights are compared.
impl PartialEq for FileTree {
    fn eq(&self, other: &Self) -> bool {
        self.entries().eq(other.entries())
    }
}
impl Eq for FileTree {}

/// A tree with who decided each right, which what is shown leaves out: to be read again.
pub(crate) mod whole {
    use super::{BTreeMap, Entry, FileTree};
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::{Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(tree: &FileTree, serializer: S) -> Result<S::Ok, S::Error> {
        tree.entries.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FileTree, D::Error> {
        let entries = BTreeMap::<String, Entry>::deserialize(deserializer)?;
        if entries.contains_key("/") { Ok(FileTree { entries }) } else { Err(D::Error::custom("no root")) }
    }
}

impl Serialize for FileTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries())
    }
}
