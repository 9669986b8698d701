//! `daemon.json`: `runtimes.stockade` and `default-runtime`. dockerd(8).

use super::{Check, EditError, Edited, Engine, RUNTIME, Wish, is_ours, json};
use serde_json::{Value, json};

const DEFAULT: &str = "default-runtime";

pub(super) const ENGINE: Engine = Engine {
    name: "docker",
    title: "Docker Engine",
    config: "/etc/docker/daemon.json",
    edit,
    says_nothing: |text| text.chars().filter(|c| !c.is_whitespace()).eq("{}".chars()),
    // 23.0
    check: Some(Check {
        program: "dockerd",
        option: "--validate",
        arguments: &["--validate", "--config-file", "FILE"],
    }),
    next: "systemctl reload docker (runtimes and the default are read again; running containers stay)",
    goes_by_name: false,
    ask: Some("docker run --runtime stockade IMAGE"),
    warnings: &[
        "BuildKit ignores the default runtime: `stockade install docker-buildkit` takes care of `docker build`, and \
         `stockade install buildkit` of a buildkitd of its own",
        "containers that exist keep their runtime until they are created anew",
    ],
};

/// The edited text.
pub(super) fn edit(text: &str, before: Option<&str>, wish: Wish<'_>) -> Result<Edited, EditError> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let document = checked(text)?;
    let before = before.and_then(|before| json::parse(before).ok()).unwrap_or_default();
    let mut edited = Edited { text: text.to_owned(), changes: Vec::new(), warnings: Vec::new() };
    match wish {
        Wish::Install { program, default, .. } => install(&document, program, default, &mut edited)?,
        Wish::Undo => undo(&document, &before, &mut edited)?,
    }
    Ok(edited)
}

/// The document, whose keys are what they should be.
fn checked(text: &str) -> Result<Value, EditError> {
    let document = json::parse(text)?;
    let kind = |key: &str, expected| EditError::Kind { key: key.to_owned(), expected };
    if !document.is_object() {
        return Err(kind("daemon.json", "object"));
    }
    match document.get("runtimes") {
        None | Some(Value::Object(_)) => {}
        Some(_) => return Err(kind("runtimes", "object")),
    }
    match document.get(DEFAULT) {
        None | Some(Value::String(_)) => Ok(document),
        Some(_) => Err(kind(DEFAULT, "text")),
    }
}

/// The program that the name stands for, where it is this project's.
fn registered(document: &Value) -> Result<Option<&Value>, EditError> {
    let Some(entry) = document.get("runtimes").and_then(|runtimes| runtimes.get(RUNTIME)) else {
        return Ok(None);
    };
    match entry.get("path").and_then(Value::as_str) {
        Some(path) if is_ours(path) => Ok(Some(entry)),
        _ => Err(EditError::Taken { key: format!("runtimes.{RUNTIME}"), found: entry.to_string() }),
    }
}

fn install(document: &Value, program: &str, default: bool, edited: &mut Edited) -> Result<(), EditError> {
    let same = registered(document)?.is_some_and(|entry| entry["path"] == program);
    if !same {
        // Arguments that an administrator added stay.
        let path: &[&str] = if registered(document)?.is_some() {
            &["runtimes", RUNTIME, "path"]
        } else {
            &["runtimes", RUNTIME]
        };
        let value = if path.len() == 3 { json!(program) } else { json!({"path": program}) };
        edited.text = json::set(&edited.text, path, &value)?;
        edited.changes.push(format!("runtimes.{RUNTIME} is {program}"));
    }
    if default && document[DEFAULT] != RUNTIME {
        edited.text = json::set(&edited.text, &[DEFAULT], &json!(RUNTIME))?;
        let instead =
            document[DEFAULT].as_str().map(|name| format!(" instead of {name}")).unwrap_or_default();
        edited.changes.push(format!("{DEFAULT} is {RUNTIME}{instead}"));
    }
    Ok(())
}

fn undo(document: &Value, before: &Value, edited: &mut Edited) -> Result<(), EditError> {
    if document[DEFAULT] == RUNTIME {
        match before.get(DEFAULT).and_then(Value::as_str).filter(|name| *name != RUNTIME) {
            Some(name) => {
                edited.text = json::set(&edited.text, &[DEFAULT], &json!(name))?;
                edited.changes.push(format!("{DEFAULT} is {name} again"));
            }
            None => {
                edited.text = json::remove(&edited.text, &[DEFAULT])?;
                edited.changes.push(format!("{DEFAULT} is Docker's own again"));
            }
        }
    }
    if registered(document)?.is_none() {
        return Ok(());
    }
    let alone = document["runtimes"].as_object().is_some_and(|runtimes| runtimes.len() == 1);
    let path: &[&str] =
        if alone && before.get("runtimes").is_none() { &["runtimes"] } else { &["runtimes", RUNTIME] };
    edited.text = json::remove(&edited.text, path)?;
    edited.changes.push(format!("runtimes.{RUNTIME} is taken out"));
    Ok(())
}
