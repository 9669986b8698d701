//! Labels of the security modules: flat, but for `unconfined` above every label, and no constraint at
//! all (the caller's own label stays) above that.

use super::{below_top, confirmed, verdict};
use crate::lattice::event::{Event, SecurityModule, Switch};
use crate::lattice::ruled::{together, written};
use crate::lattice::{Lattice, LatticeError, Toward, Verdict, Witness};
use crate::origin::Ruled;
use crate::policy::{Label, Lsm};
use std::fmt;

type Constraint = Option<Ruled<Label>>;

impl Lattice for Lsm {
    fn combine(&self, other: &Self, toward: Toward) -> Result<Self, LatticeError> {
        let Lsm { apparmor, selinux, trusted_paths } = self;
        Ok(Lsm {
            apparmor: label("AppArmor labels", apparmor, &other.apparmor, toward)?,
            selinux: label("SELinux labels", selinux, &other.selinux, toward)?,
            trusted_paths: toward.switch(trusted_paths, &other.trusted_paths),
        })
    }

    fn admits(&self, event: &Event) -> Option<Verdict> {
        match event {
            Event::Label(module, label) => Some(below_top(self.of(*module).as_ref(), |mine| {
                label.as_ref().is_some_and(|label| *mine == Label::Unconfined || mine == label)
            })),
            Event::Without(Switch::TrustedPaths) => {
                Some(verdict(!self.trusted_paths.value, &self.trusted_paths))
            }
            _ => None,
        }
    }

    fn looser(&self, other: &Self) -> Vec<Witness> {
        let labels = [SecurityModule::Apparmor, SecurityModule::Selinux]
            .map(|module| Event::Label(module, self.of(module).as_ref().map(|label| label.value.clone())));
        confirmed(self, other, labels.into_iter().chain([Event::Without(Switch::TrustedPaths)]))
    }
}

impl Lsm {
    fn of(&self, module: SecurityModule) -> &Constraint {
        match module {
            SecurityModule::Apparmor => &self.apparmor,
            SecurityModule::Selinux => &self.selinux,
        }
    }
}

fn label(
    what: &'static str,
    left: &Constraint,
    right: &Constraint,
    toward: Toward,
) -> Result<Constraint, LatticeError> {
    let (Some(left), Some(right)) = (left, right) else {
        return Ok(toward.below_top(left.as_ref(), right.as_ref(), |left, _| left.clone()));
    };
    let free = |label: &Ruled<Label>| label.value == Label::Unconfined;
    let both = match toward {
        _ if left.value == right.value => together(left, right, left.value.clone()),
        // Coarse: nothing between two labels and none is known.
        Toward::Loose => together(left, right, Label::Unconfined),
        Toward::Strict if free(left) => right.clone(),
        Toward::Strict if free(right) => left.clone(),
        Toward::Strict => {
            let side = |label: &Ruled<Label>| written(&Written(&label.value), &label.origins);
            return Err(LatticeError::Empty { what, left: side(left), right: side(right) });
        }
    };
    Ok(Some(both))
}

struct Written<'a>(&'a Label);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Label::Generate => f.write_str("generate"),
            Label::Name(name) => f.write_str(name),
            Label::Unconfined => f.write_str("unconfined"),
        }
    }
}
