//! What others than root can put in the place of a file.

use rustix::io::Errno;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Most links on a way, as the kernel has it: linux/namei.h, `MAXSYMLINKS`.
const LINKS: u32 = 40;

/// What somebody else than root, or than whoever runs this, can change of the file at `path`, which has no links in it:
/// its content, or a directory on the way to it.
pub(super) fn changeable(path: &Path) -> io::Result<Option<PathBuf>> {
    if is_theirs(&fs::symlink_metadata(path)?) { Ok(Some(path.to_owned())) } else { replaceable(path) }
}

/// Whether somebody else than root, or than whoever runs this, can write to a file with this metadata, or could let
/// others.
pub(super) fn is_theirs(found: &Metadata) -> bool {
    !ours().contains(&found.uid()) || found.mode() & 0o022 != 0
}

/// The directory on the way to `path`, which has no links in it, in which somebody else than root, or than whoever runs
/// this, can put something else in its place. Access control lists show as the group's permissions. acl(5).
pub(super) fn replaceable(path: &Path) -> io::Result<Option<PathBuf>> {
    let ours = ours();
    for child in path.ancestors() {
        let Some(directory) = child.parent() else { break };
        let (above, below) = (fs::symlink_metadata(directory)?, fs::symlink_metadata(child)?);
        let shared = above.mode() & 0o022 != 0;
        // In a sticky directory nobody renames what is somebody else's.
        let sticky = above.mode() & 0o1000 != 0 && ours.contains(&below.uid());
        if !ours.contains(&above.uid()) || shared && !sticky {
            return Ok(Some(directory.to_owned()));
        }
    }
    Ok(None)
}

/// Where a path leads, as realpath(3) has it; the directory in which others could lay a link on the way elsewhere.
pub(super) fn settled(path: &Path) -> io::Result<Result<PathBuf, PathBuf>> {
    let (mut done, mut links) = (PathBuf::from("/"), 0);
    let parts =
        |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut left = parts(path);
    while let Some(part) = left.pop() {
        match part.as_encoded_bytes() {
            b"/" => done = PathBuf::from("/"),
            b"." => {}
            b".." => drop(done.pop()),
            _ => {
                let next = done.join(&part);
                if !fs::symlink_metadata(&next)?.is_symlink() {
                    done = next;
                    continue;
                }
                if let Some(directory) = replaceable(&next)? {
                    return Ok(Err(directory));
                }
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP.into());
                }
                left.extend(parts(&fs::read_link(&next)?));
            }
        }
    }
    Ok(Ok(done))
}

/// Users whose files are taken for what they are.
fn ours() -> [u32; 2] {
    [0, rustix::process::geteuid().as_raw()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn links_lead_on_where_nobody_else_lays_them() {
        let place = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(place.path()).unwrap();
        let at = |name: &str| base.join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::create_dir(at("shared")).unwrap();
        fs::write(at("a/file"), "").unwrap();
        symlink("a", at("relative")).unwrap();
        symlink(at("relative/b"), at("absolute")).unwrap();
        symlink("../a/./b/..", at("a/up")).unwrap();
        symlink("round", at("round")).unwrap();
        symlink(at("a"), at("shared/link")).unwrap();
        symlink(at("shared/link"), at("through")).unwrap();
        for path in ["a/b", "relative", "absolute", "a/up/file", "relative/up/b/../file", "shared/link/b"] {
            let found = settled(&at(path)).unwrap();
            assert_eq!(found, Ok(fs::canonicalize(at(path)).unwrap()), "{path}");
        }
        assert_eq!(settled(&at("missing")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(settled(&at("round")).unwrap_err().raw_os_error(), Some(libc::ELOOP));
        fs::set_permissions(at("shared"), Permissions::from_mode(0o777)).unwrap();
        for path in ["shared/link", "shared/link/b", "through/b"] {
            assert_eq!(settled(&at(path)).unwrap(), Err(at("shared")), "{path}");
        }
        assert_eq!(settled(&at("shared")).unwrap(), Ok(at("shared")));
    }

    #[test]
    fn a_file_is_changed_in_itself_or_on_the_way() {
        let place = tempfile::tempdir().unwrap();
        let base = fs::canonicalize(place.path()).unwrap();
        let file = base.join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(changeable(&file).unwrap(), None);
        fs::set_permissions(&file, Permissions::from_mode(0o775)).unwrap();
        assert_eq!(changeable(&file).unwrap(), Some(file.clone()));
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&base, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(changeable(&file).unwrap(), Some(base));
    }
}
