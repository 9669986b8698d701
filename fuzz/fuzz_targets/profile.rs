//! Any bytes as a profile: parsed, resolved as profile and as floor, findings rendered, rules printed and
//! read back. `cargo fuzz run profile fuzz/seeds/profile` (from the repository's root).
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_policy::diagnostic::render;
use stockade_policy::expression::parse_rule;
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::Origin;
use stockade_policy::parse::parse;
use stockade_policy::profile::Subject;
use stockade_policy::resolve::{Mode, resolve};

/// A world with one profile, which is also the default parent, and one user.
struct World;

impl Lookup for World {
    fn profile(&self, name: &str, _from: Option<&Origin>) -> Result<Option<Source>, String> {
        let text = b"stockade: 1\nsyscalls: {allow: [read]}\n".to_vec();
        Ok((name == "restricted").then(|| Source { file: "builtin:restricted".into(), text }))
    }

    fn profile_names(&self) -> Vec<String> {
        vec!["restricted".to_owned()]
    }

    fn user(&self, name: &str) -> Result<Option<(u32, u32)>, String> {
        Ok((name == "www-data").then_some((33, 33)))
    }

    fn group(&self, name: &str) -> Result<Option<u32>, String> {
        Ok((name == "www-data").then_some(33))
    }

    fn loaders(&self, _path: &str) -> Result<Vec<Loader>, String> {
        Ok(Vec::new())
    }
}

fuzz_target!(|data: &[u8]| {
    let profile = match parse(&Source { file: "fuzz".into(), text: data.to_vec() }) {
        Ok(profile) => profile,
        Err(faults) => {
            assert!(!faults.is_empty());
            render(&faults, true);
            return;
        }
    };
    let allow = profile.sections.syscalls.iter().flat_map(|section| &section.allow);
    for entry in allow.flat_map(|list| &list.items) {
        if let Subject::Rule(rule) = &entry.value.0.subject {
            let origin = |_: usize| entry.origin.clone();
            let again = parse_rule(&rule.to_string(), &origin).expect("a printed rule reads back");
            assert_eq!(again.to_string(), rule.to_string());
        }
    }
    for mode in [Mode::Profile, Mode::Floor] {
        if let Err(faults) = resolve(&profile, &World, mode) {
            assert!(!faults.is_empty());
            render(&faults, true);
        }
    }
});
