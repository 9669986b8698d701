//! Users and groups by name, from the root's own files. No name service is asked: its modules would run
//! inside the launcher, and the answer would be the host's.

use super::root::{Root, RootError};

/// Largest passwd or group file that is read, bytes.
const LIMIT: u64 = 16 << 20;

/// The numeric ids of the user `name` and its primary group. passwd(5).
pub(crate) fn user(root: &Root, name: &str) -> Result<Option<(u32, u32)>, RootError> {
    let text = root.read("/etc/passwd", LIMIT)?.unwrap_or_default();
    Ok(record(&text, name)
        .and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))))
}

/// The numeric id of the group `name`. group(5).
pub(crate) fn group(root: &Root, name: &str) -> Result<Option<u32>, RootError> {
    let text = root.read("/etc/group", LIMIT)?.unwrap_or_default();
    Ok(record(&text, name).and_then(|fields| fields.get(2)?.parse().ok()))
}

/// The fields of the first record called `name`.
fn record<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    text.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|fields| fields.first() == Some(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_are_those_of_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let etc = directory.path().join("etc");
        fs::create_dir(&etc).unwrap();
        fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\nweb:x:33:34:W:/srv:/bin/false\nbad:x:-1:0\n")
            .unwrap();
        fs::write(etc.join("group"), "web:x:34:\n").unwrap();
        let root = Root::open(directory.path()).unwrap();
        assert_eq!(user(&root, "web").unwrap(), Some((33, 34)));
        assert_eq!(user(&root, "we").unwrap(), None);
        assert_eq!(user(&root, "bad").unwrap(), None);
        assert_eq!(group(&root, "web").unwrap(), Some(34));
        assert_eq!(group(&root, "nobody").unwrap(), None);
    }

    #[test]
    fn a_root_without_accounts_has_no_names() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        assert_eq!(user(&root, "root").unwrap(), None);
        assert_eq!(group(&root, "root").unwrap(), None);
    }

    #[test]
    fn a_passwd_that_leads_out_is_not_the_hosts() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/etc", directory.path().join("etc")).unwrap();
        let root = Root::open(directory.path()).unwrap();
        // A link to itself inside the root: neither the host's answer nor a hang.
        assert!(user(&root, "root").is_err());
    }
}
