//! Both filters of a process in a container, read back from the kernel: together they are the policy.

use crate::container::Container;
use crate::scene::{EVERYTHING, OPEN_FILES, Scene};
use stockade_enforcer::filters;
use stockade_policy::seccomp::prove::prove_all;
use stockade_policy::vocab::syscalls;

/// The newest kernel whose calls the libseccomp under runc knows (2.5.4: its NEWS). What it does not know it answers
/// with the default, so that the process is denied a call that the policy allows: stricter, and no hole.
const KNOWN: (u16, u16) = (5, 17);

#[test]
fn the_filters_of_a_container_are_the_policy() {
    needs!("init-conjunction", "runc", "busybox", "cc");
    for profile in [EVERYTHING, OPEN_FILES] {
        let scene = Scene::new(profile);
        let container = Container::busybox(&scene);
        let pid = container.start(&["sleep", "60"]);
        let stacks = filters::of(pid).unwrap();
        let [stack] = stacks.as_slice() else { panic!("its threads differ: {stacks:?}") };
        let [_, exact] = stack.programs.as_slice() else { panic!("{} filters", stack.programs.len()) };
        assert_eq!(exact, &scene.plan.seccomp.as_ref().unwrap().program, "the plan's, to the instruction");
        let proof = prove_all(&scene.policy.syscalls, scene.plan.arch, &stack.programs).unwrap();
        assert!(proof.complete && proof.more == 0, "the whole list");
        for difference in &proof.differences {
            assert!(difference.filter.action < difference.policy.action, "looser: {difference:?}");
            let arch = difference.interface.unwrap();
            for number in difference.numbers.iter().flat_map(|(first, last)| *first..=*last) {
                let name = syscalls::name(arch, number).unwrap();
                let version = syscalls::introduced(name);
                assert!(version.is_some_and(|version| version > KNOWN), "{name}: {difference:?}");
            }
        }
    }
}
