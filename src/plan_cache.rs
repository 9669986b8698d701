//! Compiled plans of earlier launches. An entry is found by what was asked for, on which host, with which
//! binary, and taken only where everything that was looked up for it still gives the same answer.
//! See [`crate::kept`].

use crate::context::Context;
use crate::context::question::Question;
use crate::kept::Kept;
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use stockade_policy::host::Host;
use stockade_policy::plan::Plan;

/// What is asked for.
#[derive(Serialize)]
pub(crate) struct Request<'a> {
    /// The profile, or the outermost of the flags on top of it.
    pub(crate) profile: &'a str,
    /// What the flags stand for.
    pub(crate) overrides: Vec<&'a [u8]>,
    /// Floors, by name.
    pub(crate) floors: &'a [String],
    /// The directory that becomes `/`.
    pub(crate) root: &'a Path,
    /// The host.
    pub(crate) host: &'a Host,
}

/// The place of one plan in the cache.
pub(crate) struct PlanCache(Kept);

#[derive(Serialize, Deserialize)]
struct Entry {
    questions: Vec<Question>,
    plan: Plan,
}

impl PlanCache {
    /// The place for the plan that `request` asks for; `None` where there is no safe one.
    pub(crate) fn open(request: &Request<'_>) -> Option<PlanCache> {
        // Relative paths of profiles count from here.
        let directory = std::env::current_dir().ok()?;
        let request = serde_json::to_vec(request).ok()?;
        Kept::open(&location()?, &[directory.as_os_str().as_bytes(), &request]).map(PlanCache)
    }

    /// The plan, if it is there and nothing that it depends on has changed.
    pub(crate) fn read(&self, context: &Context) -> Option<Plan> {
        let entry: Entry = serde_json::from_slice(&self.0.read()?).ok()?;
        context.still(&entry.questions).then_some(entry.plan)
    }

    /// Keeps `plan` with everything that `context` was asked for it. One that cannot be kept is compiled
    /// again next time.
    pub(crate) fn write(&self, context: &Context, plan: &Plan) {
        let entry = Entry { questions: context.asked(), plan: plan.clone() };
        if let Ok(text) = serde_json::to_vec(&entry) {
            self.0.write(&text);
        }
    }
}

/// Where plans are kept. `XDG_CACHE_HOME` counts for root too: a directory of someone else's is refused.
fn location() -> Option<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let parent = match named("XDG_CACHE_HOME") {
        Some(path) => path,
        None if geteuid().is_root() => PathBuf::from("/var/cache"),
        None => named("HOME")?.join(".cache"),
    };
    Some(parent.join("stockade").join("plans"))
}
