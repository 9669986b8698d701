//! What is admitted as a source of mounts.

use serde::{Deserialize, Serialize};

/// Paths of the host that may be mounted into a container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// An absolute path; it, and what is below it, is admitted. A part `*` stands for any one name, `{id}` for the
    /// container's own id, and a part that ends with `{any}` for any name that begins so.
    pub path: String,
    /// Whether it may be written.
    pub write: bool,
    /// Whether it is what an engine keeps for its containers: what somebody had the engine mount there is not.
    pub of_engine: bool,
}

impl Source {
    /// The directory below which everything is the engine's, or what somebody had it mount: up to the first part that
    /// stands for several names.
    pub(super) fn base(&self) -> &str {
        let several = |part: &str| part == "*" || part == "{id}" || part.ends_with("{any}");
        let mut end = 0;
        for part in self.path.split('/').skip(1).take_while(|part| !several(part)) {
            end += 1 + part.len();
        }
        let base = &self.path[..end];
        if end == self.path.len() { base.rsplit_once('/').map_or(base, |(above, _)| above) } else { base }
    }

    /// Whether `path` is what it names, and not below that.
    pub fn is(&self, path: &str, id: &str) -> bool {
        self.admits(path, id) && path.split('/').count() == self.path.split('/').count()
    }

    /// Whether it admits `path`: that is what it names, or below it.
    pub fn admits(&self, path: &str, id: &str) -> bool {
        let mut parts = path.split('/');
        self.path.split('/').all(|wanted| {
            parts.next().is_some_and(|part| match wanted {
                "*" => !part.is_empty(),
                "{id}" => part == id,
                wanted => match wanted.strip_suffix("{any}") {
                    Some(begin) => part.len() > begin.len() && part.starts_with(begin),
                    None => part == wanted,
                },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_compared_part_by_part() {
        let admits = |pattern: &str, path: &str| {
            Source { path: pattern.to_owned(), write: true, of_engine: false }.admits(path, "c0ffee")
        };
        assert!(admits("/srv", "/srv") && admits("/srv", "/srv/a/b"));
        assert!(!admits("/srv", "/srvice") && !admits("/srv", "/") && !admits("/srv/a", "/srv"));
        assert!(admits("/var/lib/docker/volumes/*/_data", "/var/lib/docker/volumes/x/_data/y"));
        assert!(!admits("/var/lib/docker/volumes/*/_data", "/var/lib/docker/volumes"));
        assert!(!admits("/var/lib/docker/volumes/*/_data", "/var/lib/docker/volumes/x"));
        assert!(admits("/c/{id}", "/c/c0ffee/hosts") && !admits("/c/{id}", "/c/beef/hosts"));
        assert!(admits("/b/hosts.{any}", "/b/hosts.x") && !admits("/b/hosts.{any}", "/b/hosts."));
        assert!(!admits("/b/hosts.{any}", "/b/host") && !admits("/b/hosts.{any}", "/b/x/hosts.x"));
    }
}
