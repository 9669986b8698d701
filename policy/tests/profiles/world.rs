//! The profiles of the source tree.

use std::fs;
use std::path::{Path, PathBuf};
use stockade_policy::diagnostic::render;
use stockade_policy::lookup::{Loader, Lookup, Source};
use stockade_policy::origin::Origin;
use stockade_policy::parse::parse;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, resolve};

/// Looks profiles up in `profiles/`; knows no users and no programs.
pub(crate) struct BuiltIn;

/// Of the repository, whichever of its crates tests.
fn directory() -> PathBuf {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|above| above.join("profiles"));
    above.into_iter().find(|path| path.is_dir()).unwrap()
}

fn source(name: &str) -> Option<Source> {
    let text = fs::read(directory().join(format!("{name}.yaml"))).ok()?;
    Some(Source { file: format!("builtin:{name}").into(), text })
}

/// Every built-in profile, by name.
pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What a built-in profile means; faults are printed.
pub(crate) fn policy(name: &str) -> Policy {
    parse(&source(name).unwrap())
        .and_then(|profile| resolve(&profile, &BuiltIn, Mode::Profile))
        .unwrap_or_else(|faults| panic!("{name}: {}", render(&faults, false)))
}

impl Lookup for BuiltIn {
    fn profile(&self, name: &str, _: Option<&Origin>) -> Result<Option<Source>, String> {
        Ok(source(name))
    }

    fn profile_names(&self) -> Vec<String> {
        names()
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
