//! Trees mean what their statements say, are canonical, and form a lattice.

use crate::generate::{PATHS, origin, statements, tree};
use crate::with_origins;
use proptest::prelude::*;
use std::collections::BTreeMap;
use stockade_policy::lattice::event::Event;
use stockade_policy::lattice::files::{FileTree, Rights, Statement, validate};
use stockade_policy::lattice::{Lattice, Toward};
use stockade_policy::origin::{Origin, Origins};

/// Every path of the small world, and one below each that no statement names.
fn everywhere() -> impl Iterator<Item = String> {
    PATHS.iter().flat_map(|path| {
        let base = if *path == "/" { "" } else { path };
        [(*path).to_owned(), format!("{base}/unnamed")]
    })
}

/// The meaning, part by part from the root, straight from its sentence.
fn meaning(statements: &[Statement], path: &str) -> Rights {
    let mut rights = Rights::VISIBLE;
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    for depth in 0..=parts.len() {
        let here = format!("/{}", parts[..depth].join("/"));
        let about: Vec<_> = statements.iter().filter(|statement| statement.path == here).collect();
        if about.iter().any(|statement| statement.rights == Rights::NONE) {
            rights = Rights::NONE;
            continue;
        }
        for statement in about {
            rights = rights.union(statement.rights).union(Rights::VISIBLE);
            if statement.rights.0 & (Rights::WRITE.0 | Rights::EXECUTE.0) != 0 {
                rights = rights.union(Rights::READ);
            }
        }
    }
    rights
}

/// The whole function with its origins: what a tree is, whatever its form.
fn function(tree: &FileTree) -> BTreeMap<(String, u8), (bool, Origins)> {
    everywhere()
        .flat_map(|path| {
            Rights::EACH.map(|right| {
                let (held, by) = tree.decide(&path, right);
                ((path.clone(), right.0), (held, by.clone()))
            })
        })
        .collect()
}

proptest! {
    #[test]
    fn a_tree_means_its_statements(statements in statements(), root in origin()) {
        let tree = FileTree::from_statements(&statements, &Origins::from([root.clone()])).unwrap();
        for path in everywhere() {
            prop_assert_eq!(tree.rights(&path).value, meaning(&statements, &path), "{}", path);
            for right in Rights::EACH {
                let (held, by) = tree.decide(&path, right);
                prop_assert!(!by.is_empty());
                // Whoever decided stands at the path or above it and says this, or is the root.
                for origin in by.iter().filter(|origin| **origin != root) {
                    let above = |at: &str| at == "/" || path == at || path.starts_with(&format!("{at}/"));
                    let says = |statement: &&Statement| {
                        statement.origin == *origin
                            && above(&statement.path)
                            && if held { statement.rights.closed().contains(right) } else { statement.rights == Rights::NONE }
                    };
                    prop_assert!(statements.iter().any(|statement| says(&statement)), "{} {:?}", path, right);
                }
            }
        }
    }

    #[test]
    fn the_order_of_statements_does_not_matter(statements in statements(), root in origin()) {
        let root = Origins::from([root]);
        let reversed: Vec<_> = statements.iter().rev().cloned().collect();
        let one = FileTree::from_statements(&statements, &root).unwrap();
        let two = FileTree::from_statements(&reversed, &root).unwrap();
        prop_assert_eq!(with_origins(&one), with_origins(&two));
    }

    #[test]
    fn entries_are_minimal_and_rebuild_the_function(tree in tree()) {
        let entries: Vec<_> = tree.entries().map(|(path, rights)| (path.to_owned(), rights.value)).collect();
        prop_assert_eq!(entries[0].0.as_str(), "/");
        let nearest = |path: &str, skip: bool| {
            entries
                .iter()
                .filter(|(at, _)| at == "/" || path.starts_with(&format!("{at}/")) || (!skip && path == at))
                .filter(|(at, _)| !(skip && at == path))
                .max_by_key(|(at, _)| if at == "/" { 0 } else { at.len() })
                .map(|(_, rights)| *rights)
        };
        for (path, rights) in entries.iter().skip(1) {
            prop_assert_ne!(nearest(path, true), Some(*rights), "{} repeats what is above it", path);
        }
        for path in everywhere() {
            prop_assert_eq!(nearest(&path, false), Some(tree.rights(&path).value));
        }
        prop_assert!(tree.entries().all(|(_, rights)| !rights.origins.is_empty()));
    }

    #[test]
    fn equal_meaning_is_equal_form(a in tree(), b in tree()) {
        let same = everywhere().all(|path| a.rights(&path) == b.rights(&path));
        prop_assert_eq!(a == b, same);
        prop_assert_eq!(with_origins(&a) == with_origins(&b), function(&a) == function(&b));
    }

    #[test]
    fn combines_pointwise(a in tree(), b in tree()) {
        let (meet, join) = (a.meet(&b).unwrap(), a.join(&b).unwrap());
        for path in everywhere() {
            for right in Rights::EACH {
                let (x, y) = (a.decide(&path, right), b.decide(&path, right));
                let (m, j) = (meet.decide(&path, right), join.decide(&path, right));
                prop_assert_eq!(m.0, x.0 && y.0);
                prop_assert_eq!(j.0, x.0 || y.0);
                match (x.0, y.0) {
                    (false, true) => { prop_assert_eq!(m.1, x.1); prop_assert_eq!(j.1, y.1); }
                    (true, false) => { prop_assert_eq!(m.1, y.1); prop_assert_eq!(j.1, x.1); }
                    _ => {
                        let union: Origins = x.1 | y.1;
                        prop_assert_eq!(m.1, &union);
                        prop_assert_eq!(j.1, &union);
                    }
                }
            }
        }
    }

    #[test]
    fn semilattice_laws_with_origins(a in tree(), b in tree(), c in tree(), strict in any::<bool>()) {
        let toward = if strict { Toward::Strict } else { Toward::Loose };
        let both = |x: &FileTree, y: &FileTree| x.combine(y, toward).unwrap();
        prop_assert_eq!(with_origins(&both(&a, &a)), with_origins(&a));
        prop_assert_eq!(with_origins(&both(&a, &b)), with_origins(&both(&b, &a)));
        prop_assert_eq!(with_origins(&both(&both(&a, &b), &c)), with_origins(&both(&a, &both(&b, &c))));
    }

    #[test]
    fn absorption(a in tree(), b in tree()) {
        prop_assert_eq!(&a.meet(&a.join(&b).unwrap()).unwrap(), &a);
        prop_assert_eq!(&a.join(&a.meet(&b).unwrap()).unwrap(), &a);
    }

    #[test]
    fn looser_where_there_is_a_witness(a in tree(), b in tree()) {
        let witnesses = a.looser(&b);
        let inside = everywhere().all(|path| b.rights(&path).value.contains(a.rights(&path).value));
        prop_assert_eq!(witnesses.is_empty(), inside);
        prop_assert_eq!(a.le(&b), a.meet(&b).unwrap() == a);
        for witness in witnesses {
            let Event::File { right, path } = &witness.event else { panic!("{:?}", witness.event) };
            prop_assert_eq!(a.decide(path, *right), (true, &witness.allowed_by));
            prop_assert_eq!(b.decide(path, *right), (false, &witness.denied_by));
            prop_assert!(!witness.denied_by.is_empty());
        }
    }
}

fn line(line: u32) -> Origin {
    Origin { file: "web.yaml".into(), line, column: 1 }
}

fn says(path: &str, rights: Rights, at: u32) -> Statement {
    Statement { path: path.to_owned(), rights, origin: line(at) }
}

#[test]
fn a_grant_below_a_hidden_path_starts_from_nothing() {
    let tree = FileTree::from_statements(
        &[says("/", Rights::WRITE, 1), says("/proc", Rights::NONE, 2), says("/proc/self", Rights::READ, 3)],
        &Origins::from([line(9)]),
    )
    .unwrap();
    assert_eq!(tree.rights("/etc").value, Rights(7));
    assert_eq!(tree.rights("/proc/1").value, Rights::NONE);
    assert_eq!(tree.rights("/proc/self/fd").value, Rights::READ.closed());
    assert_eq!(tree.decide("/proc/self", Rights::WRITE), (false, &Origins::from([line(2)])));
    assert_eq!(tree.decide("/etc", Rights::EXECUTE), (false, &Origins::from([line(9)])));
    assert_eq!(tree.rights("/proc").origins, Origins::from([line(2)]), "who set it apart");
}

#[test]
fn the_witness_names_the_strongest_right() {
    let root = Origins::from([line(1)]);
    let a = FileTree::from_statements(&[says("/etc", Rights::WRITE, 2)], &root).unwrap();
    let b = FileTree::from_statements(&[says("/etc", Rights::READ, 3)], &root).unwrap();
    let events: Vec<_> = a.looser(&b).iter().map(|witness| witness.event.to_string()).collect();
    assert_eq!(events, ["write:/etc"]);
}

#[test]
fn only_normal_paths_are_taken() {
    for path in ["/", "/a", "/a/b.c", "/..a", "/a/...", "/ä b"] {
        assert!(validate(path).is_ok(), "{path}");
    }
    for path in ["", "a", "./a", "/a/", "//a", "/a//b", "/.", "/a/..", "/a/./b", "/a\0"] {
        assert_eq!(validate(path).unwrap_err().path, path);
        assert!(FileTree::from_statements(&[says(path, Rights::READ, 1)], &Origins::new()).is_err());
    }
}
