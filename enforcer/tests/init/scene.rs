//! A policy and what it becomes: the plan for this host, the init's file, the filter that a runtime installs.

use crate::world::BuiltIn;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use stockade_enforcer::{oci, probe};
use stockade_policy::compile::{Request, compile};
use stockade_policy::diagnostic::render;
use stockade_policy::export::{Dialect, seccomp_json};
use stockade_policy::lookup::Source;
use stockade_policy::parse::parse;
use stockade_policy::plan::Plan;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, resolve};
use stockade_policy::seccomp::outer::outer;

/// Every layer that the init takes on, and a policy that itself forbids what the init does.
pub(crate) const EVERYTHING: &str = "
extends: [restricted]
process: {user: 101:101}
syscalls:
  deny: [landlock_create_ruleset, landlock_add_rule, landlock_restrict_self, openat2]
files:
  read: [/probe, /data/seen]
  execute: [/probe]
  write: [/data/mine, /data/file]
";

/// Files are not constrained: what `/.stockade` withstands, it withstands by its mount.
pub(crate) const OPEN_FILES: &str = "
extends: [unconfined]
process: {no_new_privileges: true, write_xor_execute: true}
syscalls:
  deny: [unshare]
";

pub(crate) struct Scene {
    pub(crate) policy: Policy,
    pub(crate) plan: Plan,
    /// What the runtime is given as `linux.seccomp`.
    pub(crate) seccomp: serde_json::Value,
    /// The init, and the directory that it is in.
    pub(crate) init: PathBuf,
    directory: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new(profile: &str) -> Scene {
        let text = format!("stockade: 1\ntable: v6.18\nname: scene\nabout: A scene\n{profile}");
        let source = Source { file: "scene.yaml".into(), text: text.into_bytes() };
        let policy = parse(&source)
            .and_then(|profile| resolve(&profile, &BuiltIn, Mode::Profile))
            .unwrap_or_else(|faults| panic!("{}", render(&faults, false)));
        let host = probe::host().unwrap();
        let request = Request { root: "/".to_owned(), floors: String::new() };
        let plan = compile(&policy, &host, &request, &BuiltIn).unwrap();
        let outer = outer(&policy.syscalls).unwrap();
        let json = seccomp_json(&outer, &policy.filter, host.arch, Dialect::Oci).unwrap().json;
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let init = directory.path().join("init");
        assert!(oci::init::is_needed(&plan));
        fs::write(&init, oci::init::file(&plan).unwrap()).unwrap();
        fs::set_permissions(&init, Permissions::from_mode(oci::init::MODE)).unwrap();
        Scene { policy, plan, seccomp: serde_json::from_str(&json).unwrap(), init, directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

/// The program that says what is forbidden to it, static.
pub(crate) fn probe_program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("init");
        fs::create_dir_all(&directory).unwrap();
        // Whole under its name, whoever else builds it.
        let fresh = directory.join(format!("probe-{}", std::process::id()));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/init/probe.c");
        let status = Command::new("cc")
            .args(["-static", "-O1", "-Wall", "-Werror", "-o"])
            .args([&fresh, &source])
            .status()
            .unwrap();
        assert!(status.success());
        let program = directory.join("probe");
        fs::rename(fresh, &program).unwrap();
        program
    })
}
