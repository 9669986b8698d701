//! Files that are not what they should be: no container, and a word why.

use crate::bench::{Bench, Bundle};
use crate::ended::Ended;
use crate::facts;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;

/// Nothing was made, and the same bundle makes a container when what was broken is mended.
fn nothing(bench: &Bench, ended: &Ended, words: &str) {
    ended.refused(words);
    assert!(bench.state("x").is_none(), "{words}");
}

/// The container's own process has every fact of the profile.
pub(crate) fn is_tight(pid: u32) {
    facts::is_tight(&facts::of(pid), "the container");
}

#[test]
fn a_container_is_under_its_whole_policy() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    is_tight(bench.start(&bundle));
}

#[test]
fn a_config_that_cannot_be_read_starts_nothing() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let whole = bundle.bytes();
    let config = bundle.config();
    let text = String::from_utf8(whole.clone()).unwrap();
    let twice = text.replacen("\"process\":", "\"process\":{},\"process\":", 1);
    let null = text.replacen("\"noNewPrivileges\":", "\"noNewPrivileges\":null,\"noNewPrivileges\":", 1);
    let mut long = whole.clone();
    long.resize(9 << 20, b' ');
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases: [(&[u8], &str); 10] = [
        (b"", "EOF"),
        (b"\0\0\0\0", "expected value"),
        (&whole[..whole.len() / 2], "EOF"),
        (&whole[..whole.len() - 1], "EOF"),
        (&long, "at most 8388608 are read"),
        (twice.as_bytes(), "the key `process` stands twice"),
        (null.as_bytes(), "the key `noNewPrivileges` stands twice"),
        (b"[]", "no JSON object"),
        (deep.as_bytes(), "recursion limit"),
        (b"{}{}", "trailing characters"),
    ];
    for (content, words) in cases {
        fs::write(&config, content).unwrap();
        nothing(&bench, &bench.create(&bundle), words);
        assert_eq!(bundle.bytes(), content, "{words}");
    }
    let elsewhere = bench.join("elsewhere.json");
    fs::write(&elsewhere, &whole).unwrap();
    let make: [(&dyn Fn(), &str); 5] = [
        (&|| symlink(&elsewhere, &config).unwrap(), "cannot open"),
        (&|| symlink("/dev/zero", &config).unwrap(), "cannot open"),
        (&|| fs::create_dir(&config).unwrap(), "is no regular file"),
        (&|| assert!(Command::new("mkfifo").arg(&config).status().unwrap().success()), "is no regular file"),
        (&|| {}, "No such file or directory"),
    ];
    for (make, words) in make {
        drop(fs::remove_file(&config));
        make();
        nothing(&bench, &bench.create(&bundle), words);
        drop(fs::remove_dir(&config));
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), whole);
    fs::write(&config, &whole).unwrap();
    is_tight(bench.start(&bundle));
}

#[test]
fn an_image_cannot_stand_where_the_init_does() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let init = bundle.path.join("rootfs/.stockade");
    symlink("bin/busybox", &init).unwrap();
    nothing(&bench, &bench.create(&bundle), "is a symbolic link");
    fs::remove_file(&init).unwrap();
    fs::create_dir(&init).unwrap();
    nothing(&bench, &bench.create(&bundle), "is a directory");
    fs::remove_dir(&init).unwrap();
    // A file is mounted over.
    fs::copy("/bin/busybox", &init).unwrap();
    is_tight(bench.start(&bundle));
}

/// What breaks the file that it is told.
type Breaks = fn(&Path);

/// Ways to break the rules or the profile, and words of the refusal.
const BROKEN: [(&str, Breaks, &str); 6] = [
    ("missing", |path| fs::remove_file(path).unwrap(), "No such file"),
    (
        "world-writable",
        |path| fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap(),
        "may write it",
    ),
    (
        "group-writable",
        |path| fs::set_permissions(path, Permissions::from_mode(0o664)).unwrap(),
        "may write it",
    ),
    ("another user's", |path| chown(path, Some(1), Some(1)).unwrap(), "does not belong to root"),
    ("no YAML", |path| fs::write(path, "stockade: [1\n").unwrap(), ""),
    ("of another version", |path| fs::write(path, "stockade: 2\nname: tight\n").unwrap(), ""),
];

#[test]
fn rules_and_profiles_that_cannot_be_trusted_start_nothing() {
    needs!("runtime", "runc", "busybox");
    for file in ["runtime.yaml", "tight.yaml"] {
        for (what, breaks, words) in BROKEN {
            let bench = Bench::new();
            let bundle = bench.bundle("x");
            let before = bundle.bytes();
            let path = bench.join(file);
            let whole = fs::read(&path).unwrap();
            let mend = || {
                drop(fs::remove_file(&path));
                fs::write(&path, &whole).unwrap();
            };
            breaks(&path);
            let ended = bench.create(&bundle);
            assert_eq!(ended.code, Some(125), "{file}, {what}: {ended:?}");
            assert!(ended.stderr.contains(words), "{file}, {what}: {ended:?}");
            assert_eq!(bundle.bytes(), before, "{file}, {what}");
            assert!(bench.state("x").is_none(), "{file}, {what}");
            // Between create and start nothing of them is read: what was made is made.
            mend();
            bench.create(&bundle).success();
            breaks(&path);
            crate::bench::ended(&mut bench.stockade(&["start", "x"])).success();
            is_tight(bench.pid("x"));
            // What is added is under the policy at the time of create, or is not there.
            let added = crate::bench::ended(bench.stockade(&["exec", "x"]).args(facts::OWN));
            if file == "runtime.yaml" {
                assert_eq!(added.code, Some(125), "{what}: {added:?}");
            } else {
                facts::is_tight(&facts::from(&added.success()), what);
            }
            // A container can be ended all the same.
            crate::bench::ended(&mut bench.stockade(&["delete", "--force", "x"])).success();
            assert!(bench.state("x").is_none(), "{file}, {what}");
        }
    }
}

#[test]
fn state_that_others_can_change_starts_nothing() {
    needs!("runtime", "runc", "busybox");
    let open: fn(&Path) = |path| fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    let given: fn(&Path) = |path| chown(path, Some(1), Some(1)).unwrap();
    let linked: fn(&Path) = |path| {
        let other = path.with_extension("other");
        fs::rename(path, &other).unwrap();
        symlink(&other, path).unwrap();
    };
    let plain: fn(&Path) = |path| {
        fs::remove_dir_all(path).unwrap();
        fs::write(path, "").unwrap();
    };
    for place in ["state", "state/containers"] {
        for (what, spoil) in [("open", open), ("given", given), ("linked", linked), ("plain", plain)] {
            let bench = Bench::new();
            let bundle = bench.bundle("x");
            fs::create_dir_all(bench.join("state/containers")).unwrap();
            for directory in ["state", "state/containers"] {
                fs::set_permissions(bench.join(directory), Permissions::from_mode(0o700)).unwrap();
            }
            // One that was made before.
            let made = bench.bundle("made");
            let pid = bench.start(&made);
            is_tight(pid);
            spoil(&bench.join(place));
            let ended = bench.create(&bundle);
            assert_eq!(ended.code, Some(125), "{place}, {what}: {ended:?}");
            assert!(bench.state("x").is_none(), "{place}, {what}");
            let added = crate::bench::ended(&mut bench.stockade(&["exec", "made", "/bin/true"]));
            assert_eq!(added.code, Some(125), "exec: {place}, {what}: {added:?}");
        }
    }
}

/// A file system with room for this many bytes, gone when dropped.
pub(crate) struct Small<'a>(&'a Path);

impl<'a> Small<'a> {
    pub(crate) fn over(path: &'a Path, bytes: usize) -> Self {
        fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "stockade-test"])
            .arg(path)
            .status()
            .unwrap();
        assert!(mounted.success());
        Small(path)
    }

    fn fill(&self) {
        let full = self.0.join("fill");
        // Ends when there is no room.
        drop(fs::write(&full, vec![0; 64 << 20]));
    }
}

impl Drop for Small<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").args(["--lazy"]).arg(self.0).status());
    }
}

#[test]
fn a_full_disk_starts_nothing() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let origin = bench.bundle("x");
    // The root stays where there is room.
    bench.rules(&format!("default: ./tight.yaml\nmounts: [{}]\n", origin.path.display()));
    let place = bench.join("small");
    let small = Small::over(&place, 16 << 10);
    let bundle = Bundle { id: "x".to_owned(), path: place.clone() };
    bundle.write(&origin.read());
    bundle.edit(|config| config["root"]["path"] = origin.path.join("rootfs").to_str().unwrap().into());
    let before = bundle.bytes();
    small.fill();
    nothing(&bench, &bench.create(&bundle), "No space left");
    assert_eq!(bundle.bytes(), before);
    assert_eq!(fs::read_dir(&place).unwrap().count(), 2, "a half file is left");
    // The other way round: no room for the state.
    let place = bench.join("narrow");
    let small = Small::over(&place, 512 << 10);
    fs::write(
        bench.join("runtime.yaml"),
        format!("stockade: 1\nstate: {}/state\ndefault: ./tight.yaml\n", place.display()),
    )
    .unwrap();
    small.fill();
    let before = origin.bytes();
    nothing(&bench, &bench.create(&origin), "No space left");
    assert_eq!(origin.bytes(), before);
    fs::remove_file(place.join("fill")).unwrap();
    is_tight(bench.start(&origin));
}
