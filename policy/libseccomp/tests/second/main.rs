//! libseccomp's filters against the policies they were made from.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[path = "../../../tests/seccomp/agreement.rs"]
#[expect(dead_code, reason = "the prover decides here; the kernel is asked a sample")]
mod agreement;
#[cfg(target_arch = "x86_64")]
mod kernel;
#[path = "../../../tests/seccomp/policies.rs"]
mod policies;
#[path = "../../../tests/profiles/world.rs"]
mod world;

use agreement::HOSTS;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use stockade_libseccomp::{LibseccompError, Search, compile};
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::diagram::Diagram;
use stockade_policy::lattice::syscalls::{Syscalls, Table};
use stockade_policy::seccomp::bpf;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::seccomp::prove::prove;
use stockade_policy::vocab::Arch;
use stockade_policy::vocab::arch::X32_BIT;

const SEARCHES: [Search; 2] = [Search::Linear, Search::Tree];

#[test]
fn every_built_in_profile() {
    for name in world::names() {
        let policy = world::policy(&name).syscalls;
        for host in HOSTS {
            for search in SEARCHES {
                let program = compile(&policy, host, search).unwrap();
                let proof = prove(&policy, host, &program).unwrap();
                assert!(proof.proven, "{name}, {search:?}: {}", proof.text());
            }
        }
    }
}

/// What libseccomp takes at all it decides as the policy does; what it does not take is one of these.
#[test]
fn random_policies() {
    const CASES: usize = 60;
    let mut runner = TestRunner::deterministic();
    let (mut made, mut refused) = (0, 0);
    for _ in 0..CASES {
        let policy = policies::syscalls().new_tree(&mut runner).unwrap().current();
        for (host, search) in HOSTS.into_iter().flat_map(|host| SEARCHES.map(|search| (host, search))) {
            match compile(&policy, host, search) {
                Ok(program) => {
                    made += 1;
                    let proof = prove(&policy, host, &program).unwrap();
                    assert!(proof.proven, "{search:?}: {}", proof.text());
                }
                Err(
                    LibseccompError::Action { action: Action::Trap(5), .. }
                    | LibseccompError::Negative { .. }
                    | LibseccompError::TooManyRules { .. }
                    | LibseccompError::TooLong { .. },
                ) => refused += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    // Else the generator grew out of what libseccomp can, and this tests little.
    assert!(3 * made > made + refused, "{made} made, {refused} refused");
}

fn native(numbers: BTreeMap<u32, Diagram>, rest: Action) -> Syscalls {
    let table = Table::new(numbers, policies::decision(rest, 1));
    Syscalls::new(BTreeMap::from([(Arch::X86_64, table)]), &policies::decision(Action::KillProcess, 2))
}

fn leaf(action: Action) -> Diagram {
    Diagram::leaf(policies::decision(action, 3))
}

fn refusal(numbers: &[(u32, Action)], rest: Action) -> String {
    let policy = native(numbers.iter().map(|(number, action)| (*number, leaf(*action))).collect(), rest);
    compile(&policy, Arch::X86_64, Search::Tree).unwrap_err().to_string()
}

#[test]
fn what_libseccomp_cannot_say_is_refused_by_name() {
    assert_eq!(
        refusal(&[(1, Action::Trap(7))], Action::Allow),
        "libseccomp cannot answer with trap(7): its trap carries no data"
    );
    assert_eq!(
        refusal(&[], Action::Errno(4095)),
        "libseccomp cannot answer with errno(4095): an errno is below 4095"
    );
    assert_eq!(
        refusal(&[(3 * (X32_BIT - 1), Action::Allow)], Action::Errno(1)),
        "libseccomp takes no rule for the negative number 0xbffffffd of x86_64, which is not decided as the \
         other numbers without a name are"
    );
    let first_half: Vec<_> = (0..4097).map(|number| (number, Action::Allow)).collect();
    assert_eq!(
        refusal(&first_half, Action::Errno(1)),
        "libseccomp needs more than 4096 rules for 4096 of x86_64, and the kernel takes as many instructions; \
         test fewer distinct bits of arguments"
    );
    assert!(
        refusal(&first_half[..4000], Action::Errno(1)).contains("instructions and the kernel takes 4096")
    );
}

/// -1 is a tracer's way to skip a call. Alone, libseccomp's x86_64 takes it for a number of its own, where
/// every other one with the x32 bit is killed.
#[test]
fn minus_one_is_killed_where_x32_is() {
    let policy = native(BTreeMap::from([(0, leaf(Action::Allow))]), Action::Errno(38));
    for search in SEARCHES {
        let program = compile(&policy, Arch::X86_64, search).unwrap();
        assert!(prove(&policy, Arch::X86_64, &program).unwrap().proven);
        let program = Program::new(&program).unwrap();
        let answer = |number| {
            let event =
                Event { number, arch: Arch::X86_64.audit(), instruction_pointer: 0, arguments: [0; 6] };
            bpf::action(program.run(&event).value)
        };
        assert_eq!(answer(0), Action::Allow);
        assert_eq!(answer(u32::MAX), Action::KillProcess);
        assert_eq!(answer(2 * X32_BIT), Action::Errno(38));
    }
}
