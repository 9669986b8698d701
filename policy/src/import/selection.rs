//! Which rules of Docker's JSON there are for one container: moby, profiles/seccomp/seccomp_linux.go, setupSeccomp.

use super::seccomp_json::{Dialect, Filter, Rule, SeccompJson};
use crate::diagnostic::Diagnostic;
use crate::parse::read::unknown;
use crate::parse::report::Report;
use crate::vocab::{Arch, Cap, CapSet};

/// The container that the JSON is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The host's own interface: x86_64 or aarch64.
    pub host: Arch,
    /// The host's kernel, major and minor.
    pub kernel: (u32, u32),
    /// The container's capabilities.
    pub capabilities: CapSet,
}

/// The interfaces that are hosts, with their names in rules (Go's).
const HOSTS: [(Arch, &str); 2] = [(Arch::X86_64, "amd64"), (Arch::Aarch64, "arm64")];

impl Container {
    /// One with the capabilities that Docker gives.
    pub fn docker(host: Arch, kernel: (u32, u32)) -> Container {
        Container { host, kernel, capabilities: CapSet::docker() }
    }

    /// For the head of the profile.
    pub(super) fn describe(&self, dialect: Dialect) -> String {
        let host = format!("for a host of {}", self.host);
        if dialect == Dialect::Oci {
            return host;
        }
        let (major, minor) = self.kernel;
        let names: Vec<&str> =
            Cap::all().filter(|cap| self.capabilities.contains(*cap)).map(Cap::name).collect();
        let names = if names.is_empty() { "no capability".to_owned() } else { names.join(", ") };
        format!("{host}, Linux {major}.{minor} and a container with {names}")
    }
}

/// The version of a kernel, `MAJOR.MINOR` and more numbers that do not count.
pub fn kernel(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    let number = |part: Option<&str>| part.and_then(|part| part.parse().ok());
    let version = (number(parts.next())?, number(parts.next())?);
    parts.all(|part| part.parse::<u32>().is_ok()).then_some(version)
}

/// The rules that there are, in order.
pub(super) fn rules<'a>(
    document: &'a SeccompJson,
    container: &Container,
    report: &mut Report,
) -> Vec<&'a Rule> {
    let mut kept = Vec::new();
    for rule in &document.rules {
        let Filter { capabilities, architectures, least_kernel } = &rule.includes;
        let here = |name: &str| HOSTS.iter().any(|(arch, known)| *arch == container.host && *known == name);
        // All of `includes` must be so, and nothing of `excludes`.
        let included = (architectures.is_empty() || architectures.iter().any(|name| here(&name.value)))
            && capabilities.iter().map(|name| has(container, &name.value)).all(|has| has == Some(true))
            && least_kernel.as_ref().is_none_or(|least| container.kernel >= least.value);
        let Filter { capabilities, architectures, least_kernel } = &rule.excludes;
        let excluded = architectures.iter().any(|name| here(&name.value))
            || capabilities.iter().any(|name| has(container, &name.value) == Some(true))
            || least_kernel.as_ref().is_some_and(|least| container.kernel >= least.value);
        for name in rule.includes.capabilities.iter().chain(&rule.excludes.capabilities) {
            if has(container, &name.value).is_none() {
                let names: Vec<String> = Cap::all().map(written).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                report.push(Diagnostic::from(unknown("capability", &name.value, &names)), &name.origin);
            }
        }
        if included && !excluded {
            kept.push(rule);
        }
    }
    kept
}

/// A capability as Docker writes it.
fn written(cap: Cap) -> String {
    format!("CAP_{}", cap.name().to_uppercase())
}

/// Whether the container has a capability; `None` where there is none of that name.
fn has(container: &Container, name: &str) -> Option<bool> {
    Cap::all().find(|cap| written(*cap) == name).map(|cap| container.capabilities.contains(cap))
}
