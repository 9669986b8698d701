//! Laws of the lattice.

use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::origin::{Origin, Origins};

fn decision(action: Action, line: u32) -> Decision {
    Decision { action, origins: Origins::from([Origin { file: "a.yaml".into(), line, column: 1 }]) }
}

#[test]
fn a_condition_chooses() {
    let is_unix = Condition::Compare(Comparison {
        argument: 0,
        width: Width::I32,
        mask: u64::MAX,
        operator: Operator::Equal,
        value: 1,
    });
    let then = Diagram::leaf(decision(Action::Allow, 1));
    let otherwise = Diagram::leaf(decision(Action::Errno(1), 2));
    let diagram = Diagram::choose("socket", &is_unix, &then, &otherwise).unwrap();
    assert_eq!(diagram.nodes().len(), 34);
    assert_eq!(diagram.decide(&[1, 0, 0, 0, 0, 0]).action, Action::Allow);
    assert_eq!(diagram.decide(&[1 << 32 | 1, 0, 0, 0, 0, 0]).action, Action::Allow);
    assert_eq!(diagram.decide(&[2, 0, 0, 0, 0, 0]).action, Action::Errno(1));
}
