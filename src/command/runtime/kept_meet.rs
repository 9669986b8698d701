//! What came of the policy and the filters of earlier containers. An entry is found by the choice of profiles, the host,
//! the binary, the form for the inner runtime, and what the bundle asks for; it is taken where every text that the
//! profiles were read from is still the same. See [`crate::kept`].

use super::rules::Administered;
use crate::context::Context;
use crate::context::question::Question;
use crate::kept::Kept;
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use stockade_enforcer::oci::bundle::Bundle;
use stockade_policy::host::Host;
use stockade_policy::oci::{Around, Filters, HandOver};
use stockade_policy::rules::Choice;

/// What an entry depends on, beside what stands in it.
#[derive(Serialize)]
struct Asked<'a> {
    /// The profiles in the order of the meet, in which file each is named, and whether it is a floor.
    steps: Vec<(&'a str, Option<&'a str>, bool)>,
    host: &'a Host,
    /// Whether the inner runtime takes a program.
    program: bool,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// What was asked for the policy.
    pub(super) questions: Vec<Question>,
    /// The hash of its texts.
    pub(super) floors: String,
    /// The policy without its calls.
    pub(super) around: Around,
    /// What came of the calls and the bundle's rules.
    pub(super) filters: Filters,
}

/// The place of one entry.
pub(super) struct KeptMeet(Kept);

impl KeptMeet {
    /// The place for a container; `None` where there is no safe one.
    pub(super) fn open(
        rules: &Administered,
        choice: &Choice,
        host: &Host,
        hand_over: HandOver,
        bundle: &Bundle,
    ) -> Option<KeptMeet> {
        let steps = choice.steps.iter().map(|step| {
            let file = step.origin.as_ref().map(|origin| &*origin.file);
            (step.profile.as_str(), file, step.floor)
        });
        let asked = Asked { steps: steps.collect(), host, program: hand_over == HandOver::Program };
        let asked = serde_json::to_vec(&asked).ok()?;
        // Relative paths of profiles count from the rules; an engine's own directory is another for each container.
        let path = std::path::absolute(rules.path()).ok()?;
        let bundle = Filters::asked(&bundle.config);
        let parts = [path.as_os_str().as_bytes(), &asked, bundle.as_bytes()];
        Kept::open(&rules.meets(), &parts).map(KeptMeet)
    }

    /// The entry, if it is there and every question still has its answer.
    pub(super) fn read(&self, context: &Context) -> Option<Entry> {
        let entry: Entry = serde_json::from_slice(&self.0.read()?).ok()?;
        context.still(&entry.questions).then_some(entry)
    }

    /// Keeps an entry.
    pub(super) fn write(&self, entry: &Entry) {
        if let Ok(text) = serde_json::to_vec(entry) {
            self.0.write(&text);
        }
    }
}
