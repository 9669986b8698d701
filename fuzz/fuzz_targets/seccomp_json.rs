//! Any bytes as seccomp JSON: imported or refused with a finding. `cargo fuzz run seccomp_json fuzz/seeds/seccomp_json`
//! (from the repository's root).
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_policy::diagnostic::render;
use stockade_policy::import::{Container, seccomp_json};
use stockade_policy::lookup::Source;
use stockade_policy::parse::parse;
use stockade_policy::vocab::Arch;

fuzz_target!(|data: &[u8]| {
    let source = Source { file: "fuzz".into(), text: data.to_vec() };
    match seccomp_json(&source, "fuzz", &Container::docker(Arch::X86_64, (6, 18))) {
        Ok(imported) => {
            let written = Source { file: "imported".into(), text: imported.profile.into_bytes() };
            assert!(parse(&written).is_ok(), "what is written is a profile");
        }
        Err(faults) => {
            assert!(!faults.is_empty());
            render(&faults, true);
        }
    }
});
