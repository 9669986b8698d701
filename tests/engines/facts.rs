//! What the kernel shows of a process, as a test compares it.

use crate::image::Image;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the kernel shows of a process.
pub(crate) type Facts = BTreeMap<String, String>;

/// Lines of `/proc/PID/status` that are the same whatever a process has done so far.
const STATUS: [&str; 12] = [
    "Uid:",
    "Gid:",
    "Umask:",
    "CapInh:",
    "CapPrm:",
    "CapEff:",
    "CapBnd:",
    "CapAmb:",
    "NoNewPrivs:",
    "Seccomp:",
    "Speculation_Store_Bypass:",
    "SpeculationIndirectBranch:",
];

/// Lines that the program of the image adds: what `/proc` does not show.
const ADDED: [&str; 2] = ["mdwe", "securebits"];

/// The facts in three files of `/proc/PID`: `status`, `limits` and `mountinfo`, in one text.
pub(crate) fn facts(text: &str) -> Facts {
    let mut facts = Facts::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            // Docker names the own group once more.
            ["Groups:", groups @ ..] => {
                let own =
                    facts.get("Gid:").and_then(|own| own.split(' ').next()).unwrap_or_default().to_owned();
                let others: Vec<&str> = groups.iter().filter(|group| **group != own).copied().collect();
                facts.insert("Groups:".to_owned(), others.join(" "));
            }
            [name, values @ ..] if STATUS.contains(name) => {
                facts.insert((*name).to_owned(), values.join(" "));
            }
            [name, value] if ADDED.contains(name) => {
                facts.insert((*name).to_owned(), (*value).to_owned());
            }
            // `Max open files   512   512   files`; nice and rtprio have no unit.
            ["Max", ..] => {
                let (name, limits) = line.split_at(26);
                let limits: Vec<&str> = limits.split_whitespace().take(2).collect();
                facts.insert(name.trim().to_owned(), limits.join(" "));
            }
            // Not /dev: a runtime mounts one that may be written, before which the policy's Landlock rules stand.
            [_, _, _, _, at @ ("/" | "/tmp" | "/proc" | "/dev/pts"), options, ..] => {
                let has = |word: &str| options.split(',').any(|option| option == word);
                let all = line.split([' ', ',']).any(|word| word.starts_with("hidepid="));
                let words = ["ro", "nosuid", "nodev", "noexec"].into_iter().filter(|word| has(word));
                let shown: Vec<String> = words.map(str::to_owned).collect();
                // No OCI runtime mounts a root nosuid or nodev: no_new_privileges and the device rules stand for that.
                let shown = if *at == "/" { vec![has("ro").to_string()] } else { shown };
                let hidden = if all { ",hidepid" } else { "" };
                facts.insert(format!("mount {at}"), shown.join(",") + hidden);
            }
            _ => {}
        }
    }
    facts
}

const FILES: [&str; 3] = ["status", "limits", "mountinfo"];

/// Of a process of the host's view.
pub(crate) fn outside(pid: u32) -> Facts {
    let read = |name: &&str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    facts(&FILES.iter().map(read).collect::<String>())
}

/// By a command that reads its own.
pub(crate) const INSIDE: [&str; 3] =
    ["/bin/sh", "-c", "cat /proc/self/status /proc/self/limits /proc/self/mountinfo && /bin/kernel"];

/// Prints what of a process only the process itself can ask for. PR_GET_MDWE, 6.3; PR_GET_SECUREBITS, 2.6.26.
const KERNEL: &str = r#"
#include <stdio.h>
#include <sys/prctl.h>
int main(void) {
    printf("mdwe %d\nsecurebits %d\n", prctl(66, 0, 0, 0, 0), prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
    return 0;
}
"#;

/// Makes that program in a root.
pub(crate) fn kernel(root: &Path, options: &[&str]) {
    let source = root.join("kernel.c");
    fs::write(&source, KERNEL).unwrap();
    let program = root.join("bin/kernel");
    let status =
        Command::new("cc").args(options).args(["-Os", "-o"]).args([&program, &source]).status().unwrap();
    assert!(status.success());
    fs::remove_file(source).unwrap();
}

/// busybox, that program, and a user with a group more.
pub(crate) fn image() -> Image {
    Image::busybox_with(|root| {
        kernel(root, &["-static"]);
        fs::write(root.join("etc/group"), "root:x:0:\nweb:x:101:\nmore:x:102:web\n").unwrap();
    })
}

/// All but what only the process itself can ask for.
pub(crate) fn visible(facts: &Facts) -> Facts {
    let visible = facts.iter().filter(|(name, _)| !ADDED.contains(&name.as_str()));
    visible.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Fails where two processes do not show the same.
#[track_caller]
pub(crate) fn same(found: &Facts, expected: &Facts, what: &str) {
    let names = found.keys().chain(expected.keys());
    let other: Vec<String> = names
        .filter(|name| found.get(*name) != expected.get(*name))
        .map(|name| format!("{name} is {:?} and not {:?}", found.get(name), expected.get(name)))
        .collect();
    assert!(other.is_empty(), "{what}: {other:#?}");
}
