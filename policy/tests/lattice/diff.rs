//! Differences: what they say of two policies, and that each of them is so.

use crate::world::{events, policy};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use stockade_policy::diff::{Diff, Difference, diff};
use stockade_policy::explain::{Subject, Verdict, explain};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Decision;
use stockade_policy::lattice::event::Event;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::origin::Origins;
use stockade_policy::policy::{Policy, Section};
use stockade_policy::vocab::syscalls;

fn between(a: &Policy, b: &Policy) -> Diff {
    diff(("a", a), ("b", b))
}

/// Whether `b` answers the more strictly.
fn stricter_answer(difference: &Difference) -> bool {
    let action = |text: &str| text.parse::<Action>().unwrap();
    action(&difference.b.answer) < action(&difference.a.answer)
}

/// The events of a part as they are printed.
fn printed(diff: &Diff, part: &str) -> Vec<String> {
    let json = serde_json::to_value(diff).unwrap();
    let differences = json[part].as_array().unwrap();
    differences.iter().map(|difference| difference["event"].as_str().unwrap().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_tells_a_policy_from_itself(a in policy()) {
        prop_assert!(between(&a, &a).is_empty());
        prop_assert_eq!(between(&a, &a).text(), "b and a mean the same\n");
    }

    #[test]
    fn a_meet_is_nowhere_looser(a in policy(), b in policy()) {
        let Ok(meet) = a.meet(&b) else { return Ok(()) };
        let found = between(&a, &meet);
        prop_assert_eq!(&found.looser, &[]);
        prop_assert!(found.answers.iter().all(stricter_answer));
    }

    #[test]
    fn the_order_is_what_differences_say(a in policy(), b in policy(), related in any::<bool>()) {
        let a = match a.meet(&b) {
            Ok(meet) if related => meet,
            _ => a,
        };
        let found = between(&b, &a);
        let looser = !found.looser.is_empty() || found.answers.iter().any(|one| !stricter_answer(one));
        prop_assert_eq!(a.le(&b), !looser);
    }

    /// Asked again as printed, both policies say what was printed.
    #[test]
    fn every_difference_is_so(a in policy(), b in policy()) {
        let found = between(&a, &b);
        let parts = [("looser", false, true), ("stricter", true, false)];
        for (part, by_a, by_b) in parts {
            for text in printed(&found, part) {
                let event: Event = text.parse().unwrap();
                prop_assert_eq!(a.admits(&event).unwrap().allowed, by_a, "{}", text);
                prop_assert_eq!(b.admits(&event).unwrap().allowed, by_b, "{}", text);
            }
        }
        for (text, difference) in printed(&found, "answers").iter().zip(&found.answers) {
            let event: Event = text.parse().unwrap();
            let (x, y) = (a.admits(&event).unwrap(), b.admits(&event).unwrap());
            prop_assert_eq!((x.allowed, y.allowed), (stricter_answer(difference), !stricter_answer(difference)));
            let class = |text: &str| text.parse::<Action>().unwrap().class();
            prop_assert_eq!(class(&difference.a.answer), class(&difference.b.answer));
        }
        for difference in found.looser.iter().chain(&found.stricter).chain(&found.answers) {
            let origins = [&a, &b].map(|policy| policy.admits(&difference.event).unwrap().origins);
            prop_assert_eq!([&difference.a.origins, &difference.b.origins], [&origins[0], &origins[1]]);
            prop_assert_eq!(difference.section, difference.event.section());
        }
    }

    /// Whatever `diff` prints, `explain` takes, and says the same of it.
    #[test]
    fn explain_takes_every_event(a in policy(), b in policy()) {
        let found = between(&a, &b);
        for (part, policy) in [("looser", &b), ("stricter", &a)] {
            for text in printed(&found, part) {
                let subject: Subject = text.parse().unwrap();
                // What the tree says of a path, mounts may add to; and an answer that is asked for by
                // name may lie in between.
                if matches!(subject, Subject::Path { .. }) {
                    continue;
                }
                let verdict = explain(policy, None, Some(&subject)).verdict.unwrap();
                prop_assert_ne!(verdict, Verdict::Denied, "{}", text);
            }
        }
    }
}

#[test]
fn events_are_read_as_they_are_written() {
    for event in events() {
        let text = event.to_string();
        assert_eq!(text.parse::<Event>().as_ref(), Ok(&event), "{text}");
    }
    for wrong in [
        "",
        "read",
        "syscall:read",
        "syscall:no_such_call()",
        "syscall:read(x)",
        "syscall:read(0, 0, 0, 0, 0, 0, 0)",
        "syscall:read(0) on pdp11",
        "syscall:read(0) answered by maybe",
        "cap:fly",
        "read:etc",
        "tmp:5",
        "umask:files with mode bit 003",
        "umask:files with mode bit 000",
        "resources:memory",
        "resources:memry=5",
        "egress:burst of=5",
        "namespace:pid",
        "without:fear",
    ] {
        assert!(wrong.parse::<Event>().is_err(), "{wrong}");
    }
}

#[test]
fn a_system_call_is_named_with_its_interface() {
    let top = Policy::unconstrained("a");
    let mut none = top.clone();
    let kill = Decision { action: Action::KillProcess, origins: Origins::new() };
    none.syscalls = Syscalls::new(BTreeMap::new(), &kill);
    let found = between(&none, &top);
    assert!(found.looser.iter().all(|difference| difference.section == Section::Syscalls));
    let json: Value = serde_json::to_value(&found).unwrap();
    assert_eq!(json["looser"][0]["event"], "syscall:read(0, 0, 0) on x86_64");
    // All that have a name, and those that have none, but for the two that are shown.
    let more = syscalls::all_names().len() + 1 - 2;
    let said = "a: kill_process; no line says so\n    b: allow; no line says so\n";
    let expected = format!("b allows what a denies:\n  syscalls: read, write and {more} more\n    {said}");
    assert_eq!(found.text(), expected);
}
