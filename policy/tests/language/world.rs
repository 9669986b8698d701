//! A world of profiles and users held in memory.

use std::collections::BTreeMap;
use stockade_policy::diagnostic::{Diagnostic, render};
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::Origin;
use stockade_policy::parse::parse;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, examine, resolve};

/// Profiles by name.
#[derive(Default)]
pub(crate) struct World {
    profiles: BTreeMap<String, Source>,
}

/// A profile's text under a file name.
pub(crate) fn source(file: &str, text: impl AsRef<[u8]>) -> Source {
    Source { file: file.into(), text: text.as_ref().to_vec() }
}

/// The strict parent of the tests.
const RESTRICTED: &str = "\
stockade: 1
about: the parent of the tests
process:
  environment: [PATH]
  umask: 022
syscalls:
  allow: [read, write, exit_group]
files:
  read: [/usr]
  proc: minimal
devices: [standard]
";

/// The parent that grants everything.
const UNCONFINED: &str = "\
stockade: 1
about: nothing is restricted
process: {no_new_privileges: false, environment: all}
capabilities: all
syscalls:
  architectures: [x86_64, i386, x32, aarch64, arm]
  otherwise: allow
  unknown: allow
files: {root: writable, read: [/], execute: [/], proc: full}
devices: all
namespaces: {user: host, network: host, ipc: host, uts: host, cgroup: host}
";

impl World {
    /// With `restricted` and `unconfined`.
    pub(crate) fn new() -> Self {
        World::default().with("restricted", RESTRICTED).with("unconfined", UNCONFINED)
    }

    /// With one more profile.
    pub(crate) fn with(mut self, name: &str, text: &str) -> Self {
        self.profiles.insert(name.to_owned(), source(&format!("builtin:{name}"), text));
        self
    }

    /// What `text` means here.
    pub(crate) fn resolve(&self, text: &str, mode: Mode) -> Result<Policy, Vec<Diagnostic>> {
        let profile = parse(&source("test.yaml", text))?;
        resolve(&profile, self, mode)
    }

    /// What `text` means as a profile; faults are printed.
    pub(crate) fn policy(&self, text: &str) -> Policy {
        self.resolve(text, Mode::Profile).unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
    }

    /// What `text` means as a floor; faults are printed.
    pub(crate) fn floor(&self, text: &str) -> Policy {
        self.resolve(text, Mode::Floor).unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
    }

    /// The warnings about `text` as a user reads them; faults are printed.
    pub(crate) fn warnings(&self, text: &str) -> String {
        let profile = parse(&source("test.yaml", text)).unwrap();
        match examine(&profile, self, Mode::Profile) {
            Ok((_, warnings)) => render(&warnings, false),
            Err(faults) => panic!("{}", render(&faults, false)),
        }
    }

    /// The findings about `text` as a user reads them.
    pub(crate) fn faults(&self, text: &str) -> String {
        match self.resolve(text, Mode::Profile) {
            Ok(_) => panic!("taken: {}", &text[..text.len().min(300)]),
            Err(faults) => render(&faults, false),
        }
    }
}

impl Lookup for World {
    fn profile(&self, name: &str, _from: Option<&Origin>) -> Result<Option<Source>, String> {
        if name == "unreadable" {
            return Err("permission denied".to_owned());
        }
        Ok(self.profiles.get(name).cloned())
    }

    fn profile_names(&self) -> Vec<String> {
        self.profiles.keys().cloned().collect()
    }

    fn user(&self, name: &str) -> Result<Option<(u32, u32)>, String> {
        match name {
            "www-data" => Ok(Some((33, 33))),
            "games" => Ok(Some((5, 60))),
            "broken" => Err("etc/passwd: permission denied".to_owned()),
            _ => Ok(None),
        }
    }

    fn group(&self, name: &str) -> Result<Option<u32>, String> {
        Ok((name == "ssl-cert").then_some(110))
    }

    fn loaders(&self, _path: &str) -> Result<Vec<Loader>, String> {
        Ok(Vec::new())
    }
}
