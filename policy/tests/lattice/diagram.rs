//! Diagrams decide as their text, are canonical, and form a lattice.

use crate::generate::{action, build, condition, decision, diagram, heavy_rules, registers, rules};
use crate::with_origins;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Cube, Decision, Diagram, LIMIT, Node};
use stockade_policy::lattice::{LatticeError, Toward};
use stockade_policy::origin::Origins;

fn plain(action: Action) -> Diagram {
    Diagram::leaf(Decision { action, origins: Origins::new() })
}

fn both(a: &Diagram, b: &Diagram, toward: Toward) -> Result<Diagram, TestCaseError> {
    let made = match toward {
        Toward::Strict => a.meet("test", b),
        Toward::Loose => a.join("test", b),
    };
    made.map_err(|error| TestCaseError::reject(error.to_string()))
}

fn toward() -> impl Strategy<Value = Toward> {
    prop_oneof![Just(Toward::Strict), Just(Toward::Loose)]
}

/// The same condition in other words: De Morgan, turned operators, ranges of single values.
fn reworded(condition: &Condition) -> Condition {
    let not = |part: &Condition| Condition::Not(Box::new(reworded(part)));
    match condition {
        Condition::All(parts) => {
            Condition::Not(Box::new(Condition::Any(parts.iter().rev().map(not).collect())))
        }
        Condition::Any(parts) => {
            Condition::Not(Box::new(Condition::All(parts.iter().rev().map(not).collect())))
        }
        Condition::Not(part) => not(part),
        Condition::Compare(comparison) => {
            let with = |operator| Condition::Compare(Comparison { operator, ..*comparison });
            match comparison.operator {
                Operator::Equal => {
                    Condition::All(vec![with(Operator::LessOrEqual), with(Operator::GreaterOrEqual)])
                }
                Operator::NotEqual => Condition::Any(vec![with(Operator::Less), with(Operator::Greater)]),
                Operator::Less => Condition::Not(Box::new(with(Operator::GreaterOrEqual))),
                Operator::LessOrEqual => Condition::Any(vec![with(Operator::Less), with(Operator::Equal)]),
                Operator::Greater => Condition::Not(Box::new(with(Operator::LessOrEqual))),
                Operator::GreaterOrEqual => {
                    Condition::Any(vec![with(Operator::Equal), with(Operator::Greater)])
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn decides_as_the_first_rule_that_holds((rules, rest) in rules(), calls in prop::collection::vec(registers(), 20)) {
        let diagram = build(&rules, &rest).map_err(|error| TestCaseError::reject(error.to_string()))?;
        for arguments in calls {
            let first = rules.iter().find(|(condition, _)| condition.holds(&arguments));
            prop_assert_eq!(diagram.decide(&arguments), first.map_or(&rest, |(_, decision)| decision));
        }
    }

    #[test]
    fn reworded_conditions_are_the_same_diagram(condition in condition(), then in diagram(), otherwise in diagram()) {
        let one = Diagram::choose("test", &condition, &then, &otherwise);
        let two = Diagram::choose("test", &reworded(&condition), &then, &otherwise);
        prop_assert_eq!(one.map(|d| d.nodes().to_vec()), two.map(|d| d.nodes().to_vec()));
    }

    #[test]
    fn cubes_are_the_registers_of_a_decision(diagram in diagram(), calls in prop::collection::vec(registers(), 20), not in action()) {
        let Some(cubes) = diagram.cubes(5_000, |decision| decision.action != not) else { return Ok(()) };
        for arguments in &calls {
            let inside: Vec<_> = cubes.iter().filter(|(cube, _)| cube.holds(arguments)).collect();
            let decision = diagram.decide(arguments);
            if decision.action == not {
                prop_assert_eq!(inside, Vec::<&(Cube, &Decision)>::new());
            } else {
                prop_assert_eq!(inside.len(), 1);
                prop_assert_eq!(inside[0].1, decision);
            }
        }
        for (cube, decision) in &cubes {
            prop_assert_eq!(diagram.decide(&cube.values), *decision);
            prop_assert!(cube.holds(&cube.values));
        }
        if let Some(fewer) = cubes.len().checked_sub(1) {
            prop_assert!(diagram.cubes(fewer, |decision| decision.action != not).is_none());
            prop_assert!(diagram.cubes(cubes.len(), |decision| decision.action != not).is_some());
        }
    }

    #[test]
    fn different_diagrams_differ_somewhere(a in diagram(), b in diagram()) {
        let apart = a.find(&b, |x, y| x.action != y.action);
        prop_assert_eq!(a == b, apart.is_none());
        let apart_with_origins = a.find(&b, |x, y| x != y);
        prop_assert_eq!(a.nodes() == b.nodes(), apart_with_origins.is_none());
        if let Some(arguments) = apart {
            prop_assert_ne!(a.decide(&arguments).action, b.decide(&arguments).action);
        }
    }

    #[test]
    fn canonical_form_is_idempotent(a in diagram(), other in diagram()) {
        let forgotten = a.forget_origins();
        let twice = forgotten.forget_origins();
        prop_assert_eq!(twice.nodes(), forgotten.nodes());
        prop_assert_eq!(&forgotten, &a);
        let again = Diagram::choose("test", &Condition::always(), &a, &other).unwrap();
        prop_assert_eq!(again.nodes(), a.nodes());
        reduced(&a)?;
    }

    #[test]
    fn combines_pointwise(a in diagram(), b in diagram(), toward in toward(), calls in prop::collection::vec(registers(), 20)) {
        let made = both(&a, &b, toward)?;
        reduced(&made)?;
        for arguments in calls {
            let (x, y) = (a.decide(&arguments), b.decide(&arguments));
            let decided = made.decide(&arguments);
            prop_assert_eq!(decided, &x.combine(y, toward));
            prop_assert!(!decided.origins.is_empty());
        }
    }

    #[test]
    fn semilattice_laws_with_origins(a in diagram(), b in diagram(), c in diagram(), toward in toward()) {
        prop_assert_eq!(with_origins(&both(&a, &a, toward)?), with_origins(&a));
        let ab = both(&a, &b, toward)?;
        prop_assert_eq!(with_origins(&ab), with_origins(&both(&b, &a, toward)?));
        let left = both(&ab, &c, toward)?;
        let right = both(&a, &both(&b, &c, toward)?, toward)?;
        prop_assert_eq!(with_origins(&left), with_origins(&right));
    }

    #[test]
    fn absorption(a in diagram(), b in diagram()) {
        prop_assert_eq!(&both(&a, &both(&a, &b, Toward::Loose)?, Toward::Strict)?, &a);
        prop_assert_eq!(&both(&a, &both(&a, &b, Toward::Strict)?, Toward::Loose)?, &a);
    }

    #[test]
    fn decisions_combine_as_a_chain(a in decision(), b in decision(), x in action()) {
        let (meet, join) = (a.combine(&b, Toward::Strict), a.combine(&b, Toward::Loose));
        prop_assert_eq!(meet.action >= x, a.action >= x && b.action >= x);
        prop_assert_eq!(join.action >= x, a.action >= x || b.action >= x);
        if a.action < b.action {
            prop_assert_eq!(&meet.origins, &a.origins);
            prop_assert_eq!(&join.origins, &b.origins);
        }
    }
}

/// No test has equal branches, no two nodes are alike, bits only ever descend in the order of tests.
fn reduced(diagram: &Diagram) -> Result<(), TestCaseError> {
    let mut seen = std::collections::HashSet::new();
    for node in diagram.nodes() {
        prop_assert!(seen.insert(node), "two nodes alike");
        let Node::Test { argument, bit, clear, set } = node else { continue };
        prop_assert_ne!(clear, set);
        for child in [clear, set] {
            if let Node::Test { argument: below, bit: lower, .. } = &diagram.nodes()[*child as usize] {
                prop_assert!((argument, 63 - bit) < (below, 63 - lower));
            }
        }
    }
    Ok(())
}

fn equals(argument: u8, width: Width, value: u64) -> Condition {
    Condition::Compare(Comparison { argument, width, mask: u64::MAX, operator: Operator::Equal, value })
}

#[test]
fn a_32_bit_comparison_ignores_the_upper_half() {
    let unix = equals(0, Width::I32, 1);
    let diagram = Diagram::choose("socket", &unix, &plain(Action::Allow), &plain(Action::Errno(1))).unwrap();
    assert_eq!(diagram.nodes().len(), 34, "32 tests and two leaves");
    for garbage in [0, 1, 0xffff_ffff, 0xdead_beef] {
        assert_eq!(diagram.decide(&[garbage << 32 | 1, 0, 0, 0, 0, 0]).action, Action::Allow);
        assert_eq!(diagram.decide(&[garbage << 32 | 2, 0, 0, 0, 0, 0]).action, Action::Errno(1));
    }
}

#[test]
fn the_witness_is_the_smallest_call() {
    let vsock = equals(0, Width::I32, 40);
    let denies = Diagram::choose("socket", &vsock, &plain(Action::Errno(1)), &plain(Action::Allow)).unwrap();
    let found = plain(Action::Allow).find(&denies, |a, b| a.action > b.action);
    assert_eq!(found, Some([40, 0, 0, 0, 0, 0]));
    assert_eq!(denies.find(&plain(Action::Allow), |a, b| a.action > b.action), None);
}

#[test]
fn a_search_forgets_the_branch_it_came_back_from() {
    let odd = |argument| {
        let operator = Operator::NotEqual;
        Condition::Compare(Comparison { argument, width: Width::U64, mask: 1, operator, value: 0 })
    };
    let choose = |argument, set, clear| Diagram::choose("test", &odd(argument), &set, &clear).unwrap();
    let even = choose(1, plain(Action::Errno(13)), plain(Action::Errno(1)));
    let logs = choose(1, plain(Action::Errno(1)), plain(Action::Log));
    let diagram = choose(0, logs, even);
    let found = diagram.find(&plain(Action::Allow), |a, _| a.action == Action::Log);
    assert_eq!(found, Some([1, 0, 0, 0, 0, 0]));
}

/// Equality of two arguments bit by bit needs every value of the first to be remembered.
#[test]
fn a_diagram_that_outgrows_the_limit_is_a_clear_error() {
    let bit = |argument, bit: u32| {
        let mask = 1 << bit;
        Condition::Compare(Comparison {
            argument,
            width: Width::U64,
            mask,
            operator: Operator::NotEqual,
            value: 0,
        })
    };
    let common = Condition::Any((0..64).map(|i| Condition::All(vec![bit(0, i), bit(1, i)])).collect());
    let made = Diagram::choose("mprotect", &common, &plain(Action::Allow), &plain(Action::Errno(1)));
    assert_eq!(made, Err(LatticeError::TooLarge { call: "mprotect".to_owned(), limit: LIMIT }));
    assert!(
        made.unwrap_err().to_string().contains(&format!("the conditions on mprotect need more than {LIMIT}"))
    );
}

/// Prints how large random diagrams and their meets get. `STOCKADE_TRIALS` sets how many triples.
#[test]
fn sizes_stay_far_below_the_limit() {
    let trials = std::env::var("STOCKADE_TRIALS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut sizes, mut refused) = (Vec::new(), 0);
    for _ in 0..trials {
        let strategy = [heavy_rules(), heavy_rules(), heavy_rules()];
        let triple = strategy.new_tree(&mut runner).unwrap().current();
        let met = triple
            .iter()
            .try_fold(plain(Action::Allow), |sum, (rules, rest)| sum.meet("test", &build(rules, rest)?));
        match met {
            Ok(met) => sizes.push(met.nodes().len()),
            Err(_) => refused += 1,
        }
    }
    sizes.sort_unstable();
    let (worst, median) = (sizes[sizes.len() - 1], sizes[sizes.len() / 2]);
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    println!(
        "meets of {trials} random triples: mean {mean} nodes, median {median}, worst {worst}, refused {refused}"
    );
    assert!(median * 10 < LIMIT, "the limit must not be met by ordinary conditions");
}
