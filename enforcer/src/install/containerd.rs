//! containerd's `config.toml`: a runtime of the CRI plugin and its default. containerd-config.toml(5),
//! containerd, docs/cri/config.md.

use super::podman::{restore, set};
use super::{Check, EditError, Edited, Engine, RUNTIME, Wish, is_ours, toml};
use toml_edit::{Array, DocumentMut, value};

/// The plugin that holds the runtimes, by the version of the file.
const PLUGINS: [(i64, &str); 2] = [(2, "io.containerd.grpc.v1.cri"), (3, "io.containerd.cri.v1.runtime")];

/// Annotations of pods and containers that reach the runtime.
const ANNOTATIONS: &str = "io.stockade.*";

pub(super) const ENGINE: Engine = Engine {
    name: "containerd",
    title: "containerd's CRI plugin, as Kubernetes uses it",
    config: "/etc/containerd/config.toml",
    edit,
    says_nothing: |text| matches!(text.trim(), "" | "version = 2"),
    check: Some(Check {
        program: "containerd",
        option: "--config",
        arguments: &["--config", "FILE", "config", "dump"],
    }),
    next: "systemctl restart containerd (running containers stay)",
    goes_by_name: false,
    ask: Some("a RuntimeClass with `handler: stockade`, and pods with `runtimeClassName`"),
    warnings: &[],
};

/// The edited text.
pub(super) fn edit(text: &str, before: Option<&str>, wish: Wish<'_>) -> Result<Edited, EditError> {
    let mut document = toml::parse(text)?;
    let empty = document.as_table().is_empty();
    let plugin = match version(&document, empty)? {
        Some(plugin) => plugin,
        // Nothing of ours can stand in a file of version 1.
        None if wish == Wish::Undo => {
            return Ok(Edited { text: text.to_owned(), changes: Vec::new(), warnings: Vec::new() });
        }
        None => return Err(EditError::Version(1)),
    };
    let before = before.and_then(|before| toml::parse(before).ok()).unwrap_or_default();
    let runtime = ["plugins", plugin, "containerd", "runtimes", RUNTIME];
    let default_path = ["plugins", plugin, "containerd", "default_runtime_name"];
    let registered = registered(&document, &runtime)?;
    let default_now = toml::text(&document, &default_path)?.map(str::to_owned);
    let (mut changes, mut warnings) = (Vec::new(), Vec::new());
    match wish {
        Wish::Install { program, default, .. } => {
            warnings.extend(disabled(&document, plugin));
            if empty {
                document.insert("version", value(2));
            }
            if registered.as_deref() != Some(program) {
                register(&mut document, &runtime, plugin, program)?;
                changes.push(format!("the CRI runtime {RUNTIME} is {program}"));
            }
            if default && default_now.as_deref() != Some(RUNTIME) {
                set(&mut document, &default_path, RUNTIME)?;
                let instead = default_now.map(|name| format!(" instead of {name}")).unwrap_or_default();
                changes.push(format!("default_runtime_name is {RUNTIME}{instead}"));
            }
        }
        Wish::Undo => {
            if default_now.as_deref() == Some(RUNTIME) {
                changes.push(restore(&mut document, &before, &default_path)?);
            }
            if registered.is_some() {
                toml::remove(&mut document, &runtime, &before)?;
                changes.push(format!("the CRI runtime {RUNTIME} is taken out"));
            }
        }
    }
    let text = if changes.is_empty() { text.to_owned() } else { document.to_string() };
    Ok(Edited { text, changes, warnings })
}

/// The plugin of the file's version; `None` is version 1, which a file without a version has.
fn version(document: &DocumentMut, empty: bool) -> Result<Option<&'static str>, EditError> {
    let Some(item) = document.get("version") else {
        return Ok(empty.then_some(PLUGINS[0].1));
    };
    let kind = || EditError::Kind { key: "version".to_owned(), expected: "number" };
    match item.as_integer().ok_or_else(kind)? {
        1 => Ok(None),
        version => {
            let known = PLUGINS.iter().find(|(known, _)| *known == version);
            known.map(|(_, plugin)| Some(*plugin)).ok_or(EditError::Version(version))
        }
    }
}

fn register(
    document: &mut DocumentMut,
    runtime: &[&str; 5],
    plugin: &str,
    program: &str,
) -> Result<(), EditError> {
    // How containers get their cgroups is the host's matter, and runc's entry says it.
    let runc = ["plugins", plugin, "containerd", "runtimes", "runc", "options"];
    let systemd = toml::table(document, &runc)?.and_then(|options| options.get("SystemdCgroup")?.as_bool());
    let annotations = || value(Array::from_iter([ANNOTATIONS]));
    let table = toml::make(document, runtime)?;
    table.insert("runtime_type", value("io.containerd.runc.v2"));
    table.insert("pod_annotations", annotations());
    table.insert("container_annotations", annotations());
    let options: Vec<&str> = runtime.iter().copied().chain(["options"]).collect();
    let options = toml::make(document, &options)?;
    options.insert("BinaryName", value(program));
    if let Some(systemd) = systemd {
        options.insert("SystemdCgroup", value(systemd));
    }
    Ok(())
}

/// The program that the name stands for.
fn registered(document: &DocumentMut, runtime: &[&str; 5]) -> Result<Option<String>, EditError> {
    if toml::table(document, runtime)?.is_none() {
        return Ok(None);
    }
    let path: Vec<&str> = runtime.iter().copied().chain(["options", "BinaryName"]).collect();
    match toml::text(document, &path)? {
        Some(program) if is_ours(program) => Ok(Some(program.to_owned())),
        found => Err(EditError::Taken {
            key: format!("runtimes.{RUNTIME}"),
            found: found.map_or_else(|| "without options.BinaryName".to_owned(), str::to_owned),
        }),
    }
}

/// Docker's package of containerd turns the plugin off.
fn disabled(document: &DocumentMut, plugin: &str) -> Option<String> {
    let disabled = document.get("disabled_plugins")?.as_array()?;
    let cri = disabled.iter().filter_map(|name| name.as_str()).any(|name| name == plugin);
    cri.then(|| "`disabled_plugins` turns the CRI plugin off, whose runtime this is".to_owned())
}
