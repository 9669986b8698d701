//! Options of mounts that are known to give nothing away. mount(8), runc(8); OCI runtime specification, config.md,
//! "Linux mount options".

/// Of every mount.
const ANY: [&str; 38] = [
    "ro",
    "rw",
    "rro",
    "nosuid",
    "suid",
    "rnosuid",
    "nodev",
    "dev",
    "rnodev",
    "noexec",
    "exec",
    "rnoexec",
    "bind",
    "rbind",
    "private",
    "rprivate",
    "slave",
    "rslave",
    "unbindable",
    "runbindable",
    "relatime",
    "norelatime",
    "rrelatime",
    "noatime",
    "atime",
    "rnoatime",
    "strictatime",
    "nostrictatime",
    "rstrictatime",
    "diratime",
    "nodiratime",
    "rnodiratime",
    "sync",
    "async",
    "dirsync",
    "nosymfollow",
    "rnosymfollow",
    "defaults",
];

/// Of one kind of file system beside them; one that ends in `=` has a value.
const OWN: [(&str, &[&str]); 5] = [
    (
        "tmpfs",
        &["size=", "mode=", "uid=", "gid=", "nr_inodes=", "nr_blocks=", "mpol=", "tmpcopyup", "noswap"],
    ),
    ("proc", &["hidepid=", "subset=", "gid="]),
    ("devpts", &["newinstance", "ptmxmode=", "mode=", "gid=", "uid=", "max="]),
    ("cgroup", &["xattr", "nsdelegate", "memory_recursiveprot"]),
    ("cgroup2", &["nsdelegate", "memory_recursiveprot", "memory_localevents"]),
];

/// The first option that is not known. What is not known could be `remount`, which changes a mount that is there, or
/// `idmap`, which makes the container another user on the host's files.
pub(super) fn unknown<'a>(kind: &str, mut options: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let own = OWN.iter().find(|(name, _)| *name == kind).map(|(_, own)| *own).unwrap_or_default();
    let is_own = |option: &str| {
        own.iter()
            .any(|known| if known.ends_with('=') { option.starts_with(known) } else { option == *known })
    };
    options.find(|option| !ANY.contains(option) && !is_own(option))
}

#[cfg(test)]
mod tests {
    use super::unknown;

    #[test]
    fn what_changes_other_mounts_is_not_known() {
        let found = |kind: &str, options: &[&'static str]| unknown(kind, options.iter().copied());
        for option in
            ["remount", "rrw", "rexec", "rsuid", "rdev", "idmap", "shared", "rshared", "Ro", "", "size=1"]
        {
            assert_eq!(found("bind", &["rbind", option]), Some(option));
        }
        assert_eq!(found("tmpfs", &["nosuid", "size=64m", "mode=1777"]), None);
        assert_eq!(found("proc", &["nosuid", "hidepid=4"]), None);
        assert_eq!(found("devpts", &["hidepid=4"]), Some("hidepid=4"));
    }
}
