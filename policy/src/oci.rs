//! A container engine's bundle under a policy: `config.json` of the OCI runtime specification, made at least as
//! strict as the policy, or refused.
//!
//! ```text
//! config.json → Document → meet(bundle, policy) → Plan → Document, Cuts
//!              document      bundle              compile   tighten
//! ```
//!
//! Only ever tighter: what both sides can be under is met, each change is a [`Cut`] with the line that asked for it;
//! what has no meet is a [`Refusal`]. Every field of the specification stands in one table ([`fields`]); a field
//! that does not is refused, for nobody knows what it would allow.
//!
//! No I/O: what must be looked up on the host (where a path leads, whose namespace a file is) is asked of
//! [`Surroundings`].

mod annotations;
mod around;
mod bounds;
mod devices;
mod document;
mod fields;
mod filters;
mod hooks;
mod labels;
mod mounts;
mod namespaces;
mod process;
mod resources;
mod seccomp;
mod sysctls;
mod tighten;

pub use annotations::CRIU;
pub use around::Around;
pub use bounds::Bounds;
pub use document::{Document, DocumentError};
pub use filters::Filters;
pub use labels::CONFINING;
pub use mounts::Source;
pub use tighten::{Admission, HandOver, Init, Of, Request, Tightened, needs_init, tighten};

use crate::compile::CompileError;
use crate::diagnostic::Diagnostic;
use crate::export::ExportError;
use crate::lattice::LatticeError;
use crate::origin::Origins;
use crate::plan::Gap;
use crate::policy::NamespaceKind;
use serde::{Deserialize, Serialize};

/// Something of a bundle that was made stricter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The field, as `process.capabilities.bounding`.
    pub field: String,
    /// What changed, in a sentence.
    pub change: String,
    /// The lines of the policy that asked for it; empty where no bundle may have it.
    pub origins: Origins,
}

/// Something of a bundle that no stricter value can replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The field, as `linux.namespaces`.
    pub field: String,
    /// Why, as a clause.
    pub why: String,
    /// The lines of the policy that it is against; empty where no bundle may have it.
    pub origins: Origins,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.field, self.why)?;
        if !self.origins.is_empty() {
            let places: Vec<String> = self.origins.iter().map(ToString::to_string).collect();
            write!(f, " ({})", places.join(", "))?;
        }
        Ok(())
    }
}

impl Refusal {
    /// One that no line of a policy asks for.
    fn plain(field: impl Into<String>, why: impl Into<String>) -> Refusal {
        Refusal { field: field.into(), why: why.into(), origins: Origins::new() }
    }
}

/// Why there is no bundle at least as strict as the policy.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Fields that have no meet with the policy, or that nobody knows.
    #[error("{}", list(.0))]
    Refused(Vec<Refusal>),
    /// The filter of the bundle cannot be read.
    #[error("linux.seccomp: {}", first(.0))]
    Seccomp(Vec<Diagnostic>),
    /// The policy contradicts itself, or the container.
    #[error("the profile cannot be put around this container: {0}")]
    Compile(#[from] CompileError),
    /// What the policy asks for cannot be done here.
    #[error("this host cannot enforce the profile in this container: {}", gaps(.0))]
    Gaps(Vec<Gap>),
    /// The filter cannot be handed to the inner runtime.
    #[error("the filter cannot be handed to the inner runtime: {0}")]
    Export(#[from] ExportError),
    /// It can neither be handed over whole nor left to the init.
    #[error(
        "the filter cannot be handed to the inner runtime: {0}; with `no_new_privileges: true` the init puts it on, and crun takes \
         it as a program"
    )]
    Exact(ExportError),
    /// The filters of both sides together are too large.
    #[error("the filter of the bundle and the policy's have no meet: {0}")]
    Lattice(#[from] LatticeError),
    /// The filters that were kept are of another meet: it must be made anew.
    #[error("the filters of an earlier container do not belong to this one")]
    Kept,
    /// The host could not be asked.
    #[error("{0}")]
    Host(String),
}

fn list(refusals: &[Refusal]) -> String {
    refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn first(found: &[Diagnostic]) -> String {
    found.first().map(|diagnostic| diagnostic.message.clone()).unwrap_or_default()
}

fn gaps(gaps: &[Gap]) -> String {
    let each: Vec<String> = gaps
        .iter()
        .filter(|gap| !gap.optional)
        .map(|gap| format!("{} ({}; {})", gap.right, gap.why, gap.remedy))
        .collect();
    each.join("; ")
}

/// What must be looked up on the host. An error is a sentence for the user.
pub trait Surroundings {
    /// `path` of the host with every link followed; `None`: nothing is there.
    fn canonical(&self, path: &str) -> Result<Option<String>, String>;
    /// What others than root, or than whoever runs this, can change of the way to the file `path`, which has no links in
    /// it, or that file; `None`: nothing.
    fn changeable(&self, path: &str) -> Result<Option<String>, String>;
    /// Where `path` of the host leads through links that nobody but root, or whoever runs this, can change; why it leads
    /// nowhere that is certain.
    fn settled(&self, path: &str) -> Result<String, String>;
    /// Whether the file `path` is the host's own namespace of a kind. It is looked at once: what the runtime joins is what
    /// this and [`Surroundings::inhabitant`] spoke of.
    fn is_hosts(&self, kind: NamespaceKind, path: &str) -> Result<bool, String>;
    /// A process in the namespace of a kind at `path`; `None`: there is none.
    fn inhabitant(&self, kind: NamespaceKind, path: &str) -> Result<Option<u32>, String>;
    /// Kind (`c` or `b`), major and minor number of a device of the host by its path below `/dev`; `None`: none is there.
    fn device(&self, name: &str) -> Result<Option<(char, u32, u32)>, String>;
    /// Where `path` inside the container's root leads, through the links of the image; why it leads nowhere.
    fn resolve(&self, path: &str) -> Result<Result<String, String>, String>;
    /// Whether what is below the directory `base` of the host at `path` is reached without a link; `None`: nothing is
    /// there.
    fn is_plain(&self, base: &str, path: &str) -> Result<Option<bool>, String>;
    /// The kinds of the file systems that are mounted at `path` of the host, below it, and above it as far as that is below
    /// `base`. A tmpfs that is mounted whole, and nowhere else, was made there and is none of them.
    fn mounted(&self, path: &str, base: &str) -> Result<Vec<String>, String>;
    /// Whether `path` inside the container's root is a directory that no link leads to; `None`: nothing is there.
    fn is_directory(&self, path: &str) -> Result<Option<bool>, String>;
    /// The mode in which AppArmor has a profile (`enforce`, `kill`, `complain`, …) by its name; `None`: it has none of this
    /// name.
    fn apparmor_mode(&self, profile: &str) -> Result<Option<String>, String>;
}
