//! The filter around the container init.

use crate::policies::syscalls;
use crate::profiles;
use proptest::prelude::*;
use stockade_policy::export::{Dialect, seccomp_json};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::action::Action;
use stockade_policy::seccomp;
use stockade_policy::seccomp::outer::{CALLS, outer};
use stockade_policy::seccomp::prove::prove_all;
use stockade_policy::vocab::{Arch, syscalls as names};
use stockade_policy::write::interfaces;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_takes_nothing_away_and_adds_only_the_calls_of_the_init(exact in syscalls()) {
        let Ok(outer) = outer(&exact) else { return Ok(()) };
        prop_assert!(exact.le(&outer));
        prop_assert_eq!(outer.meet(&exact).unwrap(), exact.clone());
        let open = interfaces(&exact, &Arch::ALL);
        for arch in Arch::ALL {
            for (number, name) in names::table(arch) {
                let row = CALLS.iter().find(|row| row.name == *name);
                for value in [0, 1, 2, 4, 39, 65, 66, 1 << 32 | 1] {
                    let arguments = [value; 6];
                    let before = exact.decide(arch, *number, &arguments).action;
                    let after = outer.decide(arch, *number, &arguments).action;
                    let added = open.contains(&arch)
                        && row.is_some_and(|row| row.condition(arch).holds(&arguments));
                    prop_assert_eq!(after, if added { Action::Allow } else { before }, "{} on {}", name, arch);
                }
            }
        }
    }
}

#[test]
fn every_built_in_profile_has_one_that_a_runtime_installs() {
    let all = profiles::names().into_iter().map(|name| profiles::policy(&name));
    let with: Vec<_> = all.filter(|policy| policy.process.no_new_privileges.value).collect();
    assert_eq!(with.len(), 8, "all but docker-default and unconfined");
    for policy in with {
        let exact = &policy.syscalls;
        let outer = outer(exact).unwrap();
        assert_eq!(&outer.meet(exact).unwrap(), exact, "{}", policy.name);
        for host in [Arch::X86_64, Arch::Aarch64] {
            for dialect in [Dialect::Oci, Dialect::Docker] {
                // It reads what it wrote, and compares.
                let exported = seccomp_json(&outer, &policy.filter, host, dialect);
                assert!(exported.is_ok(), "{} on {host}: {exported:?}", policy.name);
            }
            let stack = [&outer, exact].map(|syscalls| seccomp::compile(syscalls, host).unwrap());
            let proof = prove_all(exact, host, &stack).unwrap();
            assert!(proof.proven, "{} on {host}: {:?}", policy.name, proof.differences);
        }
    }
}

/// JSON has one list of rules for every interface.
#[test]
fn a_policy_with_more_interfaces_can_be_exported_too() {
    let policy = profiles::policy("docker-default");
    let outer = outer(&policy.syscalls).unwrap();
    let exported = seccomp_json(&outer, &policy.filter, Arch::X86_64, Dialect::Oci);
    assert!(exported.is_ok(), "{exported:?}");
}
