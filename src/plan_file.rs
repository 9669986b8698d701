//! Plans in files, as `compile --emit plan` writes them and `run --plan` reads them.

use crate::failure::Failure;
use serde::Deserialize;
use std::fs;
use std::path::Path;
use stockade_policy::plan::Plan;

/// The envelope's own fields.
#[derive(Deserialize)]
struct Envelope<'a> {
    stockade: u32,
    kind: &'a str,
}

/// Reads the plan at `path`, which must have been compiled under the floors with this hash.
pub(crate) fn read(path: &Path, floors: &str) -> Result<Plan, Failure> {
    let text = fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    let json = |source| Failure::Json { path: path.to_owned(), what: "compiled plan", source };
    // In two passes: flattening would put every instruction of the filter through a buffer of its own.
    let envelope: Envelope<'_> = serde_json::from_slice(&text).map_err(json)?;
    if envelope.stockade != 1 || envelope.kind != "plan" {
        let why = format!("it holds a {} of version {}", envelope.kind, envelope.stockade);
        return Err(Failure::OtherPlan { path: path.to_owned(), why });
    }
    let plan: Plan = serde_json::from_slice(&text).map_err(json)?;
    if plan.floors != floors {
        return Err(Failure::OtherFloors { path: path.to_owned() });
    }
    Ok(plan)
}
