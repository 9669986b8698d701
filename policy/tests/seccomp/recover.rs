//! From filters back to policies.

use crate::policies::syscalls;
use crate::{HOSTS, profiles};
use proptest::prelude::*;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::recover::{Recovered, recover, recover_all};
use stockade_policy::seccomp::{self, bpf};
use stockade_policy::vocab::Arch;

fn same(recovered: &Recovered, policy: &Syscalls, host: Arch) {
    for arch in host.family() {
        assert_eq!(recovered.syscalls.table(*arch), policy.table(*arch), "{arch}");
    }
    let foreign: Vec<Action> = recovered.foreign.iter().map(|(decision, _)| decision.action).collect();
    assert_eq!(foreign, [Action::KillProcess]);
    assert_eq!(recovered.instruction_pointer, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_compiled_policy_comes_back(policy in syscalls()) {
        for host in HOSTS {
            same(&recover(&seccomp::compile(&policy, host).unwrap(), host).unwrap(), &policy, host);
        }
    }
}

#[test]
fn every_built_in_profile_comes_back_from_its_filter() {
    for name in profiles::names() {
        let policy = profiles::policy(&name).syscalls;
        for host in HOSTS {
            let program = seccomp::compile(&policy, host).unwrap();
            let recovered = recover(&program, host).unwrap();
            same(&recovered, &policy, host);
            // Every decision knows its instruction.
            for (_, _, diagram) in recovered.syscalls.table(host).intervals() {
                for decision in diagram.decisions() {
                    let origin = decision.origins.first().unwrap();
                    assert_eq!(&*origin.file, "filter");
                    let Instruction(code, _, _, k) = program[usize::try_from(origin.line - 1).unwrap()];
                    assert_eq!((code, bpf::action(k)), (bpf::RETURN, decision.action), "{name}");
                }
            }
        }
    }
}

#[test]
fn what_no_policy_says_is_told() {
    let program = [
        Instruction(bpf::LOAD, 0, 0, 4),
        Instruction(bpf::JUMP_EQUAL, 1, 0, Arch::Aarch64.audit()),
        Instruction(bpf::RETURN, 0, 0, 0x7fff_0000),
        Instruction(bpf::LOAD, 0, 0, 12),
        Instruction(bpf::JUMP_GREATER, 0, 1, 0x7fff),
        Instruction(bpf::RETURN, 0, 0, 0x0005_0001),
        Instruction(bpf::RETURN, 0, 0, 0x0003_0007),
    ];
    let on_x86 = recover(&program, Arch::X86_64).unwrap();
    let mut foreign: Vec<_> =
        on_x86.foreign.iter().map(|(decision, event)| (decision.action, event.arch)).collect();
    foreign.sort();
    assert_eq!(
        foreign,
        [
            (Action::Trap(7), Arch::Aarch64.audit()),
            (Action::Errno(1), Arch::Aarch64.audit()),
            (Action::Allow, 0)
        ]
    );
    let (event, pointer) = on_x86.instruction_pointer.unwrap();
    assert_eq!((event.arch, event.instruction_pointer, pointer), (Arch::Aarch64.audit(), 0, 0x8000 << 32));
    // The strictest of what the pointer may say.
    let on_arm = recover(&program, Arch::Aarch64).unwrap();
    assert_eq!(on_arm.syscalls.decide(Arch::Aarch64, 5, &[0; 6]).action, Action::Trap(7));
    assert_eq!(on_arm.syscalls.decide(Arch::Arm, 5, &[0; 6]).action, Action::Allow);
}

#[test]
fn no_filter_allows_everything() {
    let none: [&[Instruction]; 0] = [];
    let recovered = recover_all(&none, Arch::X86_64).unwrap();
    assert_eq!(recovered.syscalls, Syscalls::unconstrained());
}

#[test]
fn a_filter_that_tells_odd_numbers_apart_has_no_table() {
    let program = [
        Instruction(bpf::LOAD, 0, 0, 0),
        Instruction(bpf::JUMP_SET, 0, 1, 1),
        Instruction(bpf::RETURN, 0, 0, 0x7fff_0000),
        Instruction(bpf::RETURN, 0, 0, 0),
    ];
    let error = recover(&program, Arch::X86_64).unwrap_err();
    assert!(error.to_string().ends_with("131072 ranges of call numbers"), "{error}");
}
