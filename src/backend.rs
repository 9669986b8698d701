//! Who makes a seccomp filter: the compiler of the policy crate, or libseccomp.

use crate::failure::Failure;
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;

/// A compiler of filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Backend {
    /// stockade's own compiler
    #[default]
    Stockade,
    /// The C library, its binary tree: longer filters of the same meaning
    Libseccomp,
}

impl Backend {
    /// Puts this one's filter of `policy` into `plan`, if that has a filter at all.
    pub(crate) fn replace(self, plan: &mut Plan, policy: &Policy) -> Result<(), Failure> {
        match (self, &mut plan.seccomp) {
            (Backend::Stockade, _) | (_, None) => {}
            (Backend::Libseccomp, Some(seccomp)) => seccomp.program = libseccomp(policy, plan.arch)?,
        }
        Ok(())
    }
}

#[cfg(feature = "libseccomp")]
fn libseccomp(
    policy: &Policy,
    host: stockade_policy::vocab::Arch,
) -> Result<Vec<stockade_policy::plan::Instruction>, Failure> {
    Ok(stockade_libseccomp::compile(&policy.syscalls, host, stockade_libseccomp::Search::Tree)?)
}

#[cfg(not(feature = "libseccomp"))]
fn libseccomp(
    _: &Policy,
    _: stockade_policy::vocab::Arch,
) -> Result<Vec<stockade_policy::plan::Instruction>, Failure> {
    Err(Failure::Argument {
        what: "--backend",
        value: "libseccomp".to_owned(),
        why: "this stockade was built without the feature `libseccomp`".to_owned(),
    })
}
