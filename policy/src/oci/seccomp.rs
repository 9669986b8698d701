//! `linux.seccomp`: read as the inner runtime reads it, and written as one that decides the same.

use super::annotations::PROGRAM;
use super::filters::Given;
use super::{Document, HandOver, OciError, Refusal, fields};
use crate::compile;
use crate::export::{self, Dialect, ExportError, Exported};
use crate::host::Host;
use crate::import;
use crate::lattice::action::Action;
use crate::lattice::diagram::{Decision, Diagram};
use crate::lattice::syscalls::{Syscalls, Table};
use crate::lattice::{Lattice, LatticeError};
use crate::lookup::Source;
use crate::origin::Origins;
use crate::policy::{Filter, Policy};
use crate::seccomp::bpf;
use crate::vocab::{self, Arch, CapSet};
use crate::write;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The filter's place in a bundle.
const PLACE: &str = "linux.seccomp";

/// The fields of the bundle's filter that may not be there, or that nobody knows.
pub(super) fn check(document: &Document) -> Vec<Refusal> {
    match document.filter() {
        Ok(None) => Vec::new(),
        Ok(Some(filter)) => fields::check_part(&filter, PLACE),
        Err(error) => vec![Refusal::plain(PLACE, error.to_string())],
    }
}

/// What the bundle's filter decides; `None`: it has none.
pub(super) fn read(
    document: &Document,
    host: &Host,
    capabilities: CapSet,
) -> Result<Option<(Syscalls, Filter)>, OciError> {
    let wrong = |why: String| OciError::Refused(vec![Refusal::plain(PLACE, why)]);
    let Some(seccomp) = document.filter().map_err(|error| wrong(error.to_string()))? else { return Ok(None) };
    let source = Source { file: PLACE.into(), text: seccomp.to_string().into_bytes() };
    let kernel = import::kernel(&host.kernel).unwrap_or((6, 0));
    let container = import::Container { host: host.arch, kernel, capabilities };
    import::decided(&source, &container).map(Some).map_err(OciError::Seccomp)
}

/// A filter that decides as `syscalls`, for the inner runtime. Where it need not be `exact`, because the init puts on the
/// exact one, it may allow calls whose conditions the form has no words for.
pub(super) fn given(
    syscalls: &Syscalls,
    policy: &Policy,
    arch: Arch,
    exact: bool,
    how: HandOver,
) -> Result<Given, OciError> {
    match how {
        HandOver::Rules => {
            let exported = rules(syscalls, &policy.filter, arch, exact)?;
            // Without white space.
            let rules = serde_json::from_str::<Value>(&exported.json);
            Ok(Given::Rules(rules.map_err(|error| OciError::Host(error.to_string()))?.to_string()))
        }
        HandOver::Program => {
            let program = compile::program_of(syscalls, policy, arch)?;
            Ok(Given::Program(STANDARD.encode(bpf::bytes(&program))))
        }
    }
}

impl Given {
    /// Puts it into the bundle.
    pub(super) fn put(&self, document: &mut Document) {
        match self {
            Given::Nothing => document.set_filter(None),
            Given::Rules(rules) => document.set_filter(Some(rules.clone())),
            Given::Program(program) => {
                document.set(&["annotations", PROGRAM], program.as_str());
                // For a runtime that does not know the annotation: nothing starts there.
                document.set_filter(Some(json!({"defaultAction": "SCMP_ACT_KILL_PROCESS"}).to_string()));
            }
        }
    }
}

/// Calls that may be opened because rules cannot say when they are allowed. Two engines' profiles together make one or
/// two.
const OPENED: usize = 16;

fn rules(syscalls: &Syscalls, filter: &Filter, arch: Arch, exact: bool) -> Result<Exported, OciError> {
    let mut syscalls = syscalls.clone();
    for _ in 0..OPENED {
        match export::seccomp_json(&syscalls, filter, arch, Dialect::Oci) {
            Err(ExportError::Rules { call } | ExportError::Differs { call, .. }) if !exact => {
                syscalls = open(&syscalls, call)?;
            }
            Err(error @ (ExportError::Rules { .. } | ExportError::Differs { .. })) => {
                return Err(OciError::Exact(error));
            }
            exported => return Ok(exported?),
        }
    }
    Ok(export::seccomp_json(&syscalls, filter, arch, Dialect::Oci)?)
}

/// The same with one call allowed, on every interface that allows anything.
fn open(syscalls: &Syscalls, call: &str) -> Result<Syscalls, LatticeError> {
    let decision = |action| Decision { action, origins: Origins::new() };
    let kill = decision(Action::KillProcess);
    let tables = write::interfaces(syscalls, &Arch::ALL).into_iter().map(|arch| {
        let number = vocab::syscalls::number(arch, call);
        let numbers = number.map(|number| (number, Diagram::leaf(decision(Action::Allow))));
        (arch, Table::new(numbers.into_iter().collect(), kill.clone()))
    });
    syscalls.join(&Syscalls::new(tables.collect(), &kill))
}
