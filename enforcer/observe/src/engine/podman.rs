//! podman, by its own command: it has no daemon, and its database is its own business. podman(1).

use super::follow::{Event, Follower, WORTH_A_LOOK};
use super::{Container, EngineError, Kind, LIMIT, PATIENCE, shown};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

/// Of `podman inspect` what is asked for here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: String,
    #[serde(default)]
    image_name: String,
    /// Of the image's manifest; empty where it has none.
    #[serde(default)]
    image_digest: String,
    #[serde(default)]
    static_dir: PathBuf,
    #[serde(rename = "OCIRuntime", default)]
    runtime: String,
    state: State,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    pid: u32,
    running: bool,
    paused: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

/// Of `podman events` what is followed.
#[derive(Deserialize)]
struct Happened {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Status")]
    status: String,
}

pub(super) fn containers(program: &Path) -> Result<Vec<Container>, EngineError> {
    let listed = output(program, &["ps", "--all", "--quiet", "--no-trunc"])?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let mut all = Vec::new();
    // One at a time: of several, one that was removed meanwhile fails them all.
    for id in listed.split_whitespace() {
        let content = match output(program, &["inspect", "--type", "container", "--format", "json", id]) {
            Ok(content) => content,
            Err(EngineError::Refused { said, .. }) if said.contains("no such") => continue,
            Err(error) => return Err(error),
        };
        let found: Vec<Inspected> = serde_json::from_slice(&content).map_err(|source| {
            EngineError::Answer { engine: Kind::Podman, what: format!("the container {id}"), source }
        })?;
        all.extend(found.into_iter().map(|found| {
            let mut labels = found.config.annotations.unwrap_or_default();
            labels.extend(found.config.labels.unwrap_or_default());
            let alive = found.state.running || found.state.paused;
            Container {
                engine: Kind::Podman,
                id: found.id,
                name: found.name,
                pid: Some(found.state.pid).filter(|pid| alive && *pid != 0),
                bundle: Some(found.static_dir).filter(|path| path.is_absolute()),
                image: found.image_name,
                digest: Some(found.image_digest).filter(|digest| !digest.is_empty()),
                runtime: found.runtime,
                labels,
            }
        }));
    }
    Ok(all)
}

/// Ends with whoever holds it.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(program: &Path) -> impl Fn(io::Error) -> EngineError {
    |source| EngineError::Ask { engine: Kind::Podman, at: program.to_owned(), source }
}

fn spawn(program: &Path, arguments: &[&str]) -> Result<Ending, EngineError> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map(Ending).map_err(ask(program))
}

/// What `podman ARGUMENTS` prints, within bounds of size and time.
fn output(program: &Path, arguments: &[&str]) -> Result<Vec<u8>, EngineError> {
    let mut child = spawn(program, arguments)?;
    let pipes = (child.0.stdout.take(), child.0.stderr.take());
    let (Some(stdout), Some(stderr)) = pipes else {
        return Err(ask(program)(io::Error::other("it has no output")));
    };
    let (send, receive) = mpsc::channel();
    let bounded = |from: Box<dyn Read + Send>| {
        let send = send.clone();
        move |which: usize| {
            let mut content = Vec::new();
            let most = u64::try_from(LIMIT).unwrap_or(u64::MAX);
            let read = from.take(most).read_to_end(&mut content).map(|_| (which, content));
            // Nobody waits any more where it took too long.
            let _ = send.send(read);
        }
    };
    let (first, second) = (bounded(Box::new(stdout)), bounded(Box::new(stderr)));
    std::thread::spawn(move || first(0));
    std::thread::spawn(move || second(1));
    let mut contents = [Vec::new(), Vec::new()];
    for _ in 0..contents.len() {
        let late = || io::Error::new(io::ErrorKind::TimedOut, "it does not answer");
        let read = receive.recv_timeout(PATIENCE).map_err(|_| late()).and_then(|read| read);
        let (which, content) = read.map_err(ask(program))?;
        contents[which] = content;
    }
    let status = child.0.wait().map_err(ask(program))?;
    let [stdout, stderr] = contents;
    if !status.success() {
        let what = arguments.join(" ");
        return Err(EngineError::Refused { engine: Kind::Podman, what, said: shown(&stderr) });
    }
    Ok(stdout)
}

/// Follows `podman events`, which goes on until it is ended.
pub(super) fn follow(program: &Path, follower: &mut Follower) -> Result<(), EngineError> {
    let mut child = spawn(program, &["events", "--format", "json", "--filter", "type=container"])?;
    let (Some(stdout), Some(mut stderr)) = (child.0.stdout.take(), child.0.stderr.take()) else {
        return Err(ask(program)(io::Error::other("it has no output")));
    };
    // Read, so that it never waits for a reader.
    std::thread::spawn(move || io::copy(&mut stderr, &mut io::sink()));
    follower.lines(Kind::Podman, BufReader::new(stdout), |line| {
        let happened: Happened = serde_json::from_slice(line).ok()?;
        WORTH_A_LOOK
            .contains(&happened.status.as_str())
            .then_some(Event { engine: Kind::Podman, id: happened.id })
    });
    follower.holds(child);
    Ok(())
}
