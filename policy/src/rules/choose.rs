//! Which policy a container gets.

use super::{Mode, Rule, Rules};
use crate::origin::Origin;
use std::collections::BTreeMap;

/// The name of the label, of the annotation and, in upper case with `_`, of the variable by which a container asks for
/// a profile.
pub const REQUEST: &str = "io.stockade.profile";

/// What is said of a container. Only `digest`, and the annotations that the rules name of a container of Kubernetes, are
/// vouched for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// The image's name.
    pub image: Option<String>,
    /// The image's digest, as the engine's own files have it.
    pub digest: Option<String>,
    /// The container's name.
    pub name: Option<String>,
    /// The user id it runs as.
    pub user: u32,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the bundle.
    pub annotations: BTreeMap<String, String>,
    /// Whether it was made through the CRI, whose engines write annotations of their own over those of users. With
    /// Docker and podman whoever starts a container writes any.
    pub through_cri: bool,
    /// Profiles that label, annotation or environment ask for.
    pub requests: Vec<String>,
    /// The annotation that says that it holds the namespaces of a pod.
    pub sandbox: Option<String>,
}

/// One policy of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The profile's name, or path.
    pub profile: String,
    /// Where the rules name it.
    pub origin: Option<Origin>,
    /// Whether it is a floor, in which a section that is left out puts no constraint.
    pub floor: bool,
}

/// The policy of a container: the meet of all steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The policies, the one that gives its name first.
    pub steps: Vec<Step>,
    /// The first rule that fitted.
    pub rule: Option<Origin>,
    /// Whether the policy is put around the container, or only looked at.
    pub mode: Mode,
}

/// Why a container is not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// A rule says so.
    #[error("{reason} ({origin})")]
    Rule {
        /// Why.
        reason: String,
        /// Where.
        origin: Origin,
    },
    /// It asks for a profile that it may not have.
    #[error("the profile `{profile}` that it asks for is none of those that containers may ask for: {}", list(.admitted))]
    Request {
        /// The profile.
        profile: String,
        /// Those that it may ask for.
        admitted: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "there are none".to_owned() } else { names.join(", ") }
}

impl Rules {
    /// The policy for a container.
    ///
    /// A rule that fits by what nobody vouches for (a label comes from the image too) can only tighten what the
    /// container would get without it, and so can what the container asks for.
    pub fn choose(&self, claims: &Claims) -> Result<Choice, Denied> {
        let texts = |list: &Option<super::List<String>>| -> Vec<String> {
            list.iter().flat_map(|list| &list.items).map(|item| item.value.clone()).collect()
        };
        let vouched = if claims.through_cri { texts(&self.vouched) } else { Vec::new() };
        let fitting: Vec<_> =
            self.rules.iter().flat_map(|rules| &rules.items).filter(|rule| rule.value.fits(claims)).collect();
        if let Some(deny) = fitting.iter().find_map(|rule| rule.value.deny.as_ref()) {
            return Err(Denied::Rule { reason: deny.value.clone(), origin: deny.origin.clone() });
        }
        // Whoever is vouched for gets the first such rule's profile itself. What nobody vouches for comes on top: a label
        // more must not lead away from a stricter rule.
        let replaces = |rule: &Rule| rule.profile.is_some() && rule.is_vouched(&vouched);
        let sure = fitting.iter().position(|rule| replaces(&rule.value));
        let counts = |at: usize, rule: &Rule| Some(at) == sure || !replaces(rule);
        let counting: Vec<_> = fitting
            .iter()
            .enumerate()
            .filter(|(at, rule)| counts(*at, &rule.value))
            .map(|(_, rule)| rule)
            .collect();
        let step = |profile: &crate::origin::At<crate::profile::ProfileName>, floor| Step {
            profile: profile.value.0.clone(),
            origin: Some(profile.origin.clone()),
            floor,
        };
        let own = counting.iter().filter_map(|rule| rule.value.profile.as_ref());
        let mut steps: Vec<Step> = own.map(|profile| step(profile, false)).collect();
        let sandbox = claims.sandbox.as_ref().filter(|_| steps.is_empty()).zip(self.sandbox.as_ref());
        steps.extend(sandbox.map(|(_, profile)| step(profile, false)));
        let admitted: Vec<String> =
            self.requests.iter().flat_map(|list| &list.items).map(|name| name.value.0.clone()).collect();
        for profile in &claims.requests {
            if !admitted.contains(profile) {
                return Err(Denied::Request { profile: profile.clone(), admitted });
            }
            steps.push(Step { profile: profile.clone(), origin: None, floor: false });
        }
        if sure.is_none() && !sandbox.is_some_and(|(annotation, _)| vouched.contains(annotation)) {
            steps.extend(self.default.as_ref().map(|profile| step(profile, false)));
        }
        let floors = self.floors.iter().chain(counting.iter().filter_map(|rule| rule.value.floors.as_ref()));
        steps.extend(floors.flat_map(|list| &list.items).map(|profile| step(profile, true)));
        Ok(Choice {
            steps,
            rule: counting.first().map(|rule| rule.origin.clone()),
            mode: self.mode.as_ref().map_or(Mode::Enforce, |mode| mode.value),
        })
    }
}
