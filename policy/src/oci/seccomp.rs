//! `linux.seccomp`: read as the inner runtime reads it, and written as one that decides the same.

use super::{Document, HandOver, OciError};
use crate::compile;
use crate::export::{self, Dialect};
use crate::host::Host;
use crate::import;
use crate::lattice::syscalls::Syscalls;
use crate::lookup::Source;
use crate::policy::{Filter, Policy};
use crate::seccomp::bpf;
use crate::vocab::{Arch, CapSet};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What the bundle's filter decides; `None`: it has none.
pub(super) fn read(
    document: &Document,
    host: &Host,
    capabilities: CapSet,
) -> Result<Option<(Syscalls, Filter)>, OciError> {
    let Some(seccomp) = document.get(&["linux", "seccomp"]) else { return Ok(None) };
    let source = Source { file: "linux.seccomp".into(), text: seccomp.to_string().into_bytes() };
    let kernel = import::kernel(&host.kernel).unwrap_or((6, 0));
    let container = import::Container { host: host.arch, kernel, capabilities };
    import::decided(&source, &container).map(Some).map_err(OciError::Seccomp)
}

/// Where crun takes a filter as a program, in base64. crun(1), "EXTENSIONS".
const PROGRAM: &str = "run.oci.seccomp_bpf_data";

/// Puts a filter that decides as `syscalls` into the bundle.
pub(super) fn hand_over(
    document: &mut Document,
    syscalls: &Syscalls,
    policy: &Policy,
    arch: Arch,
    how: HandOver,
) -> Result<(), OciError> {
    match how {
        HandOver::Rules => {
            let exported = export::seccomp_json(syscalls, &policy.filter, arch, Dialect::Oci)?;
            let rules: Value =
                serde_json::from_str(&exported.json).map_err(|error| OciError::Host(error.to_string()))?;
            document.set(&["linux", "seccomp"], rules);
        }
        HandOver::Program => {
            let program = compile::program_of(syscalls, policy, arch)?;
            document.set(&["annotations", PROGRAM], STANDARD.encode(bpf::bytes(&program)));
            // For a runtime that does not know the annotation: nothing starts there.
            document.set(&["linux", "seccomp"], json!({"defaultAction": "SCMP_ACT_KILL_PROCESS"}));
        }
    }
    Ok(())
}
