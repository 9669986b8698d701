//! What a quota holds back, and what it leaves alone.

use crate::area::{Area, run};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

pub(crate) const MIB: usize = 1 << 20;

/// Bytes that no file system makes smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// As a container's root is: ext4 limits nobody who has CAP_SYS_RESOURCE.
pub(crate) fn limited<T>(what: impl FnOnce() -> T) -> T {
    let all = capabilities(None).unwrap();
    let effective = all.effective - CapabilitySet::SYS_RESOURCE;
    set_capabilities(None, CapabilitySets { effective, ..all }).unwrap();
    let answer = what();
    set_capabilities(None, all).unwrap();
    answer
}

/// Writes so many bytes, down to the disk; where it ends, and why.
pub(crate) fn write(path: &Path, length: usize) -> Result<(), i32> {
    limited(|| write_all(path, length))
}

fn write_all(path: &Path, length: usize) -> Result<(), i32> {
    let bytes = noise(length);
    let number = |error: std::io::Error| error.raw_os_error().unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(number)?;
    for part in bytes.chunks(MIB / 4) {
        file.write_all(part).map_err(number)?;
        // Space is counted when it is given, which may be later than the write.
        file.sync_all().map_err(number)?;
    }
    Ok(())
}

pub(crate) fn full(area: &Area) {
    let limited = area.directory("limited");
    let set = area.set(&limited, &["--size", "8MiB"]);
    assert_eq!(set["limits"]["size"], 8 * MIB);
    write(&limited.join("below"), 5 * MIB).unwrap();
    assert_eq!(write(&limited.join("above"), 6 * MIB), Err(area.kind.full));
    assert_eq!(fs::read(limited.join("below")).unwrap(), noise(5 * MIB), "below the limit nothing is lost");
    if area.kind.by_directory {
        write(&area.at.join("beside"), 12 * MIB).unwrap();
    }
    fs::remove_file(limited.join("above")).unwrap();
    fs::remove_file(limited.join("below")).unwrap();
    run(&["sync"]);
    eventually(|| {
        let again = limited.join("again");
        let written = write(&again, 6 * MIB).is_ok();
        if !written {
            fs::remove_file(again).unwrap();
        }
        written
    });
}

pub(crate) fn files(area: &Area) {
    let at = area.directory("limited");
    let path = at.to_str().unwrap();
    if !area.kind.counts_files {
        let (code, message) = area.refused(&["set", path, "--files", "20"]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains("counts no files"), "{message}");
        assert_eq!(area.shown(), []);
        return;
    }
    area.set(&at, &["--files", "20"]);
    // The directory is one of them.
    let mut made = 0;
    let why = loop {
        match limited(|| File::create(at.join(made.to_string()))) {
            Ok(_) => made += 1,
            Err(error) => break error.raw_os_error().unwrap(),
        }
    };
    assert_eq!((made, why), (19, area.kind.full));
    fs::remove_file(at.join("0")).unwrap();
    eventually(|| limited(|| fs::create_dir(at.join("directory"))).is_ok());
}

/// Waits for what the file system does in its own time: XFS frees inodes later. Only a hang takes until the guest's end.
fn eventually(is: impl Fn() -> bool) {
    while !is() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

pub(crate) fn before(area: &Area) {
    let limited = area.directory("limited");
    fs::create_dir_all(limited.join("a/b")).unwrap();
    write(&limited.join("a/b/there"), 4 * MIB).unwrap();
    fs::write(limited.join("a/small"), "small").unwrap();
    let set = area.set(&limited, &["--size", "8MiB"]);
    let used = set["usage"]["size"].as_u64().unwrap();
    assert!((4 << 20..6 << 20).contains(&used), "{set}");
    assert_eq!(write(&limited.join("a/b/more"), 6 * MIB), Err(area.kind.full));
    assert_eq!(fs::read(limited.join("a/b/there")).unwrap(), noise(4 * MIB));
}

/// What a snapshot has too is counted anew when the one is counted no more; until then nothing could be limited.
pub(crate) fn shared(area: &Area) {
    if area.kind.name != "btrfs" {
        return;
    }
    let (limited, other) = (area.directory("limited"), area.directory("other"));
    write(&limited.join("file"), MIB).unwrap();
    let path = limited.to_str().unwrap();
    let output = area.quota(&["set", path, "--size", "8MiB"]);
    let warned = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && warned.contains("whoever may make subvolumes"), "{warned}");
    run(&["btrfs", "subvolume", "snapshot", path, area.at.join("snapshot").to_str().unwrap()]);
    area.json(&["set", path, "--none"]);
    area.set(&other, &["--size", "8MiB"]);
    assert_eq!(write(&other.join("file"), 9 * MIB), Err(area.kind.full));
}

pub(crate) fn deep(area: &Area) {
    let limited = area.directory("limited");
    let mut inner = limited.clone();
    for _ in 0..700 {
        inner.push("d");
        fs::create_dir(&inner).unwrap();
    }
    area.set(&limited, &["--size", "12MiB"]);
    assert_eq!(write(&inner.join("file"), 13 * MIB), Err(area.kind.full));
    if area.kind.by_directory {
        area.json(&["set", limited.to_str().unwrap(), "--none"]);
        write(&inner.join("file"), 13 * MIB).unwrap();
    }
}

pub(crate) fn changed(area: &Area) {
    let limited = area.directory("limited");
    let path = limited.to_str().unwrap();
    let first = area.set(&limited, &["--size", "4MiB"]);
    assert_eq!(write(&limited.join("file"), 6 * MIB), Err(area.kind.full));
    let second = area.set(&limited, &["--size", "12MiB"]);
    assert_eq!((&first["id"], &second["limits"]["size"]), (&second["id"], &(12 * MIB).into()));
    write(&limited.join("more"), 4 * MIB).unwrap();
    if !area.kind.by_directory {
        assert_eq!(area.refused(&["set", path, "--none"]).0, 2);
        return;
    }
    assert_eq!(area.shown(), [("kept".to_owned(), Some(12 << 20))]);
    let released = area.json(&["set", path, "--none"]);
    assert_eq!(released["released"][0]["id"], first["id"]);
    assert_eq!(area.shown(), []);
    write(&limited.join("much"), 16 * MIB).unwrap();
    let (code, message) = area.refused(&["set", path, "--none"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("has no quota"), "{message}");
}

pub(crate) fn together(area: &Area) {
    if !area.kind.by_directory {
        return;
    }
    let (layer, log) = (area.directory("layer"), area.directory("log"));
    let free = area.directory("free");
    let (layer_path, log_path) = (layer.to_str().unwrap(), log.to_str().unwrap());
    fs::write(layer.join("there"), "there").unwrap();
    area.json(&["set", layer_path, log_path, "--size", "8MiB"]);
    write(&layer.join("file"), 5 * MIB).unwrap();
    assert_eq!(write(&log.join("file"), 5 * MIB), Err(area.kind.full));
    // One has no other, and none has a part of it.
    for (arguments, says) in [
        (&["set", layer_path, "--size", "9MiB"][..], "name all of them"),
        (&["set", free.to_str().unwrap(), "--none"], "no quota"),
    ] {
        let (code, message) = area.refused(arguments);
        assert!(code != 0 && message.contains(says), "{code} {message}");
    }
    let released = area.json(&["set", log_path, layer_path, "--none"]);
    assert_eq!(released["released"].as_array().unwrap().len(), 1);
    assert_eq!(area.shown(), []);
    write(&layer.join("file"), 8 * MIB).unwrap();
}
