//! The tree with everything that must be in it for its programs to start.

use super::error::{CompileError, both};
use super::paths;
use crate::lattice::files::Rights;
use crate::lookup::Lookup;
use crate::origin::Ruled;
use crate::policy::Policy;
use std::collections::BTreeMap;

/// Rights by path: the policy's tree, and the interpreters of its programs.
pub(super) struct View {
    /// Always holds `/`.
    places: BTreeMap<String, Ruled<Rights>>,
}

impl View {
    /// The policy's tree, closed under "what starts this program".
    pub(super) fn new(policy: &Policy, lookup: &dyn Lookup) -> Result<View, CompileError> {
        let places =
            policy.files.tree.entries().map(|(path, rights)| (path.to_owned(), rights.clone())).collect();
        let mut view = View { places };
        for (program, granted) in policy.files.tree.entries() {
            let inherited = paths::above(program).next().map(|above| policy.files.tree.rights(above).value);
            if !granted.value.contains(Rights::EXECUTE)
                || inherited.is_some_and(|rights| rights.contains(Rights::EXECUTE))
            {
                continue;
            }
            let loaders = lookup.loaders(program).map_err(|why| CompileError::Loaders {
                program: program.to_owned(),
                why,
                origins: granted.origins.clone(),
            })?;
            for loader in loaders {
                view.grant_execute(program, granted, loader.path)?;
            }
        }
        Ok(view)
    }

    /// Paths with rights of their own, parents before children.
    pub(super) fn places(&self) -> impl Iterator<Item = (&str, &Ruled<Rights>)> {
        self.places.iter().map(|(path, rights)| (path.as_str(), rights))
    }

    /// The rights at exactly this path.
    pub(super) fn place(&self, path: &str) -> Option<&Ruled<Rights>> {
        self.places.get(path)
    }

    /// The rights at `path`, its own or inherited.
    fn rights(&self, path: &str) -> Option<&Ruled<Rights>> {
        std::iter::once(path).chain(paths::above(path)).find_map(|at| self.places.get(at))
    }

    fn grant_execute(
        &mut self,
        program: &str,
        granted: &Ruled<Rights>,
        loader: String,
    ) -> Result<(), CompileError> {
        let Some(there) = self.rights(&loader) else { return Ok(()) };
        if there.value == Rights::NONE {
            return Err(CompileError::HiddenLoader {
                program: program.to_owned(),
                loader,
                origins: both(&granted.origins, &there.origins),
            });
        }
        if !there.value.contains(Rights::EXECUTE) {
            let rights = Ruled {
                value: there.value.union(Rights::EXECUTE.closed()),
                origins: granted.origins.clone(),
            };
            self.places.insert(loader, rights);
        }
        Ok(())
    }
}
