//! The mounts that a task sees. proc_pid_mountinfo(5).

use crate::error::FormatError;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mount {
    /// Id of the mount; unique while it exists.
    pub id: u32,
    /// Id of the mount it stands on; not in the list where that is outside the task's root.
    pub parent: u32,
    /// `st_dev` of its files: major, minor.
    pub device: (u32, u32),
    /// The directory or file of the file system that is mounted.
    pub root: PathBuf,
    /// Where, from the task's root.
    pub at: PathBuf,
    /// Options of the mount: `ro`, `nosuid`, `nodev`, `noexec` …
    pub options: BTreeSet<String>,
    /// Propagation: `shared:1`, `master:2` …
    pub propagation: Vec<String>,
    /// Type of the file system: `tmpfs`, `fuse.sshfs`.
    pub filesystem: String,
    /// What was mounted.
    pub source: OsString,
    /// Options of the file system: `size=64k`, `hidepid=ptraceable` …
    pub super_options: BTreeSet<String>,
}

impl Mount {
    /// Whether nothing can be written through it: the mount or the file system is read-only.
    pub fn is_read_only(&self) -> bool {
        self.options.contains("ro") || self.super_options.contains("ro")
    }

    /// Whether the mount has this option (`nosuid`, `nodev`, `noexec`).
    pub fn has(&self, option: &str) -> bool {
        self.options.contains(option)
    }

    /// The value of an option of the file system: `size` of `size=64k`.
    pub fn super_option(&self, name: &str) -> Option<&str> {
        self.super_options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }
}

/// All mounts of a task, in the kernel's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mounts(pub Vec<Mount>);

impl Mounts {
    /// Reads the file.
    pub fn parse(content: &[u8]) -> Result<Mounts, FormatError> {
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(mount).collect::<Result<_, _>>().map(Mounts)
    }

    /// The mounts of file systems whose type begins with `kind`; what the lines of others hold is not looked at.
    pub fn of_kind(content: &[u8], kind: &[u8]) -> Result<Mounts, FormatError> {
        // No field before it has a space: it would be escaped.
        const SEPARATOR: &[u8] = b" - ";
        let wanted = |line: &&[u8]| {
            let at = line.windows(SEPARATOR.len()).position(|word| word == SEPARATOR);
            at.is_none_or(|at| line.get(at + SEPARATOR.len()..).is_some_and(|rest| rest.starts_with(kind)))
        };
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.filter(wanted).map(mount).collect::<Result<_, _>>().map(Mounts)
    }

    /// The mount with this id.
    pub fn by_id(&self, id: u32) -> Option<&Mount> {
        self.0.iter().find(|mount| mount.id == id)
    }

    /// The mount that the task's root lies in: the one at `/` that stands on no other of the list.
    pub fn root(&self) -> Option<&Mount> {
        let at_root = |mount: &&Mount| mount.at == *"/";
        self.0.iter().filter(at_root).find(|mount| {
            let below = self.by_id(mount.parent).filter(|below| below.id != mount.id);
            below.is_none_or(|below| below.at != *"/")
        })
    }

    /// The mounts that a path can lead to: those that no other covers.
    pub fn visible(&self) -> Vec<&Mount> {
        let mut children: BTreeMap<u32, Vec<&Mount>> = BTreeMap::new();
        for mount in &self.0 {
            children.entry(mount.parent).or_default().push(mount);
        }
        let mut visible: Vec<&Mount> = Vec::new();
        let mut waiting: Vec<&Mount> = self.root().into_iter().collect();
        while let Some(mount) = waiting.pop() {
            visible.push(mount);
            // Each is taken out once, so that no list, however made up, goes round in circles.
            let below = children.remove(&mount.id).unwrap_or_default();
            let places: BTreeSet<&Path> = below.iter().map(|child| child.at.as_path()).collect();
            // The root itself is where paths begin: what stands on it is reached by `/..` alone, and
            // hides nothing.
            let covered = mount.at != *"/" && places.contains(mount.at.as_path());
            waiting.extend(below.into_iter().filter(|child| {
                let mut above = child.at.ancestors().skip(1).take_while(|path| *path != mount.at);
                child.id != mount.id
                    && (!covered || child.at == mount.at)
                    && !above.any(|path| places.contains(path))
            }));
        }
        visible
    }
}

fn mount(line: &[u8]) -> Result<Mount, FormatError> {
    let wrong = |what| FormatError::new(what, line);
    let mut fields = line.split(|byte| *byte == b' ');
    let mut next = |what| fields.next().ok_or_else(|| FormatError::new(what, line));
    let id = number(next("no id")?).ok_or_else(|| wrong("no id"))?;
    let parent = number(next("no parent")?).ok_or_else(|| wrong("no parent"))?;
    let device = device(next("no device")?).ok_or_else(|| wrong("no device"))?;
    let root = path(next("no root")?);
    let at = path(next("no mount point")?);
    let options = options(next("no options")?);
    let mut propagation = Vec::new();
    loop {
        match next("no separator")? {
            b"-" => break,
            field => propagation.push(text(field)),
        }
    }
    let filesystem = text(&unescape(next("no file system")?));
    let source = OsString::from_vec(unescape(next("no source")?));
    let super_options = self::options(next("no file system options")?);
    Ok(Mount { id, parent, device, root, at, options, propagation, filesystem, source, super_options })
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn device(field: &[u8]) -> Option<(u32, u32)> {
    let (major, minor) = std::str::from_utf8(field).ok()?.split_once(':')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

fn path(field: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(unescape(field)))
}

fn options(field: &[u8]) -> BTreeSet<String> {
    field.split(|byte| *byte == b',').map(|option| text(&unescape(option))).collect()
}

/// Undoes `mangle()` of fs/proc_namespace.c: space, tab, newline, backslash and `#` stand as a backslash
/// and three octal digits.
fn unescape(field: &[u8]) -> Vec<u8> {
    // As most are.
    if !field.contains(&b'\\') {
        return field.to_vec();
    }
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let escaped = (byte == b'\\').then(|| octal(tail)).flatten();
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    out
}

fn octal(digits: &[u8]) -> Option<u8> {
    let digits = digits.get(..3)?;
    digits.iter().try_fold(0u8, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 8)?;
        value.checked_mul(8)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn those_of_a_kind_are_the_same_as_among_all() {
        let text = b"1 0 0:1 / /a rw - cgroup cgroup rw,cpu\n2 0 0:2 / /b\\040-\\040cgroup rw shared:1 - tmpfs cgroup rw\n\
                     3 0 0:3 / /c rw shared:1 - cgroup2 none rw\n4 0 0:4 / /d rw - ext4 cgroup - rw\n";
        let mut all = Mounts::parse(text).expect("lines");
        all.0.retain(|mount| mount.filesystem.starts_with("cgroup"));
        assert_eq!(all.0.len(), 2);
        assert_eq!(Mounts::of_kind(text, b"cgroup").expect("lines"), all);
        assert!(Mounts::of_kind(b"1 0 0:1 / /a rw cgroup\n", b"cgroup").is_err());
    }

    #[test]
    fn fields() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/ro\\134ot ro,errors=continue\n";
        let mounts = Mounts::parse(line).expect("line");
        let mount = &mounts.0[0];
        assert_eq!((mount.id, mount.parent, mount.device), (36, 35, (98, 0)));
        assert_eq!((mount.root.as_path(), mount.at.as_path()), (Path::new("/mnt1"), Path::new("/mnt 2")));
        assert_eq!(mount.propagation, ["master:1", "shared:7"]);
        assert_eq!((mount.filesystem.as_str(), mount.source.to_str()), ("ext3", Some("/dev/ro\\ot")));
        assert!(mount.is_read_only() && mount.has("noatime") && !mount.has("ro"));
        assert_eq!(mount.super_option("errors"), Some("continue"));
    }

    #[test]
    fn an_empty_source_and_a_name_that_is_no_text() {
        let mounts = Mounts::parse(b"1 2 0:3 / /a\xff\\012b rw -  - tmpfs  rw\n");
        // `-` ends the optional fields at once; the empty field behind it is the file system.
        assert_eq!(mounts.expect("line").0[0].at.as_os_str().as_encoded_bytes(), b"/a\xff\nb");
    }

    #[test]
    fn covered_mounts_are_not_visible() {
        let text = "1 0 0:1 / / rw - ext4 a rw\n\
             2 1 0:2 / /dev rw - devtmpfs a rw\n\
             3 2 0:3 / /dev/shm rw - tmpfs a rw\n\
             4 2 0:4 / /dev rw - tmpfs a rw\n\
             5 4 0:5 / /dev/pts rw - devpts a rw\n\
             6 1 0:6 / /a/b rw - tmpfs a rw\n\
             7 1 0:7 / /a rw - tmpfs a rw\n\
             8 1 0:8 / /ab rw - tmpfs a rw\n";
        let mounts = Mounts::parse(text.as_bytes()).expect("list");
        let mut ids: Vec<_> = mounts.visible().iter().map(|mount| mount.id).collect();
        ids.sort_unstable();
        assert_eq!(ids, [1, 2, 4, 5, 7, 8], "2 is the way to 4 and covered by it");
    }

    #[test]
    fn cut_lines_are_errors() {
        for line in [
            &b"1"[..],
            b"1 2 0:3 / /a rw shared:1",
            b"1 2 0:3 / /a rw - tmpfs none",
            b"x 2 0:3 / / rw - a b c",
        ] {
            assert!(Mounts::parse(line).is_err(), "{}", String::from_utf8_lossy(line));
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Mounts::parse(&content);
        }

        #[test]
        fn escapes_come_back(name in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mangled: Vec<u8> = name.iter().flat_map(|byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                other => vec![*other],
            }).collect();
            prop_assert_eq!(unescape(&mangled), name);
        }
    }
}
