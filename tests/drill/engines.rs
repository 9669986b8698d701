//! The probes in containers of others.

use crate::drilled::{drilled, has, run, targets};
use crate::ended::Ended;
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What Docker's default has open, whatever its version.
const OPEN_BY_DEFAULT: [&str; 10] = [
    "become_other",
    "execute_memory",
    "make_disk",
    "make_memory_device",
    "new_privileges",
    "packet",
    "raw",
    "secure_bits",
    "trace_parent",
    "writable_code",
];

#[test]
fn what_docker_starts_by_default_stands_beside_restricted() {
    needs!("drill");
    if !has("runc") {
        return println!("SKIP drill-runc: there is no runc here");
    }
    let ended = run(|_| {}, &["--against", "runc", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let targets = targets(&ended);
    let [restricted, docker] = targets.as_slice() else { panic!("two targets") };
    assert_eq!((restricted.count("open"), docker.count("contradicting")), (0, 0));
    for probe in OPEN_BY_DEFAULT {
        assert_eq!((docker.verdict(probe), restricted.verdict(probe)), ("open", "stopped"), "{probe}");
    }
    assert!(docker.count("stopped") < restricted.count("stopped"));
    // What this kernel does not have it has in neither.
    assert_eq!(docker.with("absent"), restricted.with("absent"));
    let ended = run(|_| {}, &["--against", "runc"]);
    let head: Vec<&str> = ended.stdout.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(head, ["restricted", "runc"]);
    let line = ended.stdout.lines().find(|line| line.contains("trace_parent")).unwrap();
    let columns: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
    assert_eq!(columns, ["processes", "trace_parent", "stopped: seccomp", "open"]);
}

#[test]
fn a_container_that_is_looser_than_its_profile_is_a_no() {
    needs!("drill");
    if !has("runc") {
        return println!("SKIP drill-runc: there is no runc here");
    }
    let found = drilled(1, &["--engine", "runc", "--profile", "restricted"]);
    assert!(found.count("contradicting") > 20, "{}", found.counts);
    assert_eq!(found.probes["trace_parent"]["declared_stopped"], true);
    let ended = run(|_| {}, &["--engine", "runc", "--profile", "restricted"]);
    assert_eq!(ended.code, Some(1));
    let told = "trace_parent is open, and the profile `restricted` says that it is stopped";
    assert!(ended.stdout.contains(told) && ended.stdout.contains("OPEN"), "{}", ended.stdout);
}

/// The cgroup below which an engine puts its containers, in every hierarchy; gone at the end.
struct Cgroup(String);

impl Cgroup {
    fn new(engine: &str) -> Cgroup {
        Cgroup(format!("stockade-test-{}-{engine}", std::process::id()))
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
        for top in hierarchies.map(|entry| entry.path()).chain(["/sys/fs/cgroup".into()]) {
            let parent = top.join(&self.0);
            // Engines take those of their containers away; one that failed may not have.
            for below in fs::read_dir(&parent).into_iter().flatten().flatten() {
                drop(fs::remove_dir(below.path()));
            }
            drop(fs::remove_dir(parent));
        }
    }
}

/// A dockerd of its own, told to stop and waited for at the end.
struct Dockerd {
    child: Child,
    place: tempfile::TempDir,
    _cgroup: Cgroup,
}

impl Dockerd {
    fn start() -> Dockerd {
        // Short: a socket's path ends at 107 bytes.
        let place = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let path = |name: &str| place.path().join(name).display().to_string();
        let cgroup = Cgroup::new("docker");
        let config = json!({
            "cgroup-parent": format!("/{}", cgroup.0),
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("pid"),
            "hosts": [format!("unix://{}", path("docker.sock"))],
            // Nothing of the host's network is touched.
            "bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false,
        });
        fs::write(path("daemon.json"), config.to_string()).unwrap();
        let log = fs::File::create(path("log")).unwrap();
        let mut command = Command::new("setpriv");
        // A test that is killed leaves no daemon behind.
        command.args(["--pdeathsig", "TERM", "--", "dockerd", "--config-file", &path("daemon.json")]);
        let child =
            command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let dockerd = Dockerd { child, place, _cgroup: cgroup };
        let start = Instant::now();
        while UnixStream::connect(dockerd.place.path().join("docker.sock")).is_err() {
            let log = || fs::read_to_string(dockerd.place.path().join("log")).unwrap();
            assert!(start.elapsed() < Duration::from_secs(60), "{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
        dockerd
    }

    fn drill(&self, arguments: &[&str]) -> Ended {
        let host = format!("unix://{}", self.place.path().join("docker.sock").display());
        let set = |command: &mut Command| {
            command.env("DOCKER_HOST", &host).env("DOCKER_CONFIG", self.place.path().join("client"));
        };
        let ended = run(set, arguments);
        for list in [&["ps", "--all", "--quiet"][..], &["images", "--quiet"]] {
            let output = Command::new("docker").args(list).env("DOCKER_HOST", &host).output().unwrap();
            assert_eq!(
                String::from_utf8_lossy(&output.stdout),
                "",
                "{list:?}: nothing is left with the engine"
            );
        }
        ended
    }
}

impl Drop for Dockerd {
    fn drop(&mut self) {
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while told.is_ok() && start.elapsed() < Duration::from_secs(20) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn docker_starts_it_in_an_image_with_nothing_in_it() {
    needs!("drill");
    if !has("dockerd") || !has("docker") {
        return println!("SKIP drill-docker: there is no dockerd here");
    }
    let docker = Dockerd::start();
    let ended = docker.drill(&["--engine", "docker", "--format", "json", "--", "--network=none"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = targets(&ended).pop().unwrap();
    for probe in OPEN_BY_DEFAULT {
        assert_eq!(found.verdict(probe), "open", "{probe}");
    }
    assert_eq!(found.with("not_tried"), ["descriptor_burst", "memory_burst", "process_burst"]);
    // Nothing says what it should be under.
    assert!(found.probes["trace_parent"]["declared_stopped"].is_null());
    let dropped = [
        "--engine",
        "docker",
        "--limited",
        "--format",
        "json",
        "--",
        "--network=none",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--pids-limit=100",
        "--memory=64m",
        "--ulimit=nofile=1024:1024",
    ];
    let ended = docker.drill(&dropped);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let tightened = targets(&ended).pop().unwrap();
    for probe in ["raw", "make_disk", "become_other", "new_privileges", "process_burst", "memory_burst"] {
        assert_eq!(tightened.verdict(probe), "stopped", "{probe}");
    }
    let ended = docker.drill(&["--engine", "docker", "--image", "there-is-none", "--", "--pull=never"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("docker failed") && ended.stderr.contains("there-is-none"),
        "{}",
        ended.stderr
    );
}

#[test]
fn podman_starts_it_too() {
    needs!("drill");
    if !has("podman") || !has("runc") {
        return println!("SKIP drill-podman: there is no podman here");
    }
    let place = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    let path = |name: &str| place.path().join(name).display().to_string();
    // Not the host's podman: its store, its runtime's state, and no systemd.
    let globals = format!(
        "--root={} --runroot={} --tmpdir={} --runtime=/usr/sbin/runc --runtime-flag=root={} \
         --cgroup-manager=cgroupfs --events-backend=file",
        path("root"),
        path("run"),
        path("tmp"),
        path("state")
    );
    script(&place.path().join("bin/podman"), &format!("exec /usr/bin/podman {globals} \"$@\""));
    let search = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", path("bin"));
    let cgroup = Cgroup::new("podman");
    let parent = format!("--cgroup-parent=/{}", cgroup.0);
    let options = [&parent, "--network=none", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"];
    let arguments = [&["--engine", "podman", "--format", "json", "--"][..], &options].concat();
    let set = |command: &mut Command| {
        command.env("PATH", &search);
    };
    let ended = run(set, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let found = targets(&ended).pop().unwrap();
    for probe in ["become_other", "execute_memory", "new_privileges", "trace_parent", "writable_code"] {
        assert_eq!(found.verdict(probe), "open", "{probe}");
    }
    for list in [["ps", "--all", "--quiet"], ["images", "--all", "--quiet"]] {
        let output = Command::new(path("bin/podman")).args(list).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{list:?}: nothing is left with the engine");
    }
}

/// A program of the shell's at `path`.
pub(crate) fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
