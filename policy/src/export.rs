//! Policies and plans in the forms that other programs read.

mod rules;
mod seccomp_json;

pub use seccomp_json::{Dialect, ExportError, Exported, seccomp_json};

use crate::lattice::action::Action;
use crate::plan::{Instruction, Plan};
use crate::seccomp::bpf;

/// The filter as an array of `struct sock_filter` of a little-endian machine, as `bwrap --seccomp` and crun's
/// `run.oci.seccomp_bpf_data` take it. A plan without a filter gives the one that allows every call.
pub fn seccomp_bpf(plan: &Plan) -> Vec<u8> {
    let allow_all = [Instruction(bpf::RETURN, 0, 0, bpf::return_value(Action::Allow))];
    bpf::bytes(plan.seccomp.as_ref().map_or(&allow_all, |seccomp| &seccomp.program))
}
