//! The command, and what it found.

use crate::ended::Ended;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// What Docker's default has open, whatever its version.
pub(crate) const OPEN_BY_DEFAULT: [&str; 10] = [
    "become_other",
    "execute_memory",
    "make_disk",
    "make_memory_device",
    "new_privileges",
    "packet",
    "raw",
    "secure_bits",
    "trace_parent",
    "writable_code",
];

/// `stockade drill` with these arguments, with an environment of its own and its scratch files in `directory`.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command
        .arg("drill")
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("TMPDIR", directory)
        .stdin(Stdio::null());
    command
}

/// Runs it to the end; whatever it says, nothing of it is left.
pub(crate) fn run(set: impl FnOnce(&mut Command), arguments: &[&str]) -> Ended {
    let scratch = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    let mut command = command(scratch.path(), arguments);
    set(&mut command);
    let mounted = mounts();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(running(pid), Vec::<String>::new(), "processes that are left");
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "files that are left");
    // Other tests mount meanwhile, but nothing below this directory.
    let below = |line: &&String| line.contains(scratch.path().to_str().unwrap());
    assert_eq!(mounts().iter().filter(below).count(), 0, "mounts that are left");
    assert_eq!(mounted.iter().filter(below).count(), 0);
    Ended::from(output)
}

fn mounts() -> Vec<String> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect()
}

/// Command lines of the drills that process `pid` started: each has the name of its place among its arguments.
pub(crate) fn running(pid: u32) -> Vec<String> {
    let name = format!("stockade-drill-{pid}-");
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned())
        .filter(|line| line.contains(&name))
        .collect()
}

/// What was found in one container.
pub(crate) struct Drilled {
    pub(crate) counts: Value,
    pub(crate) probes: BTreeMap<String, Value>,
}

impl Drilled {
    pub(crate) fn verdict(&self, probe: &str) -> &str {
        self.probes[probe]["verdict"].as_str().unwrap()
    }

    /// Names of the probes with this verdict, in alphabetical order.
    pub(crate) fn with(&self, verdict: &str) -> Vec<&str> {
        self.probes.keys().map(String::as_str).filter(|probe| self.verdict(probe) == verdict).collect()
    }

    pub(crate) fn count(&self, what: &str) -> u64 {
        self.counts[what].as_u64().unwrap()
    }
}

/// The targets of a report.
pub(crate) fn targets(ended: &Ended) -> Vec<Drilled> {
    let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    assert_eq!((report["stockade"].as_u64(), report["kind"].as_str()), (Some(1), Some("drill")));
    let one = |target: &Value| {
        let probes = target["probes"].as_array().unwrap();
        let name = |probe: &Value| probe["name"].as_str().unwrap().to_owned();
        let drilled = Drilled {
            counts: target["counts"].clone(),
            probes: probes.iter().map(|probe| (name(probe), probe.clone())).collect(),
        };
        assert_eq!(drilled.probes.len(), probes.len(), "no name twice");
        let verdicts = ["stopped", "open", "absent", "not_tried", "undecided"];
        let counted: u64 = verdicts.iter().map(|verdict| drilled.count(verdict)).sum();
        assert_eq!(counted, drilled.count("probes"));
        verdicts.iter().for_each(|verdict| {
            assert_eq!(drilled.count(verdict), u64::try_from(drilled.with(verdict).len()).unwrap());
        });
        drilled
    };
    report["targets"].as_array().unwrap().iter().map(one).collect()
}
