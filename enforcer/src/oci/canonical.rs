//! Where a path leads on the host.

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The path with every link followed, as realpath(3) has it.
///
/// Most paths have no link, and one call tells: openat2(2), `RESOLVE_NO_SYMLINKS`, 5.6. Otherwise each part is looked at.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    if is_plain(path) && openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS).is_ok() {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path)
}

/// Whether a path is absolute, and each of its parts a name: without links it is its own canonical one.
pub(super) fn is_plain(path: &Path) -> bool {
    let parts = path.as_os_str().as_bytes().strip_prefix(b"/");
    parts.is_some_and(|parts| {
        parts.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
    })
}

#[cfg(test)]
mod tests {
    use super::{canonical, is_plain};
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_is_what_realpath_says() {
        let directory = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(directory.path()).unwrap();
        fs::create_dir_all(base.join("a/b")).unwrap();
        fs::write(base.join("a/file"), "").unwrap();
        symlink("a", base.join("link")).unwrap();
        symlink("nowhere", base.join("dangling")).unwrap();
        symlink("../link/b", base.join("a/up")).unwrap();
        let below = [
            "a",
            "a/",
            "a/b",
            "a//b",
            "a/./b",
            "a/../a",
            "a/b/..",
            "link",
            "link/b",
            "link/up",
            "a/up",
            "a/file",
            "",
            "a/file/",
            "dangling",
            "missing",
            "a/file/x",
            "link/missing",
        ];
        let paths = below.iter().map(|path| format!("{}/{path}", base.display()));
        for path in paths.chain(["/", "", ".", "/proc/self/exe", "/proc/self/cwd/."].map(str::to_owned)) {
            let found = canonical(path.as_ref());
            match fs::canonicalize(&path) {
                Ok(expected) => assert_eq!(found.unwrap(), expected, "{path}"),
                Err(error) => assert_eq!(found.unwrap_err().kind(), error.kind(), "{path}"),
            }
        }
    }

    #[test]
    fn a_plain_path_has_names_alone() {
        for path in ["/a", "/a/b", "/...", "/a/.b"] {
            assert!(is_plain(path.as_ref()), "{path}");
        }
        for path in ["", "/", "a", "/a/", "//a", "/a//b", "/.", "/a/..", "/../a", "/a/./b"] {
            assert!(!is_plain(path.as_ref()), "{path}");
        }
    }
}
