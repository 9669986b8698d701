//! What dockerd's own BuildKit starts steps with: a drop-in of its unit, for dockerd takes it from its environment
//! alone. moby, builder/builder-next/executor_linux.go: `DOCKER_BUILDKIT_RUNC_COMMAND` since 25.0, before it the `runc`
//! in `PATH`. systemd.unit(5), systemd.exec(5).

use super::{EditError, Edited, Engine, Wish};
use std::io;
use std::process::{Command, Stdio};

pub(super) const ENGINE: Engine = Engine {
    name: "docker-buildkit",
    title: "the BuildKit inside dockerd: `docker build`",
    config: "/etc/systemd/system/docker.service.d/stockade.conf",
    edit,
    says_nothing: |text| text.is_empty(),
    check: None,
    next: "systemctl daemon-reload, then systemctl restart docker (its environment is read at its start; containers end \
           with it unless `live-restore` is set)",
    goes_by_name: true,
    ask: None,
    warnings: &[],
};

/// How the file begins: nobody else writes it.
const HEAD: &str = "# Written by `stockade install docker-buildkit`, which takes it away with --undo.\n";

/// The first version with a variable for it.
const WITH_VARIABLE: u32 = 25;

/// `PATH` of a unit that says nothing of it. systemd.exec(5), with the directories of older systems.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The whole file, or nothing.
fn edit(text: &str, _: Option<&str>, wish: Wish<'_>) -> Result<Edited, EditError> {
    if !is_ours(text) && !text.is_empty() {
        return match wish {
            // Undone it would lose what somebody has added.
            Wish::Undo if !text.starts_with(HEAD) => {
                Ok(Edited { text: text.to_owned(), changes: Vec::new(), warnings: Vec::new() })
            }
            _ => Err(EditError::Foreign),
        };
    }
    let (new, change, warnings) = match wish {
        Wish::Install { program, as_runc, .. } => {
            let version = dockerd()?;
            let warnings = version.is_none().then(|| {
                format!("there is no dockerd to be asked for its version: one before {WITH_VARIABLE}.0 needs this again")
            });
            let old = version.is_some_and(|major| major < WITH_VARIABLE);
            let assignment = if old {
                format!("PATH={as_runc}:{PATH}")
            } else {
                format!("DOCKER_BUILDKIT_RUNC_COMMAND={program}")
            };
            let text = format!("{HEAD}[Service]\nEnvironment={}\n", quoted(&assignment));
            (text, format!("dockerd's environment has {assignment}"), warnings)
        }
        Wish::Undo => (String::new(), "dockerd's environment is its own again".to_owned(), None),
    };
    let changes = if new == text { Vec::new() } else { vec![change] };
    Ok(Edited { text: new, changes, warnings: warnings.into_iter().collect() })
}

/// Whether a file has what is written here, and nothing more.
fn is_ours(text: &str) -> bool {
    let assignment = text.strip_prefix(HEAD).and_then(|rest| rest.strip_prefix("[Service]\nEnvironment=\""));
    assignment.and_then(|rest| rest.strip_suffix("\"\n")).is_some_and(|assignment| !assignment.contains('\n'))
}

/// An assignment as a unit has it: `%` begins a specifier, and words end at spaces. systemd.unit(5), systemd.syntax(7).
fn quoted(assignment: &str) -> String {
    let escaped = assignment.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    format!("\"{escaped}\"")
}

/// The major version of the dockerd in `PATH`, if there is one: `Docker version 20.10.24+dfsg1, build …`.
fn dockerd() -> Result<Option<u32>, EditError> {
    let unknown = |said: &str| EditError::Dockerd { said: said.trim().to_owned() };
    let output = match Command::new("dockerd").arg("--version").stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unknown(&error.to_string())),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let version = || said.split_whitespace().nth(2)?.split('.').next()?.parse().ok();
    version().map(Some).ok_or_else(|| unknown(&said))
}

#[cfg(test)]
mod tests {
    use super::{HEAD, is_ours, quoted};

    #[test]
    fn what_somebody_added_is_not_ours() {
        let written = format!("{HEAD}[Service]\nEnvironment={}\n", quoted("PATH=/usr/lib/stockade:/bin"));
        assert!(is_ours(&written));
        assert!(!is_ours(&format!("{written}Environment=\"HTTP_PROXY=http://proxy\"\n")));
        assert!(!is_ours(&written.replace(HEAD, "")));
    }

    #[test]
    fn assignments_reach_the_unit_as_they_are() {
        assert_eq!(quoted("A=/usr/bin/x"), "\"A=/usr/bin/x\"");
        assert_eq!(quoted("A=/a b/100%"), "\"A=/a b/100%%\"");
        assert_eq!(quoted("A=\"\\"), "\"A=\\\"\\\\\"");
    }
}
