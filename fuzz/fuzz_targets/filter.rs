//! Any bytes as a filter: what it decides for every call at once is what it says of single ones, and an import means
//! the same. `cargo fuzz run filter` (from the repository's root).
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_policy::import::filters;
use stockade_policy::seccomp::interpret::{Event, Program};
use stockade_policy::seccomp::recover::recover;
use stockade_policy::seccomp::{bpf, locate};
use stockade_policy::vocab::Arch;

fuzz_target!(|data: &[u8]| {
    let Ok(program) = bpf::from_bytes(data) else { return };
    let host = Arch::X86_64;
    let Ok(recovered) = recover(&program, host) else { return };
    if recovered.instruction_pointer.is_none() {
        let runnable = Program::new(&program).expect("from_bytes checks");
        // Numbers of both ends of every constant in play.
        for number in program.iter().flat_map(|one| [one.3.wrapping_sub(1), one.3, one.3.wrapping_add(1)]) {
            for arch in [Arch::X86_64.audit(), Arch::I386.audit()] {
                let arguments = [u64::from(number); 6];
                let event = Event { number, arch, instruction_pointer: 0, arguments };
                let said = bpf::action(runnable.run(&event).value);
                let (interface, number) = locate(host, arch, number).expect("of the family");
                assert_eq!(recovered.syscalls.decide(interface, number, &arguments).action, said);
            }
        }
    }
    let _ = filters(&[program], host, "fuzz", "fuzz");
});
