//! Containers as their engines know them. Engines are only asked, never told.
//!
//! What they answer holds text of images and users, so answers are bounded in size and time, and nothing of
//! them is taken for a path or a command.

mod buildkit;
mod containerd;
mod docker;
mod follow;
mod podman;
mod unix_http;

pub use follow::{Event, Follower, Heard};

use crate::error::ObserveError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// How long an engine may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of one answer; what an engine says of one container is about ten thousand.
const LIMIT: usize = 64 << 20;

/// Who started a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Docker Engine, by its socket.
    Docker,
    /// podman, by its own command: it has no daemon.
    Podman,
    /// containerd, by its state directory; through it Kubernetes and nerdctl.
    Containerd,
    /// A step of an image build.
    Buildkit,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Docker => "docker",
            Kind::Podman => "podman",
            Kind::Containerd => "containerd",
            Kind::Buildkit => "buildkit",
        })
    }
}

/// A container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Who started it.
    pub engine: Kind,
    /// The engine's id, in full.
    pub id: String,
    /// Its name; of Kubernetes `NAMESPACE/POD/CONTAINER`.
    pub name: String,
    /// Its first process, in the reader's pid namespace; `None`: it does not run.
    pub pid: Option<u32>,
    /// Directory with its `config.json`, where the engine says it.
    pub bundle: Option<PathBuf>,
    /// The image as it was asked for.
    pub image: String,
    /// The image's digest, where the engine says it: `sha256:…`.
    pub digest: Option<String>,
    /// The OCI runtime, as the engine names it: a name of its own or a path.
    pub runtime: String,
    /// Labels or annotations. Images have them too: they prove nothing.
    pub labels: BTreeMap<String, String>,
}

impl Container {
    /// Whether it is meant by `text`: its name, the end of its name after a `/`, or the beginning of its id, at
    /// least two characters.
    pub fn is_meant_by(&self, text: &str) -> bool {
        self.name == text
            || self.name.strip_suffix(text).is_some_and(|before| before.ends_with('/'))
            || text.len() > 1 && self.id.starts_with(text)
    }
}

/// Why an engine did not say.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Its socket, its program or its directory could not be used.
    #[error("cannot ask {engine} at {}: {source}", at.display())]
    Ask {
        /// Which.
        engine: Kind,
        /// Socket, program or directory.
        at: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It refused.
    #[error("{engine} refuses {what}: {said}")]
    Refused {
        /// Which.
        engine: Kind,
        /// What it was asked for.
        what: String,
        /// Its own words, cut to what can be shown.
        said: String,
    },
    /// Its answer is not what its documentation says.
    #[error("cannot understand what {engine} says of {what}: {source}")]
    Answer {
        /// Which.
        engine: Kind,
        /// Of what.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The kernel did not say.
    #[error(transparent)]
    Observe(#[from] ObserveError),
}

/// Where the engines of a host are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engines {
    /// Docker's socket; `None`: the usual one, if it is there.
    pub docker: Option<PathBuf>,
    /// The podman program; `None`: the one in `PATH`, if it was ever used.
    pub podman: Option<PathBuf>,
    /// containerd's state directory; `None`: the usual one, if it is there.
    pub containerd: Option<PathBuf>,
    /// Whether engines that are not named are looked for at the usual places.
    pub usual: bool,
}

/// What one engine answered.
pub type Answer = (Kind, Result<Vec<Container>, EngineError>);

impl Engines {
    /// Docker's socket. dockerd(8).
    const DOCKER: &str = "/run/docker.sock";
    /// podman's store; without it podman was never used, and would make it when asked.
    const PODMAN_STORE: &str = "/var/lib/containers/storage";
    /// containerd's state. containerd-config.toml(5).
    const CONTAINERD: &str = "/run/containerd";

    fn docker(&self) -> Option<PathBuf> {
        self.at(self.docker.as_ref(), Self::DOCKER, Self::DOCKER)
    }

    fn podman(&self) -> Option<PathBuf> {
        self.at(self.podman.as_ref(), Self::PODMAN_STORE, "podman")
    }

    fn containerd(&self) -> Option<PathBuf> {
        self.at(self.containerd.as_ref(), Self::CONTAINERD, Self::CONTAINERD)
    }

    fn at(&self, named: Option<&PathBuf>, sign: &str, usual: &str) -> Option<PathBuf> {
        let looked_for = || (self.usual && PathBuf::from(sign).exists()).then(|| PathBuf::from(usual));
        named.cloned().or_else(looked_for)
    }

    /// The containers of every engine that is there, running or not, and what engine did not say. One that
    /// starts or ends meanwhile may be missing.
    pub fn containers(&self) -> Vec<Answer> {
        let kinds = [Kind::Docker, Kind::Podman, Kind::Containerd, Kind::Buildkit];
        kinds.into_iter().filter_map(|kind| self.containers_of(kind)).collect()
    }

    /// The same of one engine; `None`: it is not there.
    pub fn containers_of(&self, engine: Kind) -> Option<Answer> {
        let answer = match engine {
            Kind::Docker => docker::containers(&self.docker()?),
            Kind::Podman => podman::containers(&self.podman()?),
            Kind::Containerd => containerd::containers(&self.containerd()?),
            Kind::Buildkit => buildkit::containers(),
        };
        Some((engine, answer))
    }

    /// Follows what these engines start and end, from now on.
    pub fn follow(&self) -> Result<Follower, EngineError> {
        let mut follower = Follower::new();
        if let Some(at) = self.docker() {
            docker::follow(&at, &mut follower)?;
        }
        if let Some(at) = self.podman() {
            podman::follow(&at, &mut follower)?;
        }
        if let Some(at) = self.containerd() {
            containerd::follow(&at, &mut follower)?;
        }
        Ok(follower)
    }
}

/// Text of others, cut to a line that can be shown.
fn shown(text: &[u8]) -> String {
    crate::error::FormatError::new("", text).text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_their_ends_and_beginnings_of_ids_are_meant() {
        let container = Container {
            engine: Kind::Containerd,
            id: "abcdef".to_owned(),
            name: "default/web/server".to_owned(),
            pid: None,
            bundle: None,
            image: String::new(),
            digest: None,
            runtime: String::new(),
            labels: BTreeMap::new(),
        };
        for text in ["default/web/server", "web/server", "server", "abcdef", "ab"] {
            assert!(container.is_meant_by(text), "{text}");
        }
        for text in ["erver", "web", "", "a", "abcdefg", "bc"] {
            assert!(!container.is_meant_by(text), "{text}");
        }
    }

    #[test]
    fn nothing_is_looked_for_where_only_named_engines_count() {
        let none = Engines { docker: None, podman: None, containerd: None, usual: false };
        assert_eq!((none.docker(), none.podman(), none.containerd()), (None, None, None));
    }
}
