//! The file tree against the kernel: what a tree of grants says is what Landlock does with the same
//! grants, and a meet of trees is what stacked rulesets do.
//!
//! Landlock confines a thread: each trial runs in one of its own. `hide` is not tried here: Landlock
//! only adds rights on the way down, so hidden paths are made by mounts.

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::files::{FileTree, Rights, Statement};
use stockade_policy::origin::{Origin, Origins};

/// Truncation came with the third ABI, 6.2; without it "may not write" is not what the kernel enforces.
const NEEDED: ABI = ABI::V3;
const DIRECTORIES: [&str; 7] = ["/", "/a", "/a-b", "/a/b", "/a/b/c", "/d", "/d/e"];
/// What a dynamic program needs beside itself.
const SYSTEM: [&str; 5] = ["/usr", "/bin", "/lib", "/lib64", "/etc"];

/// A scratch tree: in every directory a file and a program.
struct World {
    base: PathBuf,
}

impl World {
    fn new() -> io::Result<Self> {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("landlock-{}", std::process::id()));
        let world = World { base };
        for directory in DIRECTORIES {
            let at = world.at(directory);
            fs::create_dir_all(&at)?;
            fs::write(at.join("file"), "content")?;
            fs::copy("/bin/true", at.join("program"))?;
        }
        Ok(world)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.base.join(path.trim_start_matches('/'))
    }

    /// What the calling thread can do in a directory.
    fn attempt(&self, directory: &str, right: Rights) -> bool {
        let at = self.at(directory);
        let fresh = at.join("fresh");
        let tried = match right {
            Rights::READ => vec![File::open(at.join("file")).map(drop), fs::read_dir(&at).map(drop)],
            Rights::WRITE => vec![
                OpenOptions::new().write(true).open(at.join("file")).map(drop),
                fs::create_dir(&fresh).and_then(|()| fs::remove_dir(&fresh)),
                File::create(&fresh).and_then(|_| fs::remove_file(&fresh)),
            ],
            _ => vec![Command::new(at.join("program")).status().map(drop)],
        };
        let allowed = tried.iter().filter(|attempt| attempt.is_ok()).count();
        let refused = tried
            .iter()
            .filter(|attempt| {
                attempt.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
            })
            .count();
        assert_eq!(allowed + refused, tried.len(), "neither done nor refused: {tried:?}");
        assert!(allowed == 0 || refused == 0, "half a right on {directory}: {tried:?}");
        allowed > 0
    }

    /// Confines the calling thread to these grants.
    fn confine(&self, grants: &[Statement]) -> Result<(), RulesetError> {
        let mut ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))?
            .create()?;
        for grant in grants {
            let beneath = PathFd::new(self.at(&grant.path)).expect("the world stands");
            ruleset = ruleset.add_rule(PathBeneath::new(beneath, access(grant.rights)))?;
        }
        for path in SYSTEM.into_iter().filter(|path| Path::new(path).exists()) {
            let beneath = PathFd::new(path).expect("it exists");
            ruleset = ruleset.add_rule(PathBeneath::new(beneath, AccessFs::from_read(NEEDED)))?;
        }
        ruleset.restrict_self().map(drop)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.base));
    }
}

/// What the rights are in the kernel's words.
fn access(rights: Rights) -> BitFlags<AccessFs> {
    let mut access = BitFlags::EMPTY;
    if rights.closed().contains(Rights::READ) {
        access |= AccessFs::ReadFile | AccessFs::ReadDir;
    }
    if rights.contains(Rights::WRITE) {
        access |= AccessFs::from_write(NEEDED);
    }
    if rights.contains(Rights::EXECUTE) {
        access |= AccessFs::Execute;
    }
    access
}

fn grants() -> impl Strategy<Value = Vec<Statement>> {
    let right = prop::sample::select(vec![Rights::READ, Rights::WRITE, Rights::EXECUTE, Rights(12)]);
    let grant =
        (prop::sample::select(DIRECTORIES.to_vec()), right, 1..9u32).prop_map(|(path, rights, line)| {
            let origin = Origin { file: "web.yaml".into(), line, column: 1 };
            Statement { path: path.to_owned(), rights, origin }
        });
    prop::collection::vec(grant, 0..5)
}

/// Why the kernel cannot be asked, if it cannot.
fn missing() -> Option<String> {
    let asked = std::thread::spawn(|| {
        Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(NEEDED))
            .and_then(Ruleset::create)
            .map(drop)
    });
    asked.join().expect("asking does not panic").err().map(|error| error.to_string())
}

#[test]
fn a_tree_of_grants_is_what_landlock_does() {
    if let Some(why) = missing() {
        println!("SKIP lattice-landlock: Landlock ABI 3 is not here: {why}");
        return;
    }
    let world = World::new().unwrap();
    let (allowed, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let config = ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(layers in prop::collection::vec(grants(), 1..4))| {
        let mut tree = FileTree::unconstrained();
        for grants in &layers {
            let layer = FileTree::from_statements(grants, &Origins::new()).unwrap();
            tree = tree.meet(&layer).unwrap();
        }
        let seen = std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                layers.iter().try_for_each(|grants| world.confine(grants))?;
                let tries = DIRECTORIES.into_iter().flat_map(|directory| {
                    [Rights::READ, Rights::WRITE, Rights::EXECUTE].map(|right| (directory, right))
                });
                let seen = tries.map(|(at, right)| ((at, right.0), world.attempt(at, right)));
                Ok::<BTreeMap<_, _>, RulesetError>(seen.collect())
            });
            confined.join()
        });
        let seen = seen.expect("the confined thread ends").unwrap();
        for ((directory, right), done) in seen {
            (if done { &allowed } else { &refused }).fetch_add(1, Ordering::Relaxed);
            prop_assert_eq!(tree.decide(directory, Rights(right)).0, done, "{} {}", directory, right);
        }
    });
    let (allowed, refused) = (allowed.into_inner(), refused.into_inner());
    println!("Landlock agreed on {allowed} rights allowed and {refused} refused");
    assert!(allowed > 0 && refused > 0);
}
