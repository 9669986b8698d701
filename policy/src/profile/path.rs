//! Paths inside the root.

use crate::diagnostic::Flaw;
use crate::parse::list::Item;
use crate::parse::scalar::Written;
use serde_json::{Value, json};

/// Longest path that the kernel takes, bytes with the final NUL. `PATH_MAX`, linux/limits.h.
const PATH_MAX: usize = 4096;

/// An absolute path without `.`, `..`, empty parts and final slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsolutePath(pub String);

impl Written for AbsolutePath {
    const WHAT: &'static str = "an absolute path";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if !text.starts_with('/') {
            let flaw = Flaw::new(format!("`{text}` is no absolute path"));
            return Err(if text.starts_with('~') {
                flaw.help("`~` is not expanded: a path begins with `/`")
            } else {
                flaw.help("a path begins with `/`")
            });
        }
        if text.len() >= PATH_MAX {
            return Err(Flaw::new(format!("a path has less than {PATH_MAX} bytes")));
        }
        if text.split('/').any(|part| part == "..") {
            let flaw = Flaw::new(format!("`{text}` climbs with `..`"));
            return Err(
                flaw.help("symbolic links make `..` mean something else at run time: write where it leads")
            );
        }
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let normal = format!("/{}", parts.join("/"));
        if normal != text {
            let flaw = Flaw::new(format!("`{text}` has parts that say nothing"));
            return Err(flaw.help(format!("write `{normal}`")));
        }
        // Wildcards would be taken for names of files and silently grant or hide nothing.
        if text.contains(['*', '?']) {
            let flaw = Flaw::new(format!("`{text}` has a wildcard, and paths have none"));
            return Err(flaw.help("a path stands for itself and everything below it"));
        }
        Ok(AbsolutePath(normal))
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^/"})
    }
}

impl Item for AbsolutePath {}
