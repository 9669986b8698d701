//! What the filters of a policy and of a bundle come to together: the one part of a meet that is dear, and that is the
//! same for many containers.

use super::{Document, HandOver, OciError, process, seccomp};
use crate::plan::{Gap, Plan, Seccomp};
use crate::policy::{Policy, Section};
use crate::seccomp::outer::outer;
use serde::{Deserialize, Serialize};

/// The filters of one meet. They depend on the texts of the policy, on the host, on [`HandOver`] and on what
/// [`Filters::asked`] gives, and on nothing else: where all of that is the same, they may be kept, and given to the next
/// meet as [`super::Of::Kept`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Filters {
    /// The exact one, of the plan.
    #[serde(with = "program")]
    seccomp: Option<Seccomp>,
    /// What the host lacks for it, and the policy lets be missing.
    gaps: Vec<Gap>,
    /// Whether the exact one comes with the init, and the inner runtime has another.
    init: bool,
    /// What the inner runtime is given.
    given: Given,
}

/// A filter as an inner runtime takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Given {
    /// None.
    Nothing,
    /// As rules: the text of `linux.seccomp`.
    Rules(#[serde(with = "text")] String),
    /// As a program, in base64.
    Program(String),
}

mod program {
    //! A program as bytes in base64: numbers one by one are most of what there would be to read.

    use crate::plan::Seccomp;
    use crate::seccomp::bpf;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(filter: &Option<Seccomp>, to: S) -> Result<S::Ok, S::Error> {
        let written = |filter: &Seccomp| (filter.flags, STANDARD.encode(bpf::bytes(&filter.program)));
        filter.as_ref().map(written).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Seccomp>, D::Error> {
        let read = |(flags, program): (u32, &str)| {
            let bytes = STANDARD.decode(program).map_err(D::Error::custom)?;
            Ok(Seccomp { flags, program: bpf::from_bytes(&bytes).map_err(D::Error::custom)? })
        };
        Option::deserialize(from)?.map(read).transpose()
    }
}

mod text {
    //! Rules as JSON within JSON.

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Error, Serialize, Serializer};
    use serde_json::value::RawValue;

    pub(super) fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<&RawValue>(text).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|text| text.get().to_owned())
    }
}

impl Filters {
    /// What the filters depend on of a bundle, as a text: its rules, and the capabilities by which they are read.
    pub fn asked(bundle: &Document) -> String {
        let capabilities = process::all_capabilities(bundle);
        format!("{} {}", capabilities.0, bundle.filter_text().unwrap_or_default())
    }

    /// Those of a meet that was just compiled.
    pub(super) fn of(policy: &Policy, plan: &Plan, init: bool, how: HandOver) -> Result<Filters, OciError> {
        let given = if plan.seccomp.is_none() {
            Given::Nothing
        } else {
            let shown = if init { outer(&policy.syscalls)? } else { policy.syscalls.clone() };
            seccomp::given(&shown, policy, plan.arch, !init, how)?
        };
        let gaps = plan.gaps.iter().filter(|gap| gap.section == Section::Syscalls).cloned().collect();
        Ok(Filters { seccomp: plan.seccomp.clone(), gaps, init, given })
    }

    /// Completes a plan that was compiled of a policy without calls but those that a disk limit denies.
    pub(super) fn complete(&self, plan: &mut Plan) {
        plan.seccomp.clone_from(&self.seccomp);
        plan.gaps.retain(|gap| gap.section != Section::Syscalls);
        plan.gaps.extend(self.gaps.iter().cloned());
    }

    /// Whether they are those of a container with, or without, an init.
    pub(super) fn are_for(&self, init: bool) -> bool {
        self.init == init
    }

    /// Puts what the inner runtime is given into the bundle.
    pub(super) fn hand_over(&self, document: &mut Document) {
        self.given.put(document);
    }
}
