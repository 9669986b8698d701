//! Docker, by the Engine API. <https://docs.docker.com/reference/api/engine/>

use super::follow::{Event, Follower};
use super::unix_http::{self, Response};
use super::{Container, EngineError, Kind, LIMIT, shown};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// One of `/containers/json`.
#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Id")]
    id: String,
}

/// Of `/containers/ID/json` what is asked for here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    id: String,
    name: String,
    image: String,
    state: State,
    host_config: HostConfig,
    config: Config,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    pid: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HostConfig {
    #[serde(default)]
    runtime: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    #[serde(default)]
    image: String,
    labels: Option<BTreeMap<String, String>>,
}

/// Of `/events` what is followed.
#[derive(Deserialize)]
struct Happened {
    id: String,
    #[serde(rename = "Action")]
    action: String,
}

pub(super) fn containers(socket: &Path) -> Result<Vec<Container>, EngineError> {
    let listed: Vec<Listed> = asked(socket, "/containers/json?all=1")?.unwrap_or_default();
    let mut all = Vec::new();
    for Listed { id } in listed {
        // What goes into a request is an id and nothing else.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let said = shown(id.as_bytes());
            return Err(EngineError::Refused { engine: Kind::Docker, what: "an id".to_owned(), said });
        }
        // Removed meanwhile where there is none.
        let Some(found) = asked::<Inspected>(socket, &format!("/containers/{id}/json"))? else { continue };
        all.push(Container {
            engine: Kind::Docker,
            id: found.id,
            name: found.name.trim_start_matches('/').to_owned(),
            pid: Some(found.state.pid).filter(|pid| *pid != 0),
            bundle: None,
            image: found.config.image,
            digest: Some(found.image),
            runtime: found.host_config.runtime,
            labels: found.config.labels.unwrap_or_default(),
        });
    }
    Ok(all)
}

/// Asks for one document; `None`: there is no such thing.
fn asked<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<Option<T>, EngineError> {
    let response = open(socket, path)?;
    let status = response.status;
    let body = response.bytes(LIMIT).map_err(|source| ask(socket, source))?;
    match status {
        200 => serde_json::from_slice(&body).map(Some).map_err(|source| answer(path, source)),
        404 => Ok(None),
        _ => Err(EngineError::Refused { engine: Kind::Docker, what: path.to_owned(), said: shown(&body) }),
    }
}

fn open(socket: &Path, path: &str) -> Result<Response, EngineError> {
    unix_http::get(socket, path).map_err(|source| ask(socket, source))
}

fn ask(at: &Path, source: io::Error) -> EngineError {
    EngineError::Ask { engine: Kind::Docker, at: at.to_owned(), source }
}

fn answer(what: &str, source: serde_json::Error) -> EngineError {
    EngineError::Answer { engine: Kind::Docker, what: what.to_owned(), source }
}

/// Follows `/events`: the answer ends with the daemon.
pub(super) fn follow(socket: &Path, follower: &mut Follower) -> Result<(), EngineError> {
    // {"type":["container"]}
    let response = open(socket, "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D")?;
    if response.status != 200 {
        let said = response.bytes(LIMIT).map_err(|source| ask(socket, source))?;
        return Err(EngineError::Refused {
            engine: Kind::Docker,
            what: "its events".to_owned(),
            said: shown(&said),
        });
    }
    // Nothing may happen for days.
    response.body.get_ref().set_read_timeout(None).map_err(|source| ask(socket, source))?;
    follower.lines(Kind::Docker, response.body, |line| {
        let happened: Happened = serde_json::from_slice(line).ok()?;
        // "exec_start: COMMAND"
        let action = happened.action.split(':').next()?;
        super::follow::WORTH_A_LOOK
            .contains(&action)
            .then_some(Event { engine: Kind::Docker, id: happened.id })
    });
    Ok(())
}
