//! Imports as a user makes them: the text that comes out is read again.

use stockade_policy::diagnostic::{Diagnostic, render};
use stockade_policy::import::{Container, Imported, seccomp_json};
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::Origin;
use stockade_policy::parse::parse;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, resolve};
use stockade_policy::vocab::Arch;

/// Knows `unconfined` and nothing else.
struct Unconfined;

impl Lookup for Unconfined {
    fn profile(&self, name: &str, _: Option<&Origin>) -> Result<Option<Source>, String> {
        let text = include_bytes!("../../../profiles/unconfined.yaml").to_vec();
        Ok((name == "unconfined").then(|| Source { file: "builtin:unconfined".into(), text }))
    }

    fn profile_names(&self) -> Vec<String> {
        vec!["unconfined".to_owned()]
    }

    fn user(&self, _: &str) -> Result<Option<(u32, u32)>, String> {
        Ok(None)
    }

    fn group(&self, _: &str) -> Result<Option<u32>, String> {
        Ok(None)
    }

    fn loaders(&self, _: &str) -> Result<Vec<Loader>, String> {
        Ok(Vec::new())
    }
}

/// What a profile means, or what is wrong with it.
pub(crate) fn resolved(text: &str) -> Result<Policy, Vec<Diagnostic>> {
    let source = Source { file: "imported.yaml".into(), text: text.as_bytes().to_vec() };
    parse(&source).and_then(|profile| resolve(&profile, &Unconfined, Mode::Profile))
}

/// What a profile means; faults are printed.
pub(crate) fn policy(text: &str) -> Policy {
    resolved(text).unwrap_or_else(|faults| panic!("{}\n{text}", render(&faults, false)))
}

/// A container of Docker's on a host.
pub(crate) fn container(host: Arch) -> Container {
    Container::docker(host, (6, 18))
}

/// The import of a text, which must mean what the import says.
pub(crate) fn import(json: &str, container: &Container) -> Result<Imported, Vec<Diagnostic>> {
    let source = Source { file: "filter.json".into(), text: json.as_bytes().to_vec() };
    let imported = seccomp_json(&source, "imported", container)?;
    let policy = policy(&imported.profile);
    let (syscalls, filter) = imported.calls.as_ref().unwrap();
    assert!(policy.syscalls == *syscalls, "the profile decides otherwise:\n{}", imported.profile);
    assert_eq!(policy.filter, *filter, "{}", imported.profile);
    // Nothing else than system calls is changed.
    let unconfined =
        Policy { name: policy.name.clone(), about: policy.about.clone(), ..policy_of_unconfined() };
    assert_eq!(
        Policy { syscalls: Syscalls::unconstrained(), filter: unconfined.filter.clone(), ..policy },
        Policy { syscalls: Syscalls::unconstrained(), ..unconfined }
    );
    Ok(imported)
}

fn policy_of_unconfined() -> Policy {
    policy("stockade: 1\nextends: [unconfined]\n")
}

/// The findings as a user reads them.
pub(crate) fn faults(json: &str, host: Arch) -> String {
    match import(json, &container(host)) {
        Ok(imported) => panic!("imported:\n{}", imported.profile),
        Err(faults) => render(&faults, false),
    }
}
