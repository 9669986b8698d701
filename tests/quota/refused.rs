//! What is refused, and leaves everything as it was.

use crate::area::{Area, KINDS, run};
use crate::held::{MIB, write};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

pub(crate) fn too_little(area: &Area) {
    let limited = area.directory("limited");
    let path = limited.to_str().unwrap();
    write(&limited.join("there"), 4 * MIB).unwrap();
    let (code, message) = area.refused(&["set", path, "--size", "2MiB"]);
    assert!(code == 2 && message.contains("than the 2097152 that it may"), "{code} {message}");
    assert_eq!(area.shown(), []);
    write(&limited.join("more"), 8 * MIB).unwrap();
    if area.kind.by_directory {
        area.set(&limited, &["--size", "20MiB"]);
        let (code, message) = area.refused(&["set", path, "--size", "2MiB"]);
        assert_eq!(code, 2, "{message}");
        assert_eq!(area.shown(), [("kept".to_owned(), Some(20 << 20))]);
    }
}

/// A directory that its owner counts for himself would go on filling.
pub(crate) fn others_inside(area: &Area) {
    if !["xfs", "ext4"].contains(&area.kind.name) {
        return;
    }
    let limited = area.directory("limited");
    let path = limited.to_str().unwrap();
    fs::create_dir_all(limited.join("a/own")).unwrap();
    fs::write(limited.join("a/file"), "").unwrap();
    let own = format!("project -s -p {path}/a/own 77");
    run(&["xfs_quota", "-f", "-x", "-c", &own, area.at.to_str().unwrap()]);
    let (code, message) = area.refused(&["set", path, "--size", "8MiB"]);
    assert!(code == 2 && message.contains("for project 77 already"), "{code} {message}");
    assert_eq!(area.shown(), []);
    for inside in ["", "a", "a/file"] {
        let shown = run(&["lsattr", "-d", "-p", limited.join(inside).to_str().unwrap()]);
        assert_eq!(shown.split_whitespace().next(), Some("0"), "{shown}");
    }
}

pub(crate) fn elsewhere(area: &Area) {
    let limited = area.directory("limited");
    let path = limited.to_str().unwrap();
    let link = area.at.join("link");
    symlink(&limited, &link).unwrap();
    let below = limited.join("below");
    fs::create_dir(&below).unwrap();
    run(&["mount", "-t", "tmpfs", "tmpfs", below.to_str().unwrap()]);
    let dots = format!("{path}/../limited");
    let file = area.at.join("file");
    fs::write(&file, "").unwrap();
    for (arguments, says) in [
        (&["set", link.to_str().unwrap(), "--size", "1MiB"][..], "is a symbolic link"),
        (&["set", path, "--size", "1MiB"], "is mounted below"),
        (&["set", &dots, "--size", "1MiB"], "no absolute path"),
        (&["set", file.to_str().unwrap(), "--size", "1MiB"], "Not a directory"),
        (&["set", "/nowhere", "--size", "1MiB"], "No such file"),
        (&["set", path, "--size", "1"], "a size is written `512 MiB`"),
        (&["set", path], "no limit is named"),
    ] {
        let (code, message) = area.refused(arguments);
        assert!(code == 2 && message.contains(says), "{arguments:?}: {code} {message}");
    }
    run(&["umount", below.to_str().unwrap()]);
    fs::remove_dir(&below).unwrap();
    // A file that is not written is no directory of its own: a quota in a quota is none.
    if area.kind.by_directory && area.kind.name != "btrfs" {
        area.set(&limited, &["--size", "4MiB"]);
        fs::create_dir(limited.join("inside")).unwrap();
        let inside = limited.join("inside");
        let (code, message) = area.refused(&["set", inside.to_str().unwrap(), "--size", "1MiB"]);
        assert!(code == 2 && message.contains("a quota in a quota"), "{code} {message}");
    }
    if area.kind.name == "tmpfs" {
        fs::create_dir_all("/mnt/bound").unwrap();
        run(&["mount", "--bind", path, "/mnt/bound"]);
        area.set(std::path::Path::new("/mnt/bound"), &["--size", "60MiB"]);
        run(&["umount", "/mnt/bound"]);
        fs::create_dir(limited.join("inside")).unwrap();
        run(&["mount", "--bind", &format!("{path}/inside"), "/mnt/bound"]);
        let (code, message) = area.refused(&["set", "/mnt/bound", "--size", "1MiB"]);
        assert!(code == 2 && message.contains("no tmpfs of its own"), "{code} {message}");
        run(&["umount", "/mnt/bound"]);
    }
    run(&["mount", "-o", "remount,ro", area.at.to_str().unwrap()]);
    let (code, message) = area.refused(&["set", path, "--size", "1MiB"]);
    assert!(code == 2 && message.contains("read-only"), "{code} {message}");
    run(&["mount", "-o", "remount,rw", area.at.to_str().unwrap()]);
    let output = Command::new("setpriv")
        .args(["--reuid", "1000", "--regid", "1000", "--clear-groups", crate::STOCKADE, "quota", "set"])
        .args([path, "--size", "1MiB", "--state", "/tmp/of-1000"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    fs::remove_dir_all("/tmp/of-1000").ok();
}

/// A mount that counts nothing, or says yes and enforces nothing.
pub(crate) fn not_enforced() {
    for kind in KINDS.iter().filter(|kind| kind.by_directory) {
        let at = "/mnt/plain";
        fs::create_dir_all(at).unwrap();
        let area = Area::new(kind);
        run(&["umount", area.at.to_str().unwrap()]);
        if kind.name == "btrfs" {
            run(&["mount", "-t", kind.name, kind.device, at]);
            run(&["btrfs", "quota", "disable", at]);
            run(&["umount", at]);
        }
        run(&["mount", "-t", kind.name, "-o", "rw", kind.device, at]);
        if kind.name == "xfs" {
            run(&["mount", "-o", "remount,pquota", at]);
        }
        let (code, message) = area.refused(&["set", at, "--size", "1MiB"]);
        let says = match kind.name {
            "xfs" => "umount /mnt/plain && mount -o prjquota /dev/vda /mnt/plain",
            "ext4" => "tune2fs -O quota,project -Q prjquota /dev/vdb",
            _ => "btrfs quota enable --simple /mnt/plain",
        };
        assert!(code == 3 && message.contains(says), "{}: {code} {message}", kind.name);
        run(&["umount", at]);
        area.mount();
    }
}

/// What has no quota of directories, and what is counted by others already.
pub(crate) fn other_file_systems() {
    let area = Area::new(&KINDS[0]);
    let root = area.at.to_str().unwrap();
    for name in ["lower", "upper", "work", "merged"] {
        fs::create_dir(area.at.join(name)).unwrap();
    }
    let merged = format!("{root}/merged");
    let options = format!("lowerdir={root}/lower,upperdir={root}/upper,workdir={root}/work");
    run(&["mount", "-t", "overlay", "-o", &options, "overlay", &merged]);
    for (path, kind) in [("/proc", "proc"), (merged.as_str(), "overlay"), ("/sys", "sysfs")] {
        let (code, message) = area.refused(&["set", path, "--size", "1MiB"]);
        assert!(code == 3 && message.contains(&format!("lies on {kind}")), "{path}: {code} {message}");
    }
    run(&["umount", &merged]);
    let docker = area.directory("docker");
    run(&["xfs_quota", "-x", "-c", &format!("project -s -p {} 7", docker.display()), root]);
    let (code, message) = area.refused(&["set", docker.to_str().unwrap(), "--size", "1MiB"]);
    assert!(code == 2 && message.contains("for project 7 already"), "{code} {message}");
}
