//! What was read back from the kernel.

use serde::{Deserialize, Serialize};
use std::fmt;
use stockade_policy::plan::Gap;

/// What a process is under, layer by layer, against its plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Name of the profile.
    pub profile: String,
    /// The process, in the reader's pid namespace.
    pub pid: u32,
    /// How many processes were read: one, or all of the container.
    pub processes: usize,
    /// One a layer that the plan asks for.
    pub layers: Vec<LayerStatus>,
    /// What the plan could not have on this host in the first place.
    pub gaps: Vec<Gap>,
}

impl Status {
    /// Whether something is looser than the plan.
    pub fn is_drift(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.verdict, Verdict::Looser { .. }))
    }

    /// The worst verdict of all layers.
    pub fn verdict(&self) -> Verdict {
        self.layers.iter().map(|layer| layer.verdict.clone()).fold(Verdict::Exact, Verdict::and)
    }
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerStatus {
    /// Which.
    pub layer: Layer,
    /// How it compares.
    pub verdict: Verdict,
    /// What was read.
    pub detail: String,
}

/// What is verified on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// User, groups, id maps.
    Identity,
    /// Namespaces.
    Namespaces,
    /// Root and mounts.
    Mounts,
    /// The five capability sets.
    Capabilities,
    /// `no_new_privs`
    NoNewPrivileges,
    /// Every filter of every thread.
    Seccomp,
    /// Landlock ruleset.
    Landlock,
    /// `PR_SET_MDWE`
    WriteXorExecute,
    /// rlimits.
    Limits,
    /// umask.
    Umask,
    /// Securebits.
    Securebits,
    /// Session keyring.
    Keyring,
    /// Namespaced sysctls.
    Sysctls,
    /// Membership and values.
    Cgroup,
    /// Disk quota.
    Disk,
    /// Traffic.
    Traffic,
    /// Labels.
    Lsm,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layer::Identity => "identity",
            Layer::Namespaces => "namespaces",
            Layer::Mounts => "mounts",
            Layer::Capabilities => "capabilities",
            Layer::NoNewPrivileges => "no_new_privileges",
            Layer::Seccomp => "seccomp",
            Layer::Landlock => "landlock",
            Layer::WriteXorExecute => "write_xor_execute",
            Layer::Limits => "limits",
            Layer::Umask => "umask",
            Layer::Securebits => "securebits",
            Layer::Keyring => "keyring",
            Layer::Sysctls => "sysctls",
            Layer::Cgroup => "cgroup",
            Layer::Disk => "disk",
            Layer::Traffic => "traffic",
            Layer::Lsm => "lsm",
        })
    }
}

/// How what is compares with what was declared; better ones first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The kernel shows what the plan says.
    Exact,
    /// The kernel shows more.
    Stricter {
        /// What more.
        detail: String,
    },
    /// The kernel does not show it of another process; whoever set it up says so.
    Attested {
        /// Who.
        by: String,
    },
    /// The kernel does not show it, and nobody says so. Not a pass.
    NotVisible {
        /// Why.
        why: String,
    },
    /// Something that the plan denies is allowed.
    Looser {
        /// What.
        witness: String,
    },
}

impl Verdict {
    /// Looser, with its witness.
    pub fn looser(witness: impl Into<String>) -> Verdict {
        Verdict::Looser { witness: witness.into() }
    }

    /// Stricter, with what more.
    pub fn stricter(detail: impl Into<String>) -> Verdict {
        Verdict::Stricter { detail: detail.into() }
    }

    /// Not visible, with the reason.
    pub fn not_visible(why: impl Into<String>) -> Verdict {
        Verdict::NotVisible { why: why.into() }
    }

    fn rank(&self) -> u8 {
        match self {
            Verdict::Exact => 0,
            Verdict::Stricter { .. } => 1,
            Verdict::Attested { .. } => 2,
            Verdict::NotVisible { .. } => 3,
            Verdict::Looser { .. } => 4,
        }
    }

    /// What it says beside its kind.
    pub fn text(&self) -> &str {
        match self {
            Verdict::Exact => "",
            Verdict::Stricter { detail: text }
            | Verdict::Attested { by: text }
            | Verdict::NotVisible { why: text }
            | Verdict::Looser { witness: text } => text,
        }
    }

    fn with_text(self, new: impl FnOnce(String) -> String) -> Verdict {
        match self {
            Verdict::Exact => Verdict::Exact,
            Verdict::Stricter { detail } => Verdict::Stricter { detail: new(detail) },
            Verdict::Attested { by } => Verdict::Attested { by: new(by) },
            Verdict::NotVisible { why } => Verdict::NotVisible { why: new(why) },
            Verdict::Looser { witness } => Verdict::Looser { witness: new(witness) },
        }
    }

    /// Both: the worse of the two, both texts where they are equally bad.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        match self.rank().cmp(&other.rank()) {
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Equal if self == other => self,
            std::cmp::Ordering::Equal => self.with_text(|text| format!("{text}; {}", other.text())),
        }
    }

    /// The same with `prefix: ` before its text.
    #[must_use]
    pub fn of(self, prefix: &str) -> Verdict {
        self.with_text(|text| format!("{prefix}: {text}"))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Exact => f.write_str("exact"),
            Verdict::Stricter { detail } => write!(f, "stricter: {detail}"),
            Verdict::Attested { by } => write!(f, "attested by {by}"),
            Verdict::NotVisible { why } => write!(f, "not visible: {why}"),
            Verdict::Looser { witness } => write!(f, "LOOSER: {witness}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_wins_and_equals_add_up() {
        let stricter = || Verdict::stricter("a");
        assert_eq!(Verdict::Exact.and(stricter()), stricter());
        assert_eq!(Verdict::looser("x").and(Verdict::not_visible("y")), Verdict::looser("x"));
        assert_eq!(stricter().and(Verdict::stricter("b")), Verdict::stricter("a; b"));
        assert_eq!(
            Verdict::looser("x").and(Verdict::looser("x")).of("thread 3"),
            Verdict::looser("thread 3: x")
        );
    }
}
