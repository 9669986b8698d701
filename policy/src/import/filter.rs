//! A seccomp filter, or a stack of them, as a profile.

use super::{Imported, holes};
use crate::lattice::action::Action;
use crate::origin::Ruled;
use crate::plan::Instruction;
use crate::policy::Filter;
use crate::seccomp::recover::{RecoverError, recover_all};
use crate::vocab::Arch;
use crate::write::{self, Draft, WriteError};

/// Why filters are no profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The filter is none, or too much to be decided.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// It asks where the call was made.
    #[error(
        "what it decides on call {number} of audit number {arch:#x} hangs on the instruction pointer, which no \
         profile can say"
    )]
    InstructionPointer {
        /// `seccomp_data.arch`
        arch: u32,
        /// `seccomp_data.nr`
        number: u32,
    },
    /// The language has no words for it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What stacked filters, the oldest first, decide together on a host, as a profile called `name`; `from` says
/// where they came from.
pub fn filters<P: AsRef<[Instruction]>>(
    programs: &[P],
    host: Arch,
    name: &str,
    from: &str,
) -> Result<Imported, FilterError> {
    let recovered = recover_all(programs, host)?;
    if let Some((event, _)) = recovered.instruction_pointer {
        return Err(FilterError::InstructionPointer { arch: event.arch, number: event.number });
    }
    let interfaces = write::interfaces(&recovered.syscalls, host.family());
    let instructions: usize = programs.iter().map(|program| program.as_ref().len()).sum();
    let head = vec![
        format!("Imported from {from}: {} of {instructions} instructions,", counted(programs.len())),
        format!("for a host of {host}."),
    ];
    let because = format!("as in {from}");
    // What a filter was installed with is not part of it: the strict side of what protects.
    let filter = Filter { mitigate_speculation: Ruled::unwritten(true), log_denied: Ruled::unwritten(false) };
    let draft = Draft {
        name,
        head: &head,
        sections: &[],
        interfaces: &interfaces,
        syscalls: &recovered.syscalls,
        filter: &filter,
        otherwise: None,
        remark: &|_| None,
        because: &because,
    };
    let mut notes = vec![
        "the flags that the filter was installed with are not part of it: speculation is mitigated, and nothing is \
         logged"
            .to_owned(),
    ];
    if let Some((decision, event)) =
        recovered.foreign.iter().find(|(decision, _)| decision.action != Action::KillProcess)
    {
        notes.push(format!(
            "left out: what comes with audit number {:#x} gets {}; a host of {host} never shows it, and the profile \
             kills the process",
            event.arch, decision.action
        ));
    }
    Ok(Imported {
        profile: write::write(&draft)?,
        holes: holes::find(&recovered.syscalls, &interfaces),
        notes,
        warnings: Vec::new(),
        calls: Some((recovered.syscalls.on(host), filter)),
    })
}

fn counted(filters: usize) -> String {
    if filters == 1 { "a filter".to_owned() } else { format!("{filters} filters") }
}
