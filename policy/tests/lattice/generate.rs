//! Random points of the lattice: small worlds, so that comparable points and ties are common.

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::LatticeError;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::files::{FileTree, Rights, Statement};
use stockade_policy::lattice::intervals::{Bound, IntervalSet};
use stockade_policy::lattice::network::{AddressRange, Addresses, Protocol};
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::origin::{Origin, Origins, Ruled};
use stockade_policy::vocab::Arch;

pub(crate) fn origin() -> impl Strategy<Value = Origin> {
    (select(vec!["web.yaml", "floor.yaml"]), 1..6u32).prop_map(|(file, line)| Origin {
        file: file.into(),
        line,
        column: 1,
    })
}

pub(crate) fn ruled<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Ruled<T>> {
    (value, origin()).prop_map(|(value, origin)| Ruled::at(value, origin))
}

pub(crate) fn action() -> impl Strategy<Value = Action> {
    select(vec![
        Action::KillProcess,
        Action::KillThread,
        Action::Trap(7),
        Action::Errno(38),
        Action::Errno(1),
        Action::Errno(13),
        Action::Notify,
        Action::Trace(1),
        Action::Trace(2),
        Action::Log,
        Action::Allow,
    ])
}

pub(crate) fn decision() -> impl Strategy<Value = Decision> {
    (action(), origin()).prop_map(|(action, origin)| Decision { action, origins: Origins::from([origin]) })
}

/// Values at which comparisons turn: small ones, signs, word boundaries, and anything.
pub(crate) fn register() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..8u64,
        1 => select(vec![
            0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0001,
            0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, u64::MAX - 1, u64::MAX,
        ]),
        1 => any::<u64>(),
        // A small value below garbage, as a register holds a 32-bit argument.
        2 => (0..8u64, any::<u32>()).prop_map(|(low, high)| u64::from(high) << 32 | low),
    ]
}

pub(crate) fn registers() -> impl Strategy<Value = [u64; 6]> {
    [register(), register(), register(), register(), register(), register()]
}

pub(crate) fn comparison() -> impl Strategy<Value = Comparison> {
    let mask = prop_oneof![
        4 => Just(u64::MAX),
        2 => 0..8u64,
        1 => select(vec![0x7e02_0000, 0x8000_0000, 0xffff_ffff_0000_0000]),
        1 => any::<u64>(),
    ];
    let operator = select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ]);
    let width = select(vec![Width::U32, Width::I32, Width::U64, Width::I64]);
    (0..3u8, width, mask, operator, register()).prop_map(|(argument, width, mask, operator, value)| {
        Comparison { argument, width, mask, operator, value }
    })
}

pub(crate) fn condition() -> impl Strategy<Value = Condition> {
    comparison().prop_map(Condition::Compare).prop_recursive(3, 12, 4, |part| {
        prop_oneof![
            vec(part.clone(), 0..4).prop_map(Condition::All),
            vec(part.clone(), 0..4).prop_map(Condition::Any),
            part.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    })
}

/// A list of rules, the first that matches decides.
pub(crate) fn rules() -> impl Strategy<Value = (Vec<(Condition, Decision)>, Decision)> {
    (vec((condition(), decision()), 0..3), decision())
}

/// Longer lists of deeper conditions over all six arguments: larger than any profile's.
pub(crate) fn heavy_rules() -> impl Strategy<Value = (Vec<(Condition, Decision)>, Decision)> {
    let comparison = (comparison(), 0..6u8)
        .prop_map(|(comparison, argument)| Condition::Compare(Comparison { argument, ..comparison }));
    let condition = comparison.prop_recursive(4, 24, 4, |part| {
        prop_oneof![
            vec(part.clone(), 2..5).prop_map(Condition::All),
            vec(part.clone(), 2..5).prop_map(Condition::Any),
            part.prop_map(|part| Condition::Not(Box::new(part))),
        ]
    });
    (vec((condition, decision()), 2..6), decision())
}

pub(crate) fn build(rules: &[(Condition, Decision)], rest: &Decision) -> Result<Diagram, LatticeError> {
    rules.iter().rev().try_fold(Diagram::leaf(rest.clone()), |otherwise, (condition, then)| {
        Diagram::choose("test", condition, &Diagram::leaf(then.clone()), &otherwise)
    })
}

pub(crate) fn diagram() -> impl Strategy<Value = Diagram> {
    rules().prop_filter_map("outgrew the limit", |(rules, rest)| build(&rules, &rest).ok())
}

/// Numbers on which tables differ; with holes, so that the rest shows between them.
pub(crate) const NUMBERS: [u32; 8] = [0, 1, 2, 3, 5, 40, 41, 0x3fff_ffff];

pub(crate) fn syscalls() -> impl Strategy<Value = Syscalls> {
    // Few diagrams, so that neighbours coalesce.
    (vec(diagram(), 1..4), decision(), decision()).prop_flat_map(|(diagrams, rest, absent)| {
        let table = btree_map(select(NUMBERS.to_vec()), select(diagrams), 0..6)
            .prop_map(move |numbers| Table::new(numbers, rest.clone()));
        btree_map(select(Arch::ALL.to_vec()), table, 0..3)
            .prop_map(move |tables| Syscalls::new(tables, &absent))
    })
}

/// Paths with ancestors, siblings, and a sibling whose name sorts between parent and child.
pub(crate) const PATHS: [&str; 9] = ["/", "/a", "/a-b", "/a/b", "/a/b/c", "/a/c", "/d", "/d/e", "/d/e/f"];

pub(crate) fn statements() -> impl Strategy<Value = Vec<Statement>> {
    let statement = (select(PATHS.to_vec()), 0..16u8, origin()).prop_map(|(path, rights, origin)| {
        Statement { path: path.to_owned(), rights: Rights(rights), origin }
    });
    vec(statement, 0..6)
}

pub(crate) fn tree() -> impl Strategy<Value = FileTree> {
    (statements(), origin()).prop_map(|(statements, root)| {
        FileTree::from_statements(&statements, &Origins::from([root])).unwrap()
    })
}

pub(crate) fn intervals<T: Bound + 'static>(
    value: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = IntervalSet<T>> {
    vec((value.clone(), value), 0..4).prop_map(|ranges| ranges.into_iter().collect())
}

/// Ports and addresses at which ranges begin, end, touch and overlap.
pub(crate) fn port() -> impl Strategy<Value = u16> + Clone {
    select(vec![0, 1, 79, 80, 81, 443, u16::MAX - 1, u16::MAX])
}

/// See [`port`].
pub(crate) fn address() -> impl Strategy<Value = u32> + Clone {
    select(vec![0, 1, 0x0a00_0000, 0x0a00_0001, 0x0aff_ffff, 0x0b00_0000, u32::MAX - 1, u32::MAX])
}

pub(crate) fn addresses() -> impl Strategy<Value = Addresses> {
    let range = prop_oneof![
        1 => Just(AddressRange::Any),
        4 => (address(), address()).prop_map(|(first, last)| AddressRange::V4(first, last)),
        2 => (address(), address()).prop_map(|(first, last)| {
            AddressRange::V6(u128::from(first) << 96, u128::from(last) << 96 | u128::from(last))
        }),
    ];
    let part = (range, select(Protocol::ALL.to_vec()), intervals(port()))
        .prop_map(|(range, protocol, ports)| Addresses::new(range, protocol, ports));
    vec(part, 0..5).prop_map(|parts| parts.into_iter().fold(Addresses::none(), |sum, part| sum.union(&part)))
}

pub(crate) fn limits<K: Ord + Clone + std::fmt::Debug + 'static>(
    names: Vec<K>,
) -> impl Strategy<Value = BTreeMap<K, Ruled<u64>>> {
    btree_map(select(names), ruled(0..3u64), 0..3)
}

pub(crate) fn limit() -> impl Strategy<Value = Option<Ruled<u64>>> {
    option::of(ruled(0..3u64))
}

pub(crate) fn words() -> impl Strategy<Value = std::collections::BTreeSet<String>> {
    btree_set(select(vec!["PATH", "LANG", "HOME"]).prop_map(str::to_owned), 0..3)
}
