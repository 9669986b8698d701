//! What a host cannot enforce, collected on the way.

use crate::origin::Origins;
use crate::plan::Gap;
use crate::policy::{Policy, Section};

/// The gaps found so far.
pub(super) struct Gaps<'a> {
    policy: &'a Policy,
    found: Vec<Gap>,
}

/// What stands in the way, and what would clear it.
pub(super) struct Obstacle {
    /// A clause: "the kernel has no Landlock".
    pub(super) why: String,
    /// An imperative: "boot a kernel of 5.13 or later".
    pub(super) remedy: String,
}

impl Obstacle {
    /// From two fixed texts.
    pub(super) fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Obstacle { why: why.into(), remedy: remedy.into() }
    }
}

impl<'a> Gaps<'a> {
    /// None yet. The policy says which sections may have some.
    pub(super) fn new(policy: &'a Policy) -> Self {
        Gaps { policy, found: Vec::new() }
    }

    /// Notes that `right` of `section`, asked for by `origins`, cannot be had.
    pub(super) fn add(
        &mut self,
        section: Section,
        right: impl Into<String>,
        obstacle: Obstacle,
        origins: &Origins,
    ) {
        let Obstacle { why, remedy } = obstacle;
        self.found.push(Gap {
            section,
            right: right.into(),
            why,
            remedy,
            optional: self.policy.is_optional(section),
            origins: origins.clone(),
        });
    }

    /// Notes what no launch without privilege can do: refusing would refuse them all, silence would be a lie.
    pub(super) fn add_unavoidable(
        &mut self,
        section: Section,
        right: impl Into<String>,
        obstacle: Obstacle,
        origins: &Origins,
    ) {
        self.add(section, right, obstacle, origins);
        if let Some(gap) = self.found.last_mut() {
            gap.optional = true;
        }
    }

    /// All of them, in the order in which the plan's sections were compiled.
    pub(super) fn into_found(self) -> Vec<Gap> {
        self.found
    }
}
