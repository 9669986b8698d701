//! Filters of earlier containers. An entry is found by everything that filters depend on: the texts of the profiles, the
//! host, the binary, the form for the inner runtime, and what the bundle asks for. See [`crate::kept`].

use super::rules::Administered;
use crate::context::Context;
use crate::context::question::Question;
use crate::kept::Kept;
use serde::Serialize;
use stockade_enforcer::oci::bundle::Bundle;
use stockade_policy::host::Host;
use stockade_policy::oci::{Filters, HandOver};
use stockade_policy::rules::Choice;

/// What filters depend on beside the bundle and the binary.
#[derive(Serialize)]
struct Asked<'a> {
    /// The profiles in the order of the meet, and which are floors.
    steps: Vec<(&'a str, bool)>,
    /// The text of every profile that was read, parents among them, by its hash.
    questions: Vec<Question>,
    host: &'a Host,
    program: bool,
}

/// The place of one container's filters.
pub(super) struct KeptFilters(Kept);

impl KeptFilters {
    /// The place for a container whose profiles `context` has been asked for; `None` where there is no safe one.
    pub(super) fn open(
        rules: &Administered,
        choice: &Choice,
        context: &Context,
        host: &Host,
        hand_over: HandOver,
        bundle: &Bundle,
    ) -> Option<KeptFilters> {
        let asked = Asked {
            steps: choice.steps.iter().map(|step| (step.profile.as_str(), step.floor)).collect(),
            questions: context.asked(),
            host,
            program: hand_over == HandOver::Program,
        };
        let asked = serde_json::to_vec(&asked).ok()?;
        Kept::open(&rules.filters(), &[&asked, Filters::asked(&bundle.config).as_bytes()]).map(KeptFilters)
    }

    /// The filters, if they are there.
    pub(super) fn read(&self) -> Option<Filters> {
        serde_json::from_slice(&self.0.read()?).ok()
    }

    /// Keeps filters.
    pub(super) fn write(&self, filters: &Filters) {
        if let Ok(text) = serde_json::to_vec(filters) {
            self.0.write(&text);
        }
    }
}
