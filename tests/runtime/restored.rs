//! `restore`: what comes out of a checkpoint goes on only when all of it was found to be under its policy.

mod forged;
mod held;

use crate::bench::{Bench, Bundle, ended};
use crate::ended::Ended;
use crate::facts;
use crate::patience::patiently;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What criu restores: neither Landlock nor `PR_SET_MDWE`.
const KEPT: &str = "\
stockade: 1
name: kept
extends: [docker-default]
process:
  no_new_privileges: true
  umask: \"027\"
  limits: {open_files: 512, core: 0}
  sysctls: {net.ipv4.ip_unprivileged_port_start: \"1000\"}
capabilities: {replace: [chown, kill]}
resources: {processes: 32, memory: 64 MiB, swap: 0, cpu: 0.5}
";

const RULES: &str = "default: ./kept.yaml\nrestore: true\n";

/// Calls by which a restore goes forward: files of its own, its keys, the inner runtime, reading, and letting go on.
const STEPS: [&str; 7] = ["renameat", "keyctl", "clone3", "vfork", "waitid", "wait4", "kill"];

#[expect(clippy::print_stdout, reason = "so it is said that a test cannot run here")]
fn criu() -> Option<String> {
    let found = crate::criu::directory().map_err(|why| println!("SKIP runtime-restore: {why}"));
    Some(found.ok()?.join("criu").display().to_string())
}

/// Of two criu at once one loses the cgroups of what it restores, and that is ended.
static ONE_CRIU: Mutex<()> = Mutex::new(());

/// A container that was checkpointed.
struct Scene {
    _alone: MutexGuard<'static, ()>,
    bench: Bench,
    bundle: Bundle,
    criu: String,
}

impl Scene {
    /// The checkpoint of a container under `kept`, with these rules.
    fn new(rules: &str) -> Option<Scene> {
        Scene::of(rules, |_, _, _| {})
    }

    /// The same of a container that is made of its bundle as `change` leaves it.
    fn of(rules: &str, change: impl FnOnce(&Bench, &Bundle, &mut Value)) -> Option<Scene> {
        let criu = criu()?;
        let alone = ONE_CRIU.lock().unwrap_or_else(PoisonError::into_inner);
        let bench = Bench::with(rules);
        bench.profile("kept", KEPT);
        let bundle = bench.bundle("x");
        bundle.edit(|config| {
            let mounts = config["mounts"].as_array_mut().unwrap();
            // As engines write it.
            for mount in mounts.iter_mut().filter(|mount| mount["destination"] == "/proc") {
                mount["options"] = json!(["nosuid", "noexec", "nodev"]);
            }
            change(&bench, &bundle, config);
        });
        let scene = Scene { _alone: alone, bench, bundle, criu };
        // With descriptors of the host's own files criu takes nothing down.
        let create = ["create", "--bundle", scene.bundle.text(), "x"];
        let quiet = scene.bench.stockade(&create).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // Said once more where it is refused.
        assert!(quiet.unwrap().success(), "{:?}", ended(&mut scene.bench.stockade(&create)));
        ended(&mut scene.bench.stockade(&["start", "x"])).success();
        scene.bench.pid("x");
        scene.checkpoint(&scene.images());
        Some(scene)
    }

    /// Makes a checkpoint of the container, which ends it.
    fn checkpoint(&self, images: &str) {
        let words = ["--criu", &self.criu, "checkpoint", "--image-path", images, "x"];
        // A signal that comes while criu is let in ends its attempt, and the container goes on.
        patiently("a checkpoint", || (ended(&mut self.bench.stockade(&words)).code == Some(0)).then_some(()));
        assert!(self.bench.state("x").is_none());
    }

    fn images(&self) -> String {
        self.bench.join("images").to_str().unwrap().to_owned()
    }

    fn command(&self, more: &[&str]) -> Command {
        let images = self.images();
        let mut words =
            vec!["--criu", &self.criu, "restore", "--bundle", self.bundle.text(), "--image-path", &images];
        words.extend(more);
        words.push("x");
        self.bench.stockade(&words)
    }

    fn restore(&self, more: &[&str]) -> Ended {
        ended(&mut self.command(more))
    }

    /// The processes that are left in its cgroup.
    fn left(&self) -> String {
        let path = self.bundle.read()["linux"]["cgroupsPath"].as_str().unwrap().to_owned();
        let places = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let lists = places.map(|place| fs::read_to_string(format!("{place}{path}/cgroup.procs")));
        lists.into_iter().flatten().collect()
    }

    /// The first process, when it sleeps and is not frozen, or is frozen.
    fn stands(&self, frozen: bool) -> u32 {
        patiently(if frozen { "a frozen process" } else { "a process that runs" }, || {
            let pid = self.bench.state("x")?["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())?;
            let goes = crate::restored::state(pid)? == 'S';
            let held = is_frozen(pid)?;
            (if frozen { held } else { goes && !held }).then_some(pid)
        })
    }
}

/// The state of a process. proc_pid_status(5).
fn state(pid: u32) -> Option<char> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("State:\t")).and_then(|state| state.chars().next())
}

/// Whether the cgroup of a process is frozen, in the unified hierarchy. cgroups(7).
fn is_frozen(pid: u32) -> Option<bool> {
    let at = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let at = at.lines().find_map(|line| line.strip_prefix("0::"))?.to_owned();
    let places =
        ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(|place| format!("{place}{at}/cgroup.events"));
    let events = places.iter().find_map(|path| fs::read_to_string(path).ok())?;
    Some(events.lines().any(|line| line == "frozen 1"))
}

#[test]
fn what_was_looked_at_goes_on() {
    needs!("runtime", "runc", "busybox", "nsenter");
    let Some(scene) = Scene::new(RULES) else { return };
    let file = scene.bench.join("pid");
    scene.restore(&["--detach", "--pid-file", file.to_str().unwrap()]).success();
    // It sleeps: nobody left it stopped.
    let pid = scene.stands(false);
    assert_eq!(fs::read_to_string(&file).unwrap(), pid.to_string());
    let found = facts::of(pid);
    for (name, value) in
        [("CapEff", "0000000000000021"), ("NoNewPrivs", "1"), ("Seccomp_filters", "2"), ("Umask", "0027")]
    {
        assert_eq!(found[name], value, "{name}");
    }
    let port = ended(
        Command::new("nsenter")
            .args(["-t", &pid.to_string(), "-n", "cat"])
            .arg("/proc/sys/net/ipv4/ip_unprivileged_port_start"),
    );
    assert_eq!(port.success(), "1000\n");
    // The caller's keys are not the container's: proc_keys(5) shows what whoever reads it possesses.
    let added = ended(scene.bench.stockade(&["exec", "x"]).args(facts::OWN)).success();
    assert_eq!(facts::from(&added)["CapBnd"], "0000000000000021");
    assert_eq!(facts::from(&added)["Umask"], "0027");
}

#[test]
fn what_is_looser_than_its_policy_is_ended() {
    needs!("runtime", "runc", "busybox");
    let Some(scene) = Scene::new(RULES) else { return };
    let original = scene.bundle.read();
    // The checkpoint has what the policy took away meanwhile.
    for (from, to, words) in [
        ("replace: [chown, kill]", "replace: [chown]", "capabilities is looser"),
        ("open_files: 512", "open_files: 256", "limits is looser"),
        ("umask: \"027\"", "umask: \"077\"", "umask is looser"),
    ] {
        scene.bench.profile("kept", &KEPT.replace(from, to));
        let ended = scene.restore(&["--detach"]);
        ended.refused("is not under its policy, and was ended");
        ended.refused(words);
        assert!(scene.bench.state("x").is_none(), "{words}");
        scene.bundle.write(&original);
    }
    scene.bench.profile("kept", KEPT);
    scene.restore(&["--detach"]).success();
    scene.stands(false);
}

#[test]
fn whatever_is_killed_nothing_runs_that_was_not_looked_at() {
    needs!("runtime", "runc", "busybox", "strace");
    let Some(scene) = Scene::new(RULES) else { return };
    let trace = scene.bench.join("trace");
    let traced = |more: &[&str]| {
        let mut command = Command::new("strace");
        let inner = scene.command(&["--detach"]);
        command.args(["-qq", "-e", "signal=none", "-o"]).arg(&trace).args(more);
        ended(command.arg(inner.get_program()).args(inner.get_args()))
    };
    // The second time nothing is kept anew.
    for _ in 0..2 {
        traced(&[]).success();
        scene.stands(false);
        scene.bench.end("x");
    }
    let calls = fs::read_to_string(&trace).unwrap();
    let (mut before, mut stopped) = (0, 0);
    for call in STEPS {
        let count = calls.lines().filter(|line| line.starts_with(&format!("{call}("))).count();
        for occurrence in 1..=count {
            let inject = format!("inject={call}:signal=KILL:when={occurrence}");
            let ended = traced(&["-e", &inject]);
            assert_ne!(ended.code, Some(0), "{inject}");
            // Of a call at whose beginning it was killed strace knows no answer.
            let made = fs::read_to_string(&trace).unwrap().lines().any(|line| {
                let answer = line.rsplit_once(" = ").map(|(_, answer)| answer);
                ["clone3(", "vfork("].iter().any(|call| line.starts_with(call))
                    && answer.is_some_and(|answer| answer != "?")
            });
            if made {
                // The inner runtime goes on without us.
                scene.stands(true);
                stopped += 1;
            } else {
                assert!(scene.bench.state("x").is_none(), "{inject}");
                before += 1;
            }
            // What is left can be ended as always, and is in nobody's way.
            crate::bench::ended(&mut scene.bench.stockade(&["delete", "--force", "x"]));
            assert!(scene.bench.state("x").is_none(), "{inject}");
        }
    }
    assert!(before > 1 && stopped > 3, "{before} before, {stopped} stopped: {calls}");
    scene.restore(&["--detach"]).success();
    scene.stands(false);
}

#[test]
fn what_cannot_be_looked_at_is_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./tight.yaml\n");
    let bundle = bench.bundle("x");
    let images = bench.join("images");
    fs::create_dir(&images).unwrap();
    let image = images.join("pstree.img");
    fs::write(&image, "").unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o600)).unwrap();
    let before = bundle.bytes();
    let restore = |more: &[&str]| {
        let mut words = vec!["restore", "--bundle", bundle.text(), "--image-path", images.to_str().unwrap()];
        words.extend(more);
        words.push("x");
        ended(&mut bench.stockade(&words))
    };
    restore(&["--detach"]).refused("no rule allows it (`restore: true`)");
    bench.rules("default: ./tight.yaml\nrestore: true\n");
    restore(&[]).refused("without --detach");
    restore(&["--detach=false"]).refused("without --detach");
    restore(&["--detach", "--lazy-pages"]).refused("with --lazy-pages");
    restore(&["--detach", "--ext-unix-sk"]).refused("with --ext-unix-sk");
    restore(&["--detach", "--shell-job"]).refused("with --shell-job");
    restore(&["--detach", "--manage-cgroups-mode", "ignore"]).refused("`ignore` is no value");
    restore(&["--detach", "--lsm-profile", "apparmor:x"])
        .refused("`--lsm-profile` of `restore` is not known");
    restore(&["--detach"]).refused("criu restores no Landlock domain");
    fs::set_permissions(&image, fs::Permissions::from_mode(0o620)).unwrap();
    restore(&["--detach"]).refused("can be changed by others than root");
    bench.rules("default: ./tight.yaml\nrestore: true\nruntime: crun\n");
    restore(&["--detach"]).refused("`crun` is not known to");
    assert_eq!(bundle.bytes(), before);
    assert!(bench.state("x").is_none());
}
