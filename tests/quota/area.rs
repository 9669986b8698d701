//! A file system with quotas, mounted for one case.

use crate::STOCKADE;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A kind of file system.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) device: &'static str,
    pub(crate) options: &'static str,
    /// What a write at the limit is answered. errno(3)
    pub(crate) full: i32,
    pub(crate) counts_files: bool,
    /// Whether a directory of any other can be limited.
    pub(crate) by_directory: bool,
}

pub(crate) const KINDS: [Kind; 4] = [
    Kind {
        name: "xfs",
        device: "/dev/vda",
        options: "prjquota",
        full: libc::ENOSPC,
        counts_files: true,
        by_directory: true,
    },
    Kind {
        name: "ext4",
        device: "/dev/vdb",
        options: "prjquota",
        full: libc::EDQUOT,
        counts_files: true,
        by_directory: true,
    },
    Kind {
        name: "btrfs",
        device: "/dev/vdc",
        options: "rw",
        full: libc::EDQUOT,
        counts_files: false,
        by_directory: true,
    },
    Kind {
        name: "tmpfs",
        device: "tmpfs",
        options: "size=64m,nr_inodes=10k",
        full: libc::ENOSPC,
        counts_files: true,
        by_directory: false,
    },
];

/// The file system, and a ledger of its own.
pub(crate) struct Area {
    pub(crate) kind: &'static Kind,
    pub(crate) at: PathBuf,
    state: tempfile::TempDir,
}

pub(crate) fn run(command: &[&str]) -> String {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Area {
    pub(crate) fn new(kind: &'static Kind) -> Area {
        let at = PathBuf::from(format!("/mnt/{}", kind.name));
        fs::create_dir_all(&at).unwrap();
        let area = Area { kind, at, state: tempfile::tempdir().unwrap() };
        area.mount();
        if kind.name == "btrfs" {
            // Full ones: the program is older than simple ones are.
            run(&["btrfs", "quota", "disable", area.at.to_str().unwrap()]);
            run(&["btrfs", "quota", "enable", area.at.to_str().unwrap()]);
        }
        area
    }

    pub(crate) fn mount(&self) {
        let Kind { name, device, options, .. } = *self.kind;
        run(&["mount", "-t", name, "-o", options, device, self.at.to_str().unwrap()]);
    }

    /// A directory that can be limited; a tmpfs has but one.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.at.join(name);
        match self.kind.name {
            "tmpfs" => return self.at.clone(),
            "btrfs" => drop(run(&["btrfs", "subvolume", "create", path.to_str().unwrap()])),
            _ => fs::create_dir(&path).unwrap(),
        }
        path
    }

    /// Removes a directory.
    pub(crate) fn remove(&self, path: &Path) {
        if self.kind.name == "btrfs" {
            run(&["btrfs", "subvolume", "delete", "--commit-after", path.to_str().unwrap()]);
            // Until then it is counted.
            run(&["btrfs", "subvolume", "sync", self.at.to_str().unwrap()]);
        } else {
            fs::remove_dir_all(path).unwrap();
        }
    }

    pub(crate) fn quota(&self, arguments: &[&str]) -> Output {
        let state = self.state.path().to_str().unwrap();
        Command::new(STOCKADE).arg("quota").args(arguments).args(["--state", state]).output().unwrap()
    }

    /// What a command that must work prints.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.quota(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub(crate) fn set(&self, path: &Path, limits: &[&str]) -> Value {
        self.json(&[&["set", path.to_str().unwrap()], limits].concat())
    }

    /// What is said of every quota, in short: its state, and the limit of its size.
    pub(crate) fn shown(&self) -> Vec<(String, Option<u64>)> {
        let output = self.quota(&["show", "--format", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let quotas = document["quotas"].as_array().unwrap();
        let short = |quota: &Value| {
            let found = quota["standing"].as_str().unwrap().to_owned();
            (found, quota["state"]["limits"]["size"].as_u64())
        };
        quotas.iter().map(short).collect()
    }

    /// Where its ledger is.
    pub(crate) fn state_path(&self) -> &Path {
        self.state.path()
    }

    /// Loses an entry of the ledger.
    pub(crate) fn forget(&self, id: u64) {
        fs::remove_file(self.state.path().join("quota").join(id.to_string())).unwrap();
    }

    /// The exit code and the message of a command that is refused.
    pub(crate) fn refused(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.quota(arguments);
        assert!(output.stdout.is_empty(), "{arguments:?} {output:?}");
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        if self.kind.by_directory {
            for entry in fs::read_dir(&self.at).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() || path.is_symlink() {
                    fs::remove_file(&path).unwrap();
                } else if path.file_name().is_some_and(|name| name != "lost+found") {
                    self.remove(&path);
                }
            }
            self.quota(&["gc"]);
        }
        run(&["umount", self.at.to_str().unwrap()]);
    }
}
