//! The table of the init's calls, against the calls that it makes.

use crate::ended::Ended;
use crate::scene::{Scene, probe_program};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use stockade_policy::seccomp::outer::CALLS;
use stockade_policy::vocab::Arch;

/// A scene in which everything of the host may be read and executed, so that the init runs outside of a container; one
/// of its rules is on a file and names rights that only directories have.
pub(crate) fn on_the_host() -> Scene {
    let probe = probe_program();
    Scene::new(&format!(
        "
extends: [restricted]
files:
  read: [/, {directory}]
  execute: [/, {directory}]
  write: [{probe}, /none/at/all]
",
        // The build may lie where the profile hides what there is.
        directory = probe.parent().unwrap().display(),
        probe = probe.display(),
    ))
}

/// One line of strace with raw arguments.
pub(crate) struct Line {
    pub(crate) call: String,
    arguments: [u64; 6],
}

/// The init by itself under strace, which is told `more`; the calls it made up to the exec of its command.
pub(crate) fn traced(scene: &Scene, more: &[&str], command: &[&str]) -> (Ended, Vec<Line>) {
    let trace = scene.directory().join("trace");
    let output = Command::new("setpriv")
        .args(["--no-new-privs", "strace", "-qq", "-X", "raw", "-e", "raw=all", "-e", "signal=none", "-o"])
        .arg(&trace)
        .args(["-E", &path()])
        .args(more)
        .arg(&scene.init)
        .args(command)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = fs::read_to_string(&trace).unwrap();
    // The first one is strace's own, which starts the init.
    let mut lines: Vec<Line> = text.lines().skip(1).filter_map(line).collect();
    if let Some(exec) = lines.iter().position(|line| line.call == "execve") {
        lines.truncate(exec + 1);
        // Where that exec fails, the init speaks and ends.
        let after = text.lines().skip(exec + 2).filter_map(line);
        if !Ended::from(output.clone()).reached_the_command() {
            lines.extend(after);
        }
    }
    (Ended::from(output), lines)
}

/// Where the probe is, behind entries in which it is not.
fn path() -> String {
    format!("PATH=/none:{}", probe_program().parent().map(Path::display).unwrap())
}

fn line(text: &str) -> Option<Line> {
    let (call, rest) = text.split_once('(')?;
    let (inside, _) = rest.split_once(')')?;
    let mut arguments = [0; 6];
    for (place, value) in arguments.iter_mut().zip(inside.split(", ").filter(|value| !value.is_empty())) {
        let digits = value.strip_prefix("0x");
        *place = digits.map_or_else(|| value.parse().unwrap(), |hex| u64::from_str_radix(hex, 16).unwrap());
    }
    Some(Line { call: call.to_owned(), arguments })
}

#[test]
fn the_table_is_what_the_init_calls() {
    needs!("init-calls", "strace", "setpriv");
    let scene = on_the_host();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let mut values = BTreeSet::new();
    for command in [&["probe"][..], &["nothing"], &["/none"], &[]] {
        let (ended, lines) = traced(&scene, &[], command);
        assert_eq!(ended.reached_the_command(), command == ["probe"], "{ended:?}");
        for line in lines {
            seen.insert(line.call.clone());
            if line.call == "execve" {
                continue;
            }
            let rows = CALLS.iter().filter(|row| row.name == line.call);
            let [row] = rows.collect::<Vec<_>>()[..] else { panic!("{} is not in the table", line.call) };
            let holds = row.condition(Arch::X86_64).holds(&line.arguments);
            assert!(holds, "{}: {:x?}", line.call, line.arguments);
            values.extend(row.only.map(|(at, _)| (row.name, line.arguments[usize::from(at)])));
        }
    }
    let table: BTreeSet<String> =
        CALLS.iter().map(|row| row.name).chain(["execve"]).map(str::to_owned).collect();
    assert_eq!(seen, table);
    let allowed: BTreeSet<(&str, u64)> = CALLS
        .iter()
        .filter_map(|row| row.only.map(|(_, values)| (row.name, values)))
        .flat_map(|(name, values)| values.iter().map(move |value| (name, *value)))
        .collect();
    assert_eq!(values, allowed, "every value that the table lets through is used");
}
