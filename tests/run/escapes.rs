//! Known ways out of a container, tried from inside, with what the kernel answers. A way that once led out
//! stays here beside those that never did.

use crate::ended::Ended;
use crate::harness::{Scratch, busybox_root, compile_c, run, stockade};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

const NO_FILE: &str = "No such file or directory";
const EPERM: &str = "Operation not permitted";
const EACCES: &str = "Permission denied";
const EINVAL: &str = "Invalid argument";
const ENOSYS: &str = "Function not implemented";
/// SIGSYS: the interface itself is closed.
const KILLED: &str = "signal 31";

/// What each primitive of `escapes/primitives.c` comes to under `restricted`.
const RESTRICTED: &[(&str, &str)] = &[
    // The first process: hidden, and out of reach by number.
    ("exe_of_init", NO_FILE),
    ("memory_of_init", NO_FILE),
    ("root_of_init", NO_FILE),
    ("cwd_of_init", NO_FILE),
    ("environment_of_init", NO_FILE),
    ("descriptors_of_init", NO_FILE),
    ("trace_init", EPERM),
    ("write_into_init", EPERM),
    ("descriptor_of_init", EPERM),
    ("join_init", EPERM),
    // Sent, and without effect: what comes after them runs.
    ("kill_init", "ok"),
    ("stop_init", "ok"),
    // The kernel's files.
    ("own_memory", EACCES),
    ("core_pattern", NO_FILE),
    ("sysrq", NO_FILE),
    ("kernel_core", NO_FILE),
    ("oom_score", EACCES),
    ("id_map", EACCES),
    ("attributes", EACCES),
    ("kernel_log", NO_FILE),
    ("disk", NO_FILE),
    ("terminal", "No such device or address"),
    ("shadow", EACCES),
    ("host_processes", EACCES),
    ("write_program", EACCES),
    ("above_root", NO_FILE),
    // Namespaces and mounts.
    ("new_user", EPERM),
    ("new_mounts", EPERM),
    ("clone_user", EPERM),
    ("clone_three", ENOSYS),
    ("mount_tmpfs", EPERM),
    ("remount", EPERM),
    ("new_mount_call", EPERM),
    ("tree_call", EPERM),
    ("unmount", EPERM),
    ("pivot", EPERM),
    ("change_root", EPERM),
    ("by_handle", EPERM),
    ("make_disk", EPERM),
    ("link_out", "Invalid cross-device link"),
    // Code that no rule names.
    ("exec_scratch", EACCES),
    ("map_scratch", EPERM),
    ("exec_memory", EPERM),
    ("exec_memory_path", EPERM),
    ("exec_memory_asked", EPERM),
    ("exec_memory_sealed", EPERM),
    ("map_memory", EPERM),
    ("writable_code", EACCES),
    ("turned_code", EACCES),
    ("shared_code", EACCES),
    ("implied_code", EPERM),
    // The caller's terminal, quota and keys.
    ("type_into_terminal", EPERM),
    ("take_terminal", "Inappropriate ioctl for device"),
    ("paste", EPERM),
    ("project_id", EPERM),
    ("project_id_wide", EPERM),
    ("session_key", EPERM),
    ("read_keys", EPERM),
    // Seldom used kernel code, and calls that change the host.
    ("bpf_call", EPERM),
    ("perf", EPERM),
    ("userfault", EPERM),
    ("ring", EPERM),
    ("module", EPERM),
    ("load_kernel", EPERM),
    ("restart", EPERM),
    ("quota", EPERM),
    ("host_name", EPERM),
    ("log_call", EPERM),
    // Privilege.
    ("become_root", EINVAL),
    ("become_other", EINVAL),
    ("take_groups", EPERM),
    ("raise_capability", EPERM),
    ("loosen_bits", EPERM),
    ("raise_ambient", EPERM),
    ("move_image", EPERM),
    ("real_time", EPERM),
    ("raise_limit", EPERM),
    // The network, and what else the host's processes listen on.
    ("vsock", EPERM),
    ("vsock_wide", EPERM),
    ("packet", EPERM),
    ("raw_socket", EPERM),
    ("netlink", EPERM),
    ("algorithm", EPERM),
    ("abstract_socket", "Connection refused"),
    ("host_segment", EINVAL),
    // Other interfaces.
    ("unknown_call", ENOSYS),
];

#[cfg(target_arch = "x86_64")]
const INTERFACES: &[(&str, &str)] = &[("interface_i386", KILLED), ("interface_x32", KILLED)];
#[cfg(not(target_arch = "x86_64"))]
const INTERFACES: &[(&str, &str)] = &[];

/// What is loosened by each profile, and what that opens.
const LOOSER: &[(&str, &[(&str, &str)])] = &[
    (
        "batch",
        &[
            // Files in memory, but none that runs.
            ("exec_memory", EACCES),
            ("exec_memory_path", EACCES),
            ("exec_memory_asked", EACCES),
            ("exec_memory_sealed", EACCES),
            ("map_memory", "ok"),
            ("writable_code", "ok"),
            ("turned_code", "ok"),
            ("shared_code", "ok"),
            ("implied_code", "ok"),
        ],
    ),
    (
        "web",
        &[
            // No file in memory at all where code must not have been writable.
            ("exec_memory", EACCES),
            ("exec_memory_path", EACCES),
            ("exec_memory_asked", EACCES),
            ("exec_memory_sealed", EACCES),
            ("map_memory", EACCES),
            ("implied_code", "ok"),
            // No user namespace of its own, whose map would lack these ids.
            ("become_root", EPERM),
            ("become_other", EPERM),
            ("netlink", "ok"),
            // The host's network, with whoever listens on it: what `network: host` says.
            ("abstract_socket", "ok"),
        ],
    ),
];

/// A root with the primitives, and what of the host they reach for.
struct Bench {
    scratch: Scratch,
    _listener: UnixListener,
    name: String,
    segment: String,
}

impl Bench {
    fn new() -> Self {
        let scratch = Scratch::new();
        let root = scratch.join("root");
        busybox_root(&root);
        fs::write(root.join("etc/shadow"), "secret").unwrap();
        fs::set_permissions(root.join("etc/shadow"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(scratch.join("secret"), "secret").unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/escapes/primitives.c");
        compile_c(&source, &root.join("bin/primitives"));
        let name = scratch.join("abstract").display().to_string();
        let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let made = Command::new("ipcmk").args(["-M", "16", "-p", "0666"]).output().unwrap();
        let segment = String::from_utf8(made.stdout).unwrap();
        let segment = segment.rsplit(' ').next().unwrap().trim().to_owned();
        Bench { scratch, _listener: listener, name, segment }
    }

    fn arguments(&self, profile: &str) -> Vec<String> {
        let root = self.scratch.join("root").display().to_string();
        [
            "run",
            "--profile",
            profile,
            "--root",
            &root,
            "--",
            "/bin/primitives",
            "all",
            &self.name,
            &self.segment,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = Command::new("ipcrm").args(["-m", &self.segment]).status();
    }
}

/// The outcomes that were printed, and that they are all.
fn outcomes(ended: &Ended) -> BTreeMap<&str, &str> {
    assert_eq!(ended.stdout.lines().last(), Some("done"), "{ended:?}");
    ended.stdout.lines().filter_map(|line| line.split_once(": ")).collect()
}

fn compare(what: &str, ended: &Ended, looser: &[(&str, &str)]) {
    let found = outcomes(ended);
    let mut expected: BTreeMap<&str, &str> = RESTRICTED.iter().chain(INTERFACES).copied().collect();
    expected.extend(looser.iter().copied());
    let other: Vec<_> = expected
        .iter()
        .filter(|(name, outcome)| found.get(*name) != Some(*outcome))
        .map(|(name, outcome)| (name, outcome, found.get(name)))
        .collect();
    assert!(other.is_empty(), "{what}: primitive, expected, found: {other:#?}");
    assert_eq!(found.len(), expected.len(), "{what}: every primitive has an expectation");
}

#[test]
fn known_primitives_are_stopped() {
    needs!("run", "busybox", "gcc");
    let bench = Bench::new();
    for (profile, looser) in
        [("restricted", &[][..]), ("offline", &[])].into_iter().chain(LOOSER.iter().copied())
    {
        let arguments = bench.arguments(profile);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        compare(profile, &run(&arguments), looser);
    }
}

#[test]
fn known_primitives_are_stopped_without_root() {
    needs!("run", "busybox", "gcc");
    let bench = Bench::new();
    let output = Command::new("setpriv")
        .args(["--reuid", "1000", "--regid", "1000", "--clear-groups", env!("CARGO_BIN_EXE_stockade")])
        .args(bench.arguments("restricted"))
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    compare("restricted, as user 1000", &Ended::from(output), &[]);
}

#[test]
fn a_directory_of_the_host_is_not_handed_in() {
    needs!("run", "busybox", "gcc");
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    fs::write(scratch.join("secret"), "secret").unwrap();
    let root = root.display().to_string();
    for profile in ["restricted", "docker-default"] {
        let mut command =
            stockade(&["run", "--profile", profile, "--root", &root, "--", "/bin/ls", "/proc/self/fd/0/"]);
        let ended = Ended::from(command.stdin(File::open(scratch.join("")).unwrap()).output().unwrap());
        assert_eq!(ended.code, Some(2), "{profile}: {ended:?}");
        assert!(!ended.stdout.contains("secret") && ended.stderr.contains("descriptor 0"), "{ended:?}");
    }
    let script = format!(
        "exec {} run --pass-fd 5 --root {root} -- /bin/true 5<{}",
        env!("CARGO_BIN_EXE_stockade"),
        scratch.join("").display()
    );
    let ended = Ended::from(Command::new("sh").args(["-c", &script]).output().unwrap());
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn sockets_in_the_hosts_scratch_directories_are_out_of_sight() {
    needs!("run", "busybox", "gcc");
    for directory in ["/tmp", "/var/tmp", "/run"] {
        let place = tempfile::Builder::new().prefix("stockade-test-").tempdir_in(directory).unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = place.path().join("socket");
        let _listener = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let program = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
        let ended = run(&[
            "run",
            "--profile",
            "offline",
            "--",
            "/usr/bin/python3",
            "-c",
            program,
            path.to_str().unwrap(),
        ]);
        assert_eq!(ended.code, Some(1), "{directory}: {ended:?}");
        assert!(
            ended.stderr.contains("PermissionError") || ended.stderr.contains("FileNotFoundError"),
            "{directory}: {ended:?}"
        );
    }
}

#[test]
fn a_fork_bomb_ends_at_its_limit() {
    needs!("run", "busybox", "gcc");
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    let root = root.display().to_string();
    let script = "i=0; while [ $i -lt 600 ]; do sleep 60 & i=$((i+1)); done; echo all";
    let ended = run(&["run", "--root", &root, "--", "/bin/sh", "-c", script]);
    assert!(!ended.stdout.contains("all") && ended.stderr.contains("can't fork"), "{ended:?}");
}

#[test]
fn interpreters_that_loop_or_name_nobody_start_nothing() {
    needs!("run", "busybox", "gcc");
    let scratch = Scratch::new();
    let root = scratch.join("root");
    busybox_root(&root);
    for (name, text, code) in [
        ("itself", "#!/bin/itself\n", 126),
        ("nobody", "#!/bin/nobody-there\n", 127),
        // Above the root is the root: its own shell, in which the script does nothing.
        ("above", "#!../../../../bin/sh\n", 0),
        ("damaged", "\x7fELF\x02\x01\x01", 126),
    ] {
        let path = root.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let execute = format!("{{files: {{execute: {{replace: [/bin/{name}]}}}}}}");
        let program = format!("/bin/{name}");
        let ended = run(&["run", "--set", &execute, "--root", root.to_str().unwrap(), "--", &program]);
        assert_eq!(ended.code, Some(code), "{name}: {ended:?}");
    }
    // The init's own file, without a host program in it, and as harmless a second time.
    let ended = run(&["run", "--root", root.to_str().unwrap(), "--", "/proc/self/exe"]);
    assert_ne!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn groups_that_a_caller_cannot_leave_are_told() {
    needs!("run", "busybox", "gcc");
    let launch = |groups: &str| {
        let output = Command::new("setpriv")
            .args(["--reuid", "1000", "--regid", "1000", "--groups", groups])
            .args([env!("CARGO_BIN_EXE_stockade"), "run", "--", "/bin/true"])
            .env_clear()
            .stdin(Stdio::null())
            .output()
            .unwrap();
        Ended::from(output)
    };
    let alone = launch("1000");
    assert_eq!((alone.code, alone.stderr.as_str()), (Some(0), ""));
    let with_shadow = launch("1000,42");
    assert_eq!(with_shadow.code, Some(0), "{with_shadow:?}");
    assert!(
        with_shadow.stderr.contains("warning") && with_shadow.stderr.contains("groups 42"),
        "{with_shadow:?}"
    );
}
