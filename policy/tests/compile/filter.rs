//! The flags of a filter: what the profile asks for and the host takes.

use crate::world::{gaps, origin, plan, root_on_v1, ruled, web};
use std::collections::BTreeMap;
use stockade_policy::compile::CompileError;
use stockade_policy::condition::{Comparison, Condition, Operator, Width};
use stockade_policy::host::Host;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::{Decision, Diagram};
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::origin::Origins;
use stockade_policy::policy::{Policy, Section};
use stockade_policy::seccomp::cost::{Cost, costs};
use stockade_policy::seccomp::flags::{FLAGS, LOG, NEW_LISTENER, SPEC_ALLOW, WAIT_KILLABLE_RECV};
use stockade_policy::vocab::Arch;

/// A host that takes these flags.
fn taking(flags: u32) -> Host {
    let mut host = root_on_v1();
    host.seccomp.as_mut().unwrap().flags = flags;
    host
}

fn flags(policy: &Policy, host: &Host) -> u32 {
    plan(policy, host).unwrap().seccomp.unwrap().flags
}

/// Flags by kernel, as hosts have them.
fn hosts() -> impl Iterator<Item = Host> {
    (0..=FLAGS.len()).map(|count| taking(FLAGS[..count].iter().fold(0, |all, flag| all | flag.bit)))
}

fn decision(action: Action, line: u32) -> Decision {
    Decision { action, origins: Origins::from([origin(line)]) }
}

fn with_notify() -> Policy {
    let mut policy = web();
    let native = Table::new(
        BTreeMap::from([(165, Diagram::leaf(decision(Action::Notify, 51)))]),
        decision(Action::Allow, 50),
    );
    policy.syscalls =
        Syscalls::new(BTreeMap::from([(Arch::X86_64, native)]), &decision(Action::KillProcess, 52));
    policy
}

#[test]
fn speculation_is_the_profiles_choice() {
    let unchanged = web();
    let mut mitigated = web();
    mitigated.filter.mitigate_speculation = ruled(true, 53);
    for host in hosts() {
        let offered = host.seccomp.as_ref().unwrap().flags;
        assert_eq!(flags(&unchanged, &host), offered & SPEC_ALLOW);
        assert_eq!(flags(&mitigated, &host), 0);
    }
}

/// What the kernel ties to a filter needs one, also where every call is allowed.
#[test]
fn mitigations_ask_for_a_filter() {
    let mut policy = Policy::unconstrained("all");
    assert!(plan(&policy, &root_on_v1()).unwrap().seccomp.is_none());
    policy.filter.mitigate_speculation = ruled(true, 53);
    assert_eq!(flags(&policy, &root_on_v1()), 0);
    assert!(policy.constrains(Section::Syscalls));
}

#[test]
fn a_log_that_the_host_lacks_is_a_gap() {
    let mut policy = web();
    policy.filter.log_denied = ruled(true, 54);
    for host in hosts() {
        let offered = host.seccomp.as_ref().unwrap().flags;
        let made = plan(&policy, &host).unwrap();
        assert_eq!(made.seccomp.as_ref().unwrap().flags, offered & (SPEC_ALLOW | LOG));
        assert_eq!(gaps(&made).contains(&"seccomp: log_denied"), offered & LOG == 0);
    }
    policy.optional = BTreeMap::from([(Section::Syscalls, ruled(true, 55))]);
    let made = plan(&policy, &taking(0)).unwrap();
    let gap = made.gaps.iter().find(|gap| gap.right == "seccomp: log_denied").unwrap();
    assert!(gap.optional && gap.origins == Origins::from([origin(54)]) && gap.remedy.contains("4.14"));
}

#[test]
fn a_listener_comes_with_notify() {
    let mut policy = with_notify();
    for host in hosts() {
        let offered = host.seccomp.as_ref().unwrap().flags;
        let listener = SPEC_ALLOW | NEW_LISTENER | WAIT_KILLABLE_RECV;
        assert_eq!(flags(&policy, &host), offered & listener);
        assert_eq!(flags(&web(), &host), offered & SPEC_ALLOW);
    }
    // The kernel refuses the second without the first.
    assert_eq!(flags(&policy, &taking(WAIT_KILLABLE_RECV)), 0);
    // Whoever lets the listener be missing gets a filter that runs without one.
    policy.optional = BTreeMap::from([(Section::Syscalls, ruled(true, 55))]);
    assert_eq!(flags(&policy, &taking(NEW_LISTENER | WAIT_KILLABLE_RECV)), 0);
    assert!(gaps(&plan(&policy, &root_on_v1()).unwrap()).contains(&"seccomp: user_notif"));
}

/// `count` values of the first argument, which share no bits.
fn scattered(count: u32, seed: u32) -> Diagram {
    let value = |index: u32| u64::from((index + 1000 * seed).wrapping_mul(0x9e37_79b9));
    let values = (0..count).map(|index| {
        Condition::Compare(Comparison {
            argument: 0,
            width: Width::U32,
            mask: u64::MAX,
            operator: Operator::Equal,
            value: value(index),
        })
    });
    let leaf = |action, line| Diagram::leaf(decision(action, line));
    let (then, otherwise) = (leaf(Action::Errno(1), 60 + seed), leaf(Action::Allow, 50));
    Diagram::choose("call", &Condition::Any(values.collect()), &then, &otherwise).unwrap()
}

fn conditional(counts: &[u32]) -> Syscalls {
    let numbers = counts.iter().zip(0..).map(|(count, number)| (number, scattered(*count, number)));
    let table = || Table::new(numbers.clone().collect(), decision(Action::Allow, 50));
    let tables = BTreeMap::from([(Arch::X86_64, table()), (Arch::X32, table())]);
    Syscalls::new(tables, &decision(Action::KillProcess, 52))
}

#[test]
fn costs_are_of_each_call_alone_and_sorted() {
    let found = costs(&conditional(&[1, 20, 5]), Arch::X86_64);
    let calls: Vec<(&str, &[Arch])> =
        found.iter().map(|cost| (cost.call.as_str(), cost.interfaces.as_slice())).collect();
    let both: &[Arch] = &[Arch::X86_64, Arch::X32];
    assert_eq!(calls, [("write", both), ("open", both), ("read", both)]);
    assert_eq!(found[2].tests, 1, "one value is one test");
    assert!(found[0].tests >= 15 && found[1].tests >= 5 && found[1].tests < found[0].tests);
    assert_eq!(found[0].origins, Origins::from([origin(50), origin(61)]));
    assert_eq!(found[2].to_string(), "read with 1 tests (web.yaml:50:3, web.yaml:60:3)");
    assert!(costs(&Syscalls::unconstrained(), Arch::X86_64).is_empty());
}

#[test]
fn a_filter_that_is_too_long_says_what_to_drop() {
    let mut policy = web();
    // No filter has fewer tests than there are values.
    let counts: Vec<u32> = (0..60).map(|number| if number % 10 == 2 { 150 } else { 70 }).collect();
    policy.syscalls = conditional(&counts);
    let error = plan(&policy, &root_on_v1()).err().unwrap();
    let CompileError::FilterTooLong { costs, .. } = &error else { panic!("{error}") };
    let calls: Vec<&str> = costs.iter().map(|cost: &Cost| cost.call.as_str()).collect();
    assert_eq!(calls.len(), 5);
    assert!(costs.windows(2).all(|pair| pair[0].tests >= pair[1].tests));
    // 2, 12, 22, 32, 42 and 52; six are as costly.
    let costly = ["open", "brk", "pipe", "dup", "connect", "getpeername"];
    assert!(calls.iter().all(|call| costly.contains(call)), "{calls:?}");
    assert!(error.to_string().contains("drop some of the costliest conditions: "), "{error}");
}
