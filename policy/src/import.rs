//! Filters and containers of other tools → profiles.
//!
//! What comes in is decided exactly as its own tool would, then written as a profile by [`crate::write`]; what
//! cannot be said the same is refused by name.

mod clauses;
mod container;
mod filter;
mod holes;
mod inspect;
mod json;
mod meaning;
mod members;
mod multiplexed;
mod oci;
mod resources;
mod seccomp_json;
mod selection;
mod told;

pub use filter::{FilterError, filters};
pub use holes::Hole;
pub(crate) use seccomp_json::interface_name;
pub use selection::{Container, kernel};

use crate::diagnostic::Diagnostic;
use crate::lattice::syscalls::Syscalls;
use crate::lookup::Source;
use crate::origin::{Origin, Origins};
use crate::parse::report::Report;
use crate::policy::Filter;
use crate::vocab::CapSet;
use crate::write::{self, Draft};
use serde::Serialize;

/// A filter of another tool as a profile.
#[derive(Clone, Debug, Serialize)]
pub struct Imported {
    /// The profile's text.
    pub profile: String,
    /// Where arguments that the kernel reads shorter than the filter get past it.
    pub holes: Vec<Hole>,
    /// What the reader should know.
    pub notes: Vec<String>,
    /// Findings about the input that did not stop the import.
    pub warnings: Vec<Diagnostic>,
    /// What it decides and how it is put on; `None` where it is left to what the profile extends.
    #[serde(skip)]
    pub calls: Option<(Syscalls, Filter)>,
}

/// What a text is, where it is JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Docker's seccomp JSON, or an OCI runtime's.
    Seccomp,
    /// An OCI runtime's whole `config.json`.
    Oci,
    /// What `docker inspect` prints.
    DockerInspect,
}

/// What a text seems to be; what cannot be read is left to the reader of filters.
pub fn recognise(text: &[u8]) -> Kind {
    #[derive(serde::Deserialize)]
    struct Keys {
        #[serde(rename = "ociVersion")]
        oci: Option<serde::de::IgnoredAny>,
        #[serde(rename = "HostConfig")]
        host: Option<serde::de::IgnoredAny>,
    }
    let kind = |keys: &Keys| match keys {
        Keys { oci: Some(_), .. } => Kind::Oci,
        Keys { host: Some(_), .. } => Kind::DockerInspect,
        _ => Kind::Seccomp,
    };
    if let Ok(keys) = serde_json::from_slice::<Keys>(text) {
        return kind(&keys);
    }
    let list = serde_json::from_slice::<Vec<Keys>>(text).unwrap_or_default();
    list.first().map_or(Kind::Seccomp, kind)
}

/// What seccomp JSON decides in a container, and how it is put on.
pub(crate) fn decided(source: &Source, container: &Container) -> Result<(Syscalls, Filter), Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let document = node.and_then(|node| seccomp_json::read(&node, &mut report));
    let meaning = document
        .and_then(|document| meaning::decide(&document, container, &mut Vec::new(), &mut report))
        .filter(|_| !report.has_errors());
    meaning.map(|meaning| (meaning.syscalls, meaning.filter)).ok_or_else(|| report.finish())
}

/// Docker's seccomp JSON, or an OCI runtime's, as a profile called `name` for one container.
pub fn seccomp_json(source: &Source, name: &str, container: &Container) -> Result<Imported, Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let document = node.and_then(|node| seccomp_json::read(&node, &mut report));
    let Some(document) = document.filter(|_| !report.has_errors()) else { return Err(report.finish()) };
    let head = vec![
        format!("Imported from {} ({}),", source.file, document.dialect.name()),
        format!("{}.", container.describe(document.dialect)),
    ];
    let because = format!("as in {}", source.file);
    let whole = Whole { name, head, sections: Vec::new(), because: &because, notes: Vec::new() };
    decisions(whole, &document, container, report)
}

/// An OCI runtime's whole `config.json` as a profile called `name` on a host of the container's.
pub fn oci_config(source: &Source, name: &str, container: &Container) -> Result<Imported, Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let Some(node) = node else { return Err(report.finish()) };
    if !oci::is_config(&node) {
        let diagnostic = Diagnostic::error("this is no OCI configuration: it has no `ociVersion`");
        report.push(diagnostic, &node.origin);
        return Err(report.finish());
    }
    let mut reader = members::Reader::new(&mut report);
    let sections = oci::sections(&node, &mut reader);
    let notes = reader.told.finish();
    let head = vec![format!(
        "Imported from {} (an OCI configuration), for a host of {}.",
        source.file, container.host
    )];
    let because = format!("as in {}", source.file);
    let whole = Whole { name, head, sections: sections.lines(), because: &because, notes };
    let seccomp = members::member(&node, "linux").and_then(|linux| members::member(linux, "seccomp"));
    if seccomp.is_none() {
        return whole.without_calls("unconfined", report);
    }
    match seccomp_json::read(&node, &mut report).filter(|_| !report.has_errors()) {
        Some(document) => decisions(whole, &document, container, report),
        None => Err(report.finish()),
    }
}

/// A container of `docker inspect` as a profile; `chosen` names one of several, as Docker does.
pub fn docker_inspect(
    source: &Source,
    name: Option<&str>,
    chosen: Option<&str>,
    host: &Container,
) -> Result<Imported, Vec<Diagnostic>> {
    let (mut report, node) = json::read(source)?;
    let Some(node) = node else { return Err(report.finish()) };
    let Some(found) = inspect::choose(&node, chosen, &mut report) else { return Err(report.finish()) };
    let mut reader = members::Reader::new(&mut report);
    let inspected = inspect::read(found, &mut reader);
    let notes = reader.told.finish();
    let container = Container { capabilities: inspected.sections.capabilities, ..host.clone() };
    let head = vec![
        format!("Imported from {} (docker inspect {}),", source.file, inspected.name),
        format!("{}.", container.describe(seccomp_json::Dialect::Docker)),
    ];
    let because = format!("as in {}", source.file);
    let name = name.unwrap_or(&inspected.name);
    let whole = Whole { name, head, sections: inspected.sections.lines(), because: &because, notes };
    let json = match &inspected.seccomp {
        inspect::Seccomp::Unconfined => return whole.without_calls("unconfined", report),
        // The built-in profile is what Docker decides with just these.
        inspect::Seccomp::Default if container.capabilities == CapSet::docker() => {
            return whole.without_calls("docker-default", report);
        }
        inspect::Seccomp::Default => DOCKER_JSON,
        inspect::Seccomp::Json(json) => json,
    };
    if report.has_errors() {
        return Err(report.finish());
    }
    let file = format!("{} (seccomp)", source.file);
    let source = Source { file: file.into(), text: json.as_bytes().to_vec() };
    let (mut report, node) = json::read(&source)?;
    match node.and_then(|node| seccomp_json::read(&node, &mut report)).filter(|_| !report.has_errors()) {
        Some(document) => decisions(whole, &document, &container, report),
        None => Err(report.finish()),
    }
}

/// Docker's own filter: moby, profiles/seccomp/default.json.
const DOCKER_JSON: &str = include_str!("../data/docker-default-seccomp.json");

/// A profile but for its system calls.
struct Whole<'a> {
    name: &'a str,
    head: Vec<String>,
    sections: Vec<String>,
    because: &'a str,
    notes: Vec<String>,
}

impl Whole<'_> {
    /// As it is; what `extends` names decides the calls.
    fn without_calls(self, extends: &str, report: Report) -> Result<Imported, Vec<Diagnostic>> {
        if report.has_errors() {
            return Err(report.finish());
        }
        Ok(Imported {
            profile: write::without_calls(self.name, &self.head, extends, &self.sections),
            holes: Vec::new(),
            notes: self.notes,
            warnings: report.finish(),
            calls: None,
        })
    }
}

/// A profile with what seccomp JSON decides in a container.
fn decisions(
    mut whole: Whole<'_>,
    document: &seccomp_json::SeccompJson,
    container: &Container,
    mut report: Report,
) -> Result<Imported, Vec<Diagnostic>> {
    let meaning = meaning::decide(document, container, &mut whole.notes, &mut report);
    let Some(meaning) = meaning.filter(|_| !report.has_errors()) else { return Err(report.finish()) };
    whole
        .head
        .push("Registers are compared as that file's comparisons do: whole, without a sign.".to_owned());
    let remark = |origins: &Origins| remark(document, origins);
    let draft = Draft {
        name: whole.name,
        head: &whole.head,
        sections: &whole.sections,
        interfaces: &meaning.interfaces,
        syscalls: &meaning.syscalls,
        filter: &meaning.filter,
        otherwise: Some(document.default.value),
        remark: &remark,
        because: whole.because,
    };
    match write::write(&draft) {
        Ok(profile) => Ok(Imported {
            profile,
            holes: holes::find(&meaning.syscalls, &meaning.interfaces),
            notes: whole.notes,
            warnings: report.finish(),
            calls: Some((meaning.syscalls, meaning.filter)),
        }),
        Err(error) => {
            let at = error.call().and_then(|call| document.place_of(call)).unwrap_or_else(|| report.start());
            refuse(&mut report, &error, &at);
            Err(report.finish())
        }
    }
}

fn refuse(report: &mut Report, error: &write::WriteError, at: &Origin) {
    let diagnostic =
        Diagnostic::error(error.to_string()).help("the language cannot say this; nothing is changed to fit");
    report.push(diagnostic, at);
}

/// The comments of the rules that decided something.
fn remark(document: &seccomp_json::SeccompJson, origins: &Origins) -> Option<String> {
    let rules = document.rules.iter().filter(|rule| origins.contains(&rule.origin));
    let mut comments: Vec<&str> = rules.filter_map(|rule| rule.comment.as_deref()).collect();
    comments.dedup();
    (!comments.is_empty()).then(|| comments.join("; "))
}
