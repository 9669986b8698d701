//! Which host a command is about: this one, a described one, or any of an architecture.

use crate::failure::Failure;
use std::fs;
use std::path::Path;
use stockade_enforcer::probe;
use stockade_policy::host::Host;
use stockade_policy::vocab::Arch;

/// Architectures of kernels that filters are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HostArch {
    #[value(name = "x86_64")]
    X86_64,
    Aarch64,
}

impl From<HostArch> for Arch {
    fn from(arch: HostArch) -> Arch {
        match arch {
            HostArch::X86_64 => Arch::X86_64,
            HostArch::Aarch64 => Arch::Aarch64,
        }
    }
}

/// This host.
pub(crate) fn here() -> Result<Host, Failure> {
    probe::host()
        .map_err(|source| Failure::Observe { operation: "describe this host", source: Box::new(source) })
}

/// A host description as `doctor` prints it: alone, or in the report that holds it.
pub(crate) fn described(path: &Path) -> Result<Host, Failure> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum File {
        Report { host: Box<Host> },
        Alone(Box<Host>),
    }
    let text = fs::read(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    match serde_json::from_slice(&text) {
        Ok(File::Report { host } | File::Alone(host)) => Ok(*host),
        Err(source) => Err(Failure::Json { path: path.to_owned(), what: "host description", source }),
    }
}
