//! What the kernel shows of a process.

use std::collections::BTreeMap;
use std::fs;

/// Lines of `/proc/PID/status` that say what a process may do. proc(5).
const STATUS: [&str; 11] = [
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
    "Seccomp",
    "Seccomp_filters",
    "Umask",
    "Uid",
    "Gid",
];

pub(crate) type Facts = BTreeMap<String, String>;

/// The files of `/proc/PID` that they are read from, for a process that reads its own.
pub(crate) const OWN: [&str; 4] =
    ["/bin/cat", "/proc/self/status", "/proc/self/limits", "/proc/self/mountinfo"];

/// The facts of a process.
pub(crate) fn of(pid: u32) -> Facts {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    from(&["status", "limits", "mountinfo"].map(read).concat())
}

/// The facts in the text of the files.
pub(crate) fn from(text: &str) -> Facts {
    let mut facts = Facts::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let Some((name, value)) = line.split_once(':').filter(|(name, _)| STATUS.contains(name)) {
            facts.insert(name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        match words.as_slice() {
            ["Max", "open", "files", soft, hard, _] => {
                facts.insert("open files".to_owned(), format!("{soft} {hard}"));
            }
            ["Max", "core", "file", "size", soft, hard, _] => {
                facts.insert("core".to_owned(), format!("{soft} {hard}"));
            }
            [_, _, _, _, at @ ("/" | "/tmp" | "/proc"), options, ..] => {
                facts.insert(format!("mount {at}"), (*options).to_owned());
            }
            _ => {}
        }
    }
    facts
}

/// Those of `TIGHT` in every process of a container.
pub(crate) const TIGHT: [(&str, &str); 13] = [
    ("CapInh", TWO),
    ("CapPrm", TWO),
    ("CapEff", TWO),
    ("CapBnd", TWO),
    ("CapAmb", TWO),
    ("NoNewPrivs", "1"),
    ("Seccomp", "2"),
    // The runtime's, and the exact one.
    ("Seccomp_filters", "2"),
    // For those that are added it is the init's: runc sets it for the first process alone.
    ("Umask", "0027"),
    ("Uid", "0 0 0 0"),
    ("Gid", "0 0 0 0"),
    ("open files", "512 512"),
    ("core", "0 0"),
];

/// chown and kill.
const TWO: &str = "0000000000000021";

/// The process has every fact of `TIGHT`.
pub(crate) fn is_tight(found: &Facts, what: &str) {
    for (name, value) in TIGHT {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{what}: {name}: {found:#?}");
    }
    let is_read_only = |at: &str| found[&format!("mount {at}")].split(',').next() == Some("ro");
    assert!(is_read_only("/") && !is_read_only("/tmp"), "{what}: {found:#?}");
}
