//! Tables decide pointwise, coalesce, and form a lattice.

use crate::generate::{NUMBERS, decision, diagram, registers, syscalls};
use crate::with_origins;
use proptest::prelude::*;
use std::collections::BTreeMap;
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::event::Event;
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::lattice::{Lattice, Toward};
use stockade_policy::origin::Origins;
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::syscalls::table;

/// The numbers of the small world with their neighbours and the ends of the range.
fn numbers() -> Vec<u32> {
    let ends = [0x4000_0000, 0x7fff_ffff, 0x8000_0000, 0xbfff_ffff, 0xc000_0000, u32::MAX];
    NUMBERS.iter().flat_map(|n| [n.saturating_sub(1), *n, n + 1]).chain(ends).collect()
}

fn combine(a: &Syscalls, b: &Syscalls, toward: Toward) -> Result<Syscalls, TestCaseError> {
    a.combine(b, toward).map_err(|error| TestCaseError::reject(error.to_string()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_table_decides_each_number(
        given in prop::collection::btree_map(prop::sample::select(NUMBERS.to_vec()), diagram(), 0..6),
        rest in decision(),
        arguments in registers(),
    ) {
        let table = Table::new(given.clone(), rest.clone());
        for number in numbers() {
            let expected = given.get(&number).map_or(&rest, |diagram| diagram.decide(&arguments));
            prop_assert_eq!(table.diagram(number).decide(&arguments), expected);
        }
        let intervals: Vec<_> = table.intervals().collect();
        prop_assert_eq!(intervals[0].0, 0);
        prop_assert_eq!(intervals[intervals.len() - 1].1, u32::MAX);
        for pair in intervals.windows(2) {
            prop_assert_eq!(pair[0].1 + 1, pair[1].0);
            prop_assert_ne!(pair[0].2.nodes(), pair[1].2.nodes());
        }
    }

    #[test]
    fn combines_pointwise(a in syscalls(), b in syscalls(), arguments in registers(), strict in any::<bool>()) {
        let toward = if strict { Toward::Strict } else { Toward::Loose };
        let both = combine(&a, &b, toward)?;
        for arch in Arch::ALL {
            for number in numbers() {
                let (x, y) = (a.decide(arch, number, &arguments), b.decide(arch, number, &arguments));
                prop_assert_eq!(both.decide(arch, number, &arguments), &x.combine(y, toward));
            }
        }
    }

    #[test]
    fn semilattice_laws_with_origins(a in syscalls(), b in syscalls(), c in syscalls(), strict in any::<bool>()) {
        let toward = if strict { Toward::Strict } else { Toward::Loose };
        prop_assert_eq!(with_origins(&combine(&a, &a, toward)?), with_origins(&a));
        let ab = combine(&a, &b, toward)?;
        prop_assert_eq!(with_origins(&ab), with_origins(&combine(&b, &a, toward)?));
        let left = combine(&ab, &c, toward)?;
        let right = combine(&a, &combine(&b, &c, toward)?, toward)?;
        prop_assert_eq!(with_origins(&left), with_origins(&right));
    }

    #[test]
    fn absorption(a in syscalls(), b in syscalls()) {
        prop_assert_eq!(&combine(&a, &combine(&a, &b, Toward::Loose)?, Toward::Strict)?, &a);
        prop_assert_eq!(&combine(&a, &combine(&a, &b, Toward::Strict)?, Toward::Loose)?, &a);
    }

    #[test]
    fn looser_where_there_is_a_witness(a in syscalls(), b in syscalls()) {
        let witnesses = a.looser(&b);
        prop_assert_eq!(witnesses.is_empty(), combine(&a, &b, Toward::Strict)? == a);
        for witness in witnesses {
            let Event::Syscall { arch, number, arguments, answer } = &witness.event else {
                panic!("{:?}", witness.event)
            };
            let (x, y) = (a.decide(*arch, *number, arguments), b.decide(*arch, *number, arguments));
            prop_assert!(x.action > y.action && x.action == *answer);
            prop_assert_eq!((&x.origins, &y.origins), (&witness.allowed_by, &witness.denied_by));
            prop_assert!(!witness.denied_by.is_empty());
        }
    }
}

fn decide(action: Action, line: u32) -> Decision {
    let origin = stockade_policy::origin::Origin { file: "web.yaml".into(), line, column: 1 };
    Decision { action, origins: Origins::from([origin]) }
}

#[test]
fn equality_forgets_who_decided_but_the_form_does_not() {
    let table = |line| {
        let numbers = (0..5).map(|n| (n, Diagram::leaf(decide(Action::Allow, line * n)))).collect();
        Table::new(numbers, decide(Action::Allow, 9))
    };
    assert_eq!(table(1), table(2));
    assert_eq!(table(1), Table::new(BTreeMap::new(), decide(Action::Allow, 1)));
    assert_eq!(table(1).intervals().count(), 6);
    assert_eq!(table(0).intervals().count(), 2, "neighbours with the same line are one");
    assert_ne!(table(1), Table::new(BTreeMap::new(), decide(Action::Log, 1)));
}

#[test]
fn numbers_that_never_reach_a_table_do_not_tell_two_apart() {
    let with = |number| {
        let numbers = BTreeMap::from([(number, Diagram::leaf(decide(Action::Allow, 1)))]);
        let table = Table::new(numbers, decide(Action::Errno(38), 2));
        Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decide(Action::Errno(38), 3))
    };
    let without = Syscalls::new(BTreeMap::new(), &decide(Action::Errno(38), 3));
    assert_eq!(with(0x4000_0001), without, "x86_64 has no number with the x32 bit");
    assert_eq!(with(0xc000_0001), without);
    assert_ne!(with(0x3fff_ffff), without);
    assert_ne!(with(0x8000_0001), without, "a negative number reaches the filter");
    assert_eq!(with(0x3fff_ffff).decide(Arch::X86_64, 0x8000_0000, &[0; 6]).action, Action::Errno(38));
}

#[test]
fn a_large_table_is_combined_by_its_few_diagrams() {
    let table = |step: u32| {
        let numbers = (0..460)
            .filter(|n| n % step == 0)
            .map(|n| (n, Diagram::leaf(decide(Action::Allow, n % 7))))
            .collect();
        Table::new(numbers, decide(Action::Errno(1), 99))
    };
    let all = |step| {
        let tables = Arch::ALL.into_iter().map(|arch| (arch, table(step))).collect();
        Syscalls::new(tables, &decide(Action::Errno(38), 98))
    };
    let met = all(2).meet(&all(3)).unwrap();
    for number in 0..470 {
        let allowed = number < 460 && number % 6 == 0;
        let action = met.decide(Arch::Aarch64, number, &[0; 6]).action;
        assert_eq!(action == Action::Allow, allowed, "{number}");
    }
    assert!(met.le(&all(2)) && met.le(&all(3)) && !all(2).le(&met));
}

#[test]
fn a_witness_for_every_call_that_has_a_name_and_one_for_the_rest() {
    let errno = decide(Action::Errno(1), 1);
    let vsock = Condition::Compare(Comparison {
        argument: 0,
        width: Width::I32,
        mask: u64::MAX,
        operator: Operator::Equal,
        value: 40,
    });
    let allow = Diagram::leaf(decide(Action::Allow, 2));
    let socket = Diagram::choose("socket", &vsock, &Diagram::leaf(errno.clone()), &allow).unwrap();
    let x86_64 = BTreeMap::from([(40, allow.clone()), (41, socket), (42, Diagram::leaf(errno))]);
    let tables = BTreeMap::from([(Arch::X86_64, Table::new(x86_64, decide(Action::Allow, 2)))]);
    let strict = Syscalls::new(tables, &decide(Action::Allow, 3));
    let texts = |a: &Syscalls, b: &Syscalls| -> Vec<String> {
        a.looser(b).iter().map(|witness| witness.event.to_string()).collect()
    };
    let top = Syscalls::unconstrained();
    assert_eq!(texts(&top, &strict), ["syscall:socket(40, 0, 0)", "syscall:connect(0, 0, 0)"]);

    let nothing = Syscalls::new(BTreeMap::new(), &decide(Action::KillProcess, 4));
    let all = texts(&top, &nothing);
    let named: usize = Arch::ALL.into_iter().map(|arch| table(arch).len()).sum();
    assert_eq!(all.len(), named + Arch::ALL.len());
    assert!(all.contains(&"syscall:openat(0, 0, 0, 0) on aarch64".to_owned()));
}

#[test]
fn the_witness_is_of_another_kind_where_there_is_one() {
    let bit = Condition::Compare(Comparison {
        argument: 0,
        width: Width::U64,
        mask: 1,
        operator: Operator::NotEqual,
        value: 0,
    });
    let leaf = |action| Diagram::leaf(decide(action, 1));
    let constant = |action| Syscalls::new(BTreeMap::new(), &decide(action, 1));
    let mixed = Diagram::choose("read", &bit, &leaf(Action::Allow), &leaf(Action::Errno(13))).unwrap();
    let table = Table::new(BTreeMap::from([(0, mixed)]), decide(Action::Errno(1), 1));
    let looser = Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &decide(Action::Errno(1), 1));
    let witnesses = looser.looser(&constant(Action::Errno(1)));
    assert_eq!(witnesses.len(), 1);
    assert_eq!(witnesses[0].event.to_string(), "syscall:read(1, 0, 0)", "done beats another errno");
}
