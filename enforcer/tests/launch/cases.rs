//! The list of cases.

use crate::confinement;

/// Name and test.
pub(crate) const ALL: &[(&str, fn())] = &[("confinement::as_planned", confinement::as_planned)];
