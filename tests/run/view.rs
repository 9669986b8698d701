//! The tree of a policy beside what the kernel lets a program do: every right on every path of nested
//! grants and hidden places, as `stockade explain` tells it.
//!
//! The target is root with every capability, so that only the policy says no.

use crate::ended::Ended;
use crate::harness::{Scratch, busybox_root, compile_c, run};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// The directories of the root; each holds one program, `file`.
const DIRECTORIES: [&str; 7] = ["/a", "/a/b", "/a/b/c", "/a/b/c/d", "/a/x", "/z", "/z/y"];

/// What a profile says of the paths, beside the probe itself.
#[derive(Clone, Debug, Default)]
struct Tree {
    statements: Vec<(Kind, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Read,
    Write,
    Execute,
    Hide,
}

use Kind::{Execute, Hide, Read, Write as Change};

impl Kind {
    const ALL: [Kind; 4] = [Read, Change, Execute, Hide];

    fn key(self) -> &'static str {
        match self {
            Read => "read",
            Change => "write",
            Execute => "execute",
            Hide => "hide",
        }
    }
}

impl Tree {
    fn profile(&self) -> String {
        let mut text = "stockade: 1\nname: view\nabout: a tree of a test\nextends: [unconfined]\n\
                    process: {no_new_privileges: true}\nfiles:\n"
            .to_owned();
        text.push_str("  root: read-only\n  tmp: none\n  proc: none\n");
        for kind in Kind::ALL {
            let mut paths: Vec<&str> =
                self.statements.iter().filter(|(of, _)| *of == kind).map(|(_, path)| *path).collect();
            paths.extend((kind == Execute).then_some("/bin/probe"));
            let list = paths.join(", ");
            match kind {
                // `unconfined` hides nothing.
                Hide => writeln!(text, "  hide: [{list}]"),
                _ => writeln!(text, "  {}: {{replace: [{list}]}}", kind.key()),
            }
            .unwrap();
        }
        text.push_str("devices: {replace: []}\nnamespaces: {user: host}\n");
        text
    }
}

/// Shapes that each ask for another combination of layers.
fn chosen() -> Vec<Tree> {
    let trees: [&[(Kind, &'static str)]; 14] = [
        &[],
        &[(Read, "/")],
        &[(Read, "/a"), (Hide, "/a/b")],
        &[(Read, "/"), (Hide, "/a"), (Read, "/a/b")],
        &[(Change, "/a"), (Hide, "/a/b"), (Read, "/a/b/c"), (Change, "/a/b/c/d")],
        &[(Change, "/"), (Execute, "/"), (Hide, "/a"), (Read, "/a/b"), (Execute, "/a/b/c")],
        &[(Execute, "/a"), (Change, "/a/b"), (Hide, "/a/b/c"), (Execute, "/a/b/c/d")],
        &[(Change, "/a/b/file"), (Read, "/a/x/file"), (Hide, "/z/file")],
        &[(Change, "/a"), (Hide, "/a/file"), (Hide, "/a/b/file"), (Execute, "/a/b/c/file")],
        &[(Hide, "/a"), (Hide, "/a/b"), (Hide, "/a/b/c"), (Change, "/a/b/c/d")],
        &[(Hide, "/a"), (Change, "/a/b/c/file"), (Read, "/a/x"), (Hide, "/a/x/file")],
        &[(Execute, "/"), (Change, "/"), (Hide, "/z/y"), (Hide, "/a/b/c/d")],
        &[(Hide, "/a"), (Hide, "/z"), (Read, "/a/b/c/d/file"), (Execute, "/a/x"), (Change, "/z/y")],
        &[(Change, "/a/b"), (Execute, "/a/b/c"), (Change, "/z"), (Execute, "/z"), (Hide, "/z/y")],
    ];
    trees.map(|statements| Tree { statements: statements.to_vec() }).into()
}

/// Trees that nobody thought of, the same ones in every run (a linear congruence).
fn generated(count: usize) -> Vec<Tree> {
    let places: Vec<String> =
        DIRECTORIES.iter().flat_map(|path| [(*path).to_owned(), format!("{path}/file")]).collect();
    let places: Vec<&'static str> = places.into_iter().map(|path| &*path.leak()).collect();
    let mut state = 0x9e37_79b9_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    (0..count)
        .map(|_| {
            let statements = (0..4 + below(5)).map(|_| (Kind::ALL[below(4)], places[below(places.len())]));
            Tree { statements: BTreeMap::from_iter(statements.map(|said| (said, ()))).into_keys().collect() }
        })
        .collect()
}

/// The scratch root, and its objects as the probe takes them.
struct Bench {
    scratch: Scratch,
    root: String,
    objects: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let scratch = Scratch::new();
        let root = scratch.join("root");
        for directory in ["bin", "proc", "dev", "tmp", "sys"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/view/probe.c");
        compile_c(&source, &root.join("bin/probe"));
        let mut objects = Vec::new();
        for path in DIRECTORIES {
            let directory = root.join(&path[1..]);
            let file = directory.join("file");
            fs::create_dir_all(&directory).unwrap();
            fs::write(&file, "#!/bin/probe\n").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
            for (host, inside) in [(&directory, format!("{path}/")), (&file, format!("{path}/file"))] {
                let data = fs::metadata(host).unwrap();
                objects.push(format!("{}:{}:{inside}", data.dev(), data.ino()));
            }
        }
        Bench { root: root.display().to_string(), scratch, objects }
    }

    /// What the profile says of each object: the rights allowed, as the probe prints them.
    fn told(&self, profile: &str) -> Vec<String> {
        let told = self.objects.iter().map(|object| {
            let path = object.splitn(3, ':').nth(2).unwrap();
            let subject = format!("path:{}", path.trim_end_matches('/'));
            let text =
                run(&["explain", profile, &subject, "--root", &self.root, "--format", "json"]).success();
            let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(answer["gaps"], serde_json::json!([]), "{subject}");
            let rights: Vec<&str> = answer["answers"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|answer| answer["verdict"] == "allowed")
                .map(|answer| answer["about"].as_str().unwrap())
                // Nobody executes a directory.
                .filter(|right| *right != "execute" || !path.ends_with('/'))
                .collect();
            line(path, &rights)
        });
        told.collect()
    }

    /// What the kernel lets the probe do.
    fn done(&self, profile: &str) -> Vec<String> {
        let mut arguments =
            vec!["run", "--verify", "--profile", profile, "--root", &self.root, "--", "/bin/probe", "try"];
        arguments.extend(self.objects.iter().map(String::as_str));
        run(&arguments).success().lines().map(str::to_owned).collect()
    }
}

fn line(path: &str, rights: &[&str]) -> String {
    std::iter::once(path).chain(rights.iter().copied()).collect::<Vec<_>>().join(" ")
}

/// Compares all trees, and tells of every difference at once.
fn agree(trees: &[Tree]) {
    let bench = Bench::new();
    let mut differences = String::new();
    let (mut allowed, mut denied) = (0, 0);
    for (number, tree) in trees.iter().enumerate() {
        let profile = bench.scratch.file(&format!("{number}.yaml"), &tree.profile());
        let (told, done) = (bench.told(&profile), bench.done(&profile));
        assert_eq!(told.len(), done.len());
        let mut heading = format!("{tree:?}\n");
        for (told, done) in told.iter().zip(&done) {
            let rights = told.split(' ').count() - 1;
            allowed += rights;
            denied += 4 - rights;
            if told != done {
                differences.push_str(&std::mem::take(&mut heading));
                writeln!(differences, "  told {told}\n  done {done}").unwrap();
            }
        }
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(allowed > trees.len() * 5 && denied > trees.len() * 5, "{allowed} allowed, {denied} denied");
}

#[test]
fn chosen_trees_are_what_the_kernel_enforces() {
    needs!("run", "busybox", "gcc");
    agree(&chosen());
}

#[test]
fn generated_trees_are_what_the_kernel_enforces() {
    needs!("run", "busybox", "gcc");
    agree(&generated(24));
}

#[test]
fn what_is_shown_below_a_hidden_path_is_reached_by_any_user_and_its_neighbours_are_not() {
    needs!("run", "busybox", "gcc");
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    fs::create_dir_all(root.join("run/inner/shown")).unwrap();
    for file in ["run/secret", "run/inner/secret", "run/inner/shown/file"] {
        fs::write(root.join(file), "text").unwrap();
    }
    fs::write(root.join("run/inner/alone"), "alone").unwrap();
    let profile = scratch.file(
        "shown.yaml",
        "stockade: 1\nname: shown\nfiles: {read: [/run/inner/shown, /run/inner/alone], execute: [/bin]}\n",
    );
    let script = "cat /run/inner/shown/file /run/inner/alone; \
                  cat /run/secret; cat /run/inner/secret; ls /run; ls /run/inner; echo > /run/inner/new";
    // The launcher's umask must not make the way impassable.
    let command = format!(
        "umask 077; exec {} run --verify --profile {profile} --root {} -- /bin/sh -c '{script}'",
        env!("CARGO_BIN_EXE_stockade"),
        root.display()
    );
    let ended = Ended::from(Command::new("sh").args(["-c", &command]).output().unwrap());
    assert_eq!(ended.stdout, "textalone", "{ended:?}");
    let (verified, said) = ended.stderr.split_once('\n').unwrap();
    assert!(verified.starts_with("verified: shown "), "{verified}");
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(
        said,
        [
            "cat: can't open '/run/secret': No such file or directory",
            "cat: can't open '/run/inner/secret': No such file or directory",
            "ls: can't open '/run': Permission denied",
            "ls: can't open '/run/inner': Permission denied",
            "/bin/sh: can't create /run/inner/new: Read-only file system",
        ]
    );
}
