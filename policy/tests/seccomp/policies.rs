//! Random policies on system calls.

use proptest::prelude::*;
use std::collections::BTreeMap;
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::origin::{Origin, Origins};
use stockade_policy::vocab::Arch;

pub(crate) fn decision(action: Action, line: u32) -> Decision {
    Decision { action, origins: Origins::from([Origin { file: "a.yaml".into(), line, column: 1 }]) }
}

fn actions() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => Just(Action::Allow),
        2 => Just(Action::Errno(1)),
        2 => Just(Action::Errno(38)),
        1 => Just(Action::KillProcess),
        1 => Just(Action::KillThread),
        1 => Just(Action::Trap(5)),
        1 => Just(Action::Trace(9)),
        1 => Just(Action::Notify),
        1 => Just(Action::Log),
    ]
}

fn decisions() -> impl Strategy<Value = Decision> {
    (actions(), 1..20u32).prop_map(|(action, line)| decision(action, line))
}

/// Numbers as they come up: small, single bits, around a word's end, anything.
fn values() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..50u64,
        (0..64u32).prop_map(|bit| 1 << bit),
        (0..64u32).prop_map(|bit| u64::MAX << bit),
        Just(0xffff_fff0),
        any::<u64>(),
    ]
}

fn comparisons() -> impl Strategy<Value = Condition> {
    let widths = prop::sample::select(vec![Width::U32, Width::I32, Width::U64, Width::I64]);
    let operators = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ]);
    let masks = prop_oneof![3 => Just(u64::MAX), 1 => values()];
    (0..6u8, widths, masks, operators, values()).prop_map(|(argument, width, mask, operator, value)| {
        Condition::Compare(Comparison { argument, width, mask, operator, value })
    })
}

fn conditions() -> impl Strategy<Value = Condition> {
    comparisons().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Condition::Any),
            inner.prop_map(|condition| Condition::Not(Box::new(condition))),
        ]
    })
}

fn diagrams() -> impl Strategy<Value = Diagram> {
    let leaf = decisions().prop_map(Diagram::leaf);
    let chosen = (conditions(), decisions(), decisions()).prop_map(|(condition, then, otherwise)| {
        Diagram::choose("call", &condition, &Diagram::leaf(then.clone()), &Diagram::leaf(otherwise))
            // Three comparisons of 64 bits may outgrow the limit.
            .unwrap_or_else(|_| Diagram::leaf(then))
    });
    prop_oneof![3 => leaf, 2 => chosen]
}

fn tables(numbers: impl Strategy<Value = u32>) -> impl Strategy<Value = Table> {
    (prop::collection::btree_map(numbers, diagrams(), 0..12), decisions())
        .prop_map(|(numbers, rest)| Table::new(numbers, rest))
}

/// Tables for some interfaces, one decision for the others.
pub(crate) fn syscalls() -> impl Strategy<Value = Syscalls> {
    syscalls_over(|_| prop_oneof![8 => 0..30u32, 4 => 400..470u32, 1 => any::<u32>()].boxed())
}

/// The same, where the numbers of an interface that are singled out come from `numbers`.
pub(crate) fn syscalls_over(
    numbers: impl Fn(Arch) -> BoxedStrategy<u32> + Clone + 'static,
) -> impl Strategy<Value = Syscalls> {
    let arch = prop::sample::subsequence(Arch::ALL.to_vec(), 0..=Arch::ALL.len());
    let tables = arch.prop_flat_map(move |named| {
        let numbers = numbers.clone();
        named.into_iter().map(move |arch| (Just(arch), tables(numbers(arch)))).collect::<Vec<_>>()
    });
    (tables, decisions()).prop_map(|(tables, absent): (Vec<(Arch, Table)>, Decision)| {
        Syscalls::new(tables.into_iter().collect::<BTreeMap<Arch, Table>>(), &absent)
    })
}
