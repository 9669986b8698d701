//! `buildkitd.toml` of a buildkitd of its own: the program of the OCI worker, and what the containerd worker has its
//! shim start. It has no other way to start a step, so that there is no default to be chosen.
//! moby/buildkit, docs/buildkitd.toml.md; `worker.containerd.runtime` is of 0.13, and earlier ones ignore it.

use super::podman::{restore, set};
use super::{EditError, Edited, Engine, Wish, is_ours, toml};

pub(super) const ENGINE: Engine = Engine {
    name: "buildkit",
    title: "a buildkitd of its own",
    config: "/etc/buildkit/buildkitd.toml",
    edit,
    says_nothing: |text| text.trim().is_empty(),
    check: None,
    next: "systemctl restart buildkit; a builder of buildx is made anew: docker buildx create --buildkitd-config FILE",
    goes_by_name: false,
    ask: None,
    warnings: &[],
};

/// What the workers start.
const PROGRAMS: [&[&str]; 2] =
    [&["worker", "oci", "binary"], &["worker", "containerd", "runtime", "options", "BinaryName"]];

/// The kind of the containerd worker's runtime, which must be one that starts such a program.
const KIND: &[&str] = &["worker", "containerd", "runtime", "name"];
const RUNC: &str = "io.containerd.runc.v2";

/// The edited text.
fn edit(text: &str, before: Option<&str>, wish: Wish<'_>) -> Result<Edited, EditError> {
    let mut document = toml::parse(text)?;
    let before = before.and_then(|before| toml::parse(before).ok()).unwrap_or_default();
    let kind = toml::text(&document, KIND)?.map(str::to_owned);
    let mut changes = Vec::new();
    let mut ours = false;
    for path in PROGRAMS {
        let found = toml::text(&document, path)?.map(str::to_owned);
        let is_ours = found.as_deref().is_some_and(is_ours);
        ours |= is_ours;
        match wish {
            Wish::Install { program, .. } if found.as_deref() != Some(program) => {
                set(&mut document, path, program)?;
                let instead = found.map(|name| format!(" instead of {name}")).unwrap_or_default();
                changes.push(format!("{} is {program}{instead}", path.join(".")));
            }
            Wish::Undo if is_ours => {
                let (_, above) = path.split_last().unwrap_or((&"", &[]));
                let change = restore(&mut document, &before, path)?;
                changes.push(format!("{}.{change}", above.join(".")));
            }
            Wish::Install { .. } | Wish::Undo => {}
        }
    }
    match (wish, kind.as_deref()) {
        (Wish::Install { .. }, None) => set(&mut document, KIND, RUNC)?,
        (Wish::Install { .. }, Some(RUNC)) => {}
        (Wish::Install { .. }, Some(other)) => {
            return Err(EditError::Taken { key: KIND.join("."), found: other.to_owned() });
        }
        (Wish::Undo, _) if ours && toml::text(&before, KIND).ok().flatten().is_none() => {
            toml::remove(&mut document, KIND, &before)?;
        }
        (Wish::Undo, _) => {}
    }
    let text = if changes.is_empty() { text.to_owned() } else { document.to_string() };
    Ok(Edited { text, changes, warnings: Vec::new() })
}
