//! Who makes a seccomp filter: the compiler of the policy crate, or libseccomp.

use crate::failure::Failure;
use stockade_policy::compile;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::plan::{Instruction, Plan};
use stockade_policy::policy::Policy;
use stockade_policy::seccomp::prove::prove;
use stockade_policy::vocab::Arch;

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
    /// The filter of `policy` for a kernel of `host`'s architecture.
    pub(crate) fn compile(self, policy: &Policy, host: Arch) -> Result<Vec<Instruction>, Failure> {
        match self {
            Backend::Stockade => Ok(compile::filter(policy, host)?),
            Backend::Libseccomp => libseccomp(&policy.syscalls, host),
        }
    }

    /// Puts this one's filter of `policy` into `plan`, if that has a filter at all.
    ///
    /// What libseccomp made is proven first: nobody else looks at it before it confines something.
    pub(crate) fn replace(self, plan: &mut Plan, policy: &Policy) -> Result<(), Failure> {
        let (Backend::Libseccomp, Some(filter)) = (self, &mut plan.seccomp) else { return Ok(()) };
        filter.program = self.compile(policy, plan.arch)?;
        let proof = prove(&policy.syscalls, plan.arch, &filter.program).map_err(|source| {
            Failure::Undecided { subject: format!("libseccomp's filter for {}", plan.arch), source }
        })?;
        if proof.differing > 0 || !proof.complete {
            return Err(Failure::NotThePolicy { text: proof.text() });
        }
        Ok(())
    }
}

#[cfg(feature = "libseccomp")]
fn libseccomp(policy: &Syscalls, host: Arch) -> Result<Vec<Instruction>, Failure> {
    Ok(stockade_libseccomp::compile(policy, host, stockade_libseccomp::Search::Tree)?)
}

#[cfg(not(feature = "libseccomp"))]
fn libseccomp(_: &Syscalls, _: Arch) -> Result<Vec<Instruction>, Failure> {
    Err(Failure::Argument {
        what: "--backend",
        value: "libseccomp".to_owned(),
        why: "this stockade was built without the feature `libseccomp`".to_owned(),
    })
}
