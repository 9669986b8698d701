//! Processes that the command line names.

use crate::failure::Failure;
use stockade_enforcer::filters::{self, FiltersError, Stack};
use stockade_observe::ObserveError;

/// The filters of every thread of the process `pid`.
pub(crate) fn filters(pid: u32) -> Result<Vec<Stack>, Failure> {
    let no = |why: String| Failure::Argument { what: "--pid", value: pid.to_string(), why };
    filters::of(pid).map_err(|error| match error {
        FiltersError::Observe(ObserveError::Vanished { .. }) => no("there is no such process".to_owned()),
        FiltersError::Strict { .. } => no(error.to_string()),
        error => Failure::Observe { operation: "read the filters of the process", source: error.into() },
    })
}
