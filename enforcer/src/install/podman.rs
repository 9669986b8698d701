//! `containers.conf`: `engine.runtimes.stockade` and `engine.runtime`. containers.conf(5).

use super::{EditError, Edited, Engine, RUNTIME, Wish, is_ours, toml};
use toml_edit::{Array, DocumentMut, value};

const RUNTIMES: [&str; 2] = ["engine", "runtimes"];
const DEFAULT: [&str; 2] = ["engine", "runtime"];

pub(super) const ENGINE: Engine = Engine {
    name: "podman",
    title: "Podman",
    config: "/etc/containers/containers.conf",
    edit,
    says_nothing: |text| text.trim().is_empty(),
    check: None,
    next: "nothing: podman reads the file at every start",
    goes_by_name: false,
    ask: Some("podman --runtime stockade run IMAGE"),
    warnings: &[],
};

/// The edited text.
pub(super) fn edit(text: &str, before: Option<&str>, wish: Wish<'_>) -> Result<Edited, EditError> {
    let mut document = toml::parse(text)?;
    let before = before.and_then(|before| toml::parse(before).ok()).unwrap_or_default();
    let registered = registered(&document)?;
    let default_now = toml::text(&document, &DEFAULT)?.map(str::to_owned);
    let mut changes = Vec::new();
    match wish {
        Wish::Install { program, default, .. } => {
            if registered.as_deref() != Some(program) {
                let paths = Array::from_iter([program]);
                toml::make(&mut document, &RUNTIMES)?.insert(RUNTIME, value(paths));
                changes.push(format!("engine.runtimes.{RUNTIME} is {program}"));
            }
            if default && default_now.as_deref() != Some(RUNTIME) {
                set(&mut document, &DEFAULT, RUNTIME)?;
                let instead = default_now.map(|name| format!(" instead of {name}")).unwrap_or_default();
                changes.push(format!("engine.runtime is {RUNTIME}{instead}"));
            }
        }
        Wish::Undo => {
            if default_now.as_deref() == Some(RUNTIME) {
                changes.push(restore(&mut document, &before, &DEFAULT)?);
            }
            if registered.is_some() {
                toml::remove(&mut document, &["engine", "runtimes", RUNTIME], &before)?;
                changes.push(format!("engine.runtimes.{RUNTIME} is taken out"));
            }
        }
    }
    let text = if changes.is_empty() { text.to_owned() } else { document.to_string() };
    Ok(Edited { text, changes, warnings: Vec::new() })
}

/// Sets the text at `path`, in place where there is one.
pub(super) fn set(document: &mut DocumentMut, path: &[&str], text: &str) -> Result<(), EditError> {
    let Some((key, above)) = path.split_last() else { return Ok(()) };
    let table = toml::make(document, above)?;
    match table.get_mut(key).and_then(|item| item.as_value_mut()) {
        Some(found) => {
            // The comment behind it stays.
            let decor = found.decor().clone();
            *found = text.into();
            *found.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(text));
        }
    }
    Ok(())
}

/// The default as it was before, or none.
pub(super) fn restore(
    document: &mut DocumentMut,
    before: &DocumentMut,
    path: &[&str],
) -> Result<String, EditError> {
    let key = path.last().copied().unwrap_or_default();
    match toml::text(before, path).ok().flatten().filter(|name| *name != RUNTIME && !is_ours(name)) {
        Some(name) => {
            set(document, path, name)?;
            Ok(format!("{key} is {name} again"))
        }
        None => {
            toml::remove(document, path, before)?;
            Ok(format!("{key} is the engine's own again"))
        }
    }
}

/// The program that the name stands for.
fn registered(document: &DocumentMut) -> Result<Option<String>, EditError> {
    let Some(item) = toml::table(document, &RUNTIMES)?.and_then(|runtimes| runtimes.get(RUNTIME)) else {
        return Ok(None);
    };
    let paths: Vec<&str> = item.as_array().into_iter().flatten().filter_map(|path| path.as_str()).collect();
    match paths.first() {
        Some(path) if is_ours(path) => Ok(Some((*path).to_owned())),
        _ => Err(EditError::Taken {
            key: format!("engine.runtimes.{RUNTIME}"),
            found: item.to_string().trim().to_owned(),
        }),
    }
}
