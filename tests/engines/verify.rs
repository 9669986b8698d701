//! `stockade verify CONTAINER` and `--all`, against containers of every engine.

use crate::built::step;
use crate::command_line::CommandLine;
use crate::docker::Docker;
use crate::engine::{Engine, Options, Running, Runtime, every, success, text};
use crate::image::Image;
use crate::patience::{PATIENCE, patiently};
use crate::record::{State, plan_of};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Instant;
use stockade_policy::plan::{Instruction, MountEntry, MountKind, Plan};
use stockade_policy::vocab::CapSet;

/// `stockade verify`, of this engine and state.
pub(crate) fn verify(engine: &dyn Engine, state: &State, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command
        .arg("verify")
        .args(engine.address())
        .arg("--state")
        .arg(state.path())
        .args(["--format", "json"])
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn verified(engine: &dyn Engine, state: &State, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = verify(engine, state, arguments).output().unwrap();
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output)));
    (output.status.code(), json)
}

/// The verdict on a layer: its kind, and what it says.
fn verdict(report: &Value, layer: &str) -> (String, String) {
    let layers = report["status"]["layers"].as_array().unwrap_or_else(|| panic!("{report:#}"));
    let verdict = &layers.iter().find(|one| one["layer"] == layer).unwrap()["verdict"];
    match verdict {
        Value::String(kind) => (kind.clone(), String::new()),
        other => {
            let (kind, about) = other.as_object().unwrap().iter().next().unwrap();
            let text = about.as_object().unwrap().values().next().unwrap();
            (kind.clone(), text.as_str().unwrap().to_owned())
        }
    }
}

/// The file that says whether a container of ours is frozen.
fn freeze_file(pid: u32) -> PathBuf {
    let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::")).unwrap();
    let top = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .into_iter()
        .find(|top| Path::new(top).join("cgroup.controllers").exists())
        .unwrap();
    PathBuf::from(format!("{top}{path}/cgroup.freeze"))
}

/// Each engine with a container that sleeps.
fn each(test: impl Fn(&dyn Engine, &State, &Running)) {
    let image = Image::busybox();
    for engine in every(&Runtime::runc()) {
        eprintln!("{}", engine.name());
        engine.load(&image);
        let container = engine.start("sleeper", &image, &Options::default(), &["sleep", "600"]).unwrap();
        engine.pid(&container);
        test(&*engine, &State::new(), &container);
        engine.remove(container);
    }
}

#[test]
fn a_container_is_compared_with_what_was_kept_of_it() {
    needs_engines!();
    each(|engine, state, container| {
        let pid = engine.pid(container);
        let (code, report) = verified(engine, state, &["sleeper"]);
        assert_eq!((code, &report["state"]), (Some(1), &Value::from("not_under_stockade")));
        assert_eq!(report["id"], container.id.as_str());
        assert_eq!(report["pid"], pid);

        let plan = plan_of(pid);
        state.keep(&container.id, &plan);
        // By the beginning of its id too.
        for name in ["sleeper", &container.id[..12]] {
            let (code, report) = verified(engine, state, &[name]);
            assert_eq!(code, Some(0), "{report:#}");
            assert_eq!(report["stood"], "frozen");
            for layer in ["identity", "namespaces", "mounts", "capabilities", "seccomp"] {
                assert_eq!(verdict(&report, layer), ("exact".to_owned(), String::new()), "{layer}");
            }
            assert_eq!(verdict(&report, "write_xor_execute").0, "attested");
        }
        assert_eq!(fs::read_to_string(freeze_file(pid)).unwrap(), "0\n");
        assert_eq!(success(&engine.exec(container, &["echo", "on"])), "on");
    });
}

#[test]
fn whatever_is_looser_than_its_plan_is_found() {
    needs_engines!();
    type Change = fn(&mut Plan);
    let entry = |plan: &mut Plan, at: &str, what| {
        plan.mounts.entries.push(MountEntry { at: at.to_owned(), what, origins: Default::default() });
    };
    let changes: [(Change, &str, &str); 6] = [
        (|plan| plan.capabilities.bounding = CapSet::EMPTY, "capabilities", "bounding has"),
        (|plan| plan.identity.uid = 7, "identity", "planned 7"),
        (|plan| plan.mounts.read_only = true, "mounts", "can be written"),
        (|plan| plan.mounts.root = "/usr".to_owned(), "mounts", "its root is not /usr"),
        (|plan| plan.process.umask = 0o777, "umask", "planned 0777"),
        (
            |plan| {
                if let Some(seccomp) = &mut plan.seccomp {
                    seccomp.program = vec![Instruction(6, 0, 0, 0)];
                }
            },
            "seccomp",
            "is the plan's",
        ),
    ];
    each(|engine, state, container| {
        let exact = plan_of(engine.pid(container));
        let found = |plan: &Plan, layer: &str, witness: &str| {
            state.keep(&container.id, plan);
            let (code, report) = verified(engine, state, &["sleeper"]);
            let (kind, said) = verdict(&report, layer);
            assert_eq!((code, kind.as_str()), (Some(1), "looser"), "{layer}: {said}");
            assert!(said.contains(witness), "{said}");
            report
        };
        for (change, layer, witness) in changes {
            let mut plan = exact.clone();
            change(&mut plan);
            let report = found(&plan, layer, witness);
            if layer == "seccomp" {
                // Nobody says any more that it has been through the rest.
                assert_eq!(verdict(&report, "write_xor_execute").0, "not_visible");
            }
        }
        // Nor of a filter that decides alike, and is not the one that the init puts on.
        let mut alike = exact.clone();
        alike.seccomp.as_mut().unwrap().program.push(Instruction(6, 0, 0, 0));
        state.keep(&container.id, &alike);
        let (code, report) = verified(engine, state, &["sleeper"]);
        assert_eq!((code, verdict(&report, "seccomp").0.as_str()), (Some(0), "stricter"), "{report:#}");
        assert_eq!(verdict(&report, "write_xor_execute").0, "not_visible");

        for (at, what, witness) in [
            ("/etc/passwd", MountKind::Hide, "/etc/passwd is not hidden"),
            ("/etc", MountKind::ReadOnly { exec: true }, "/etc can be written"),
        ] {
            let mut plan = exact.clone();
            entry(&mut plan, at, what);
            found(&plan, "mounts", witness);
        }

        // A process that was put beside it.
        state.keep(&container.id, &exact);
        success(&engine.exec(container, &["su", "web", "-c", "sleep 600 >/dev/null 2>&1 &"]));
        let report = found(&exact, "identity", "uid is 101, planned 0");
        assert_eq!(report["status"]["processes"], 2);
    });
}

#[test]
fn a_paused_container_is_read_and_stays_paused() {
    needs_engines!();
    each(|engine, state, container| {
        let pid = engine.pid(container);
        state.keep(&container.id, &plan_of(pid));
        if !engine.pause(container, true) {
            return;
        }
        let (code, report) = verified(engine, state, &["sleeper"]);
        assert_eq!(code, Some(0), "{report:#}");
        assert!(report["stood"]["paused"].is_object(), "{report:#}");
        assert_eq!(verdict(&report, "identity").0, "exact");
        let frozen = || {
            let state = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            let legacy = state.lines().find_map(|line| line.split_once(":freezer:"));
            match legacy {
                Some((_, path)) => {
                    fs::read_to_string(format!("/sys/fs/cgroup/freezer{path}/freezer.state")).unwrap()
                        == "FROZEN\n"
                }
                None => fs::read_to_string(freeze_file(pid)).unwrap() == "1\n",
            }
        };
        assert!(frozen());
        engine.pause(container, false);
        assert!(!frozen());
        assert_eq!(success(&engine.exec(container, &["echo", "on"])), "on");
    });
}

#[test]
fn a_verify_that_is_killed_leaves_nothing_frozen() {
    needs_engines!();
    let (docker, image, state) = (Docker::start(&Runtime::runc()), Image::busybox(), State::new());
    docker.load(&image);
    let container = docker.start("sleeper", &image, &Options::default(), &["sleep", "600"]).unwrap();
    let pid = docker.pid(&container);
    state.keep(&container.id, &plan_of(pid));
    // Many to read, so that it is frozen for long enough to be seen.
    success(
        &docker.exec(&container, &["sh", "-c", "for i in $(seq 300); do sleep 600 >/dev/null 2>&1 & done"]),
    );
    let file = freeze_file(pid);
    let is_frozen = || fs::read_to_string(&file).unwrap() == "1\n";
    let (start, mut frozen) = (Instant::now(), 0);
    while frozen < 3 {
        assert!(start.elapsed() < 3 * PATIENCE, "it was seen frozen {frozen} times");
        let mut child = verify(&docker, &state, &["sleeper"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Until it is seen frozen, or that was missed.
        while !is_frozen() && child.try_wait().unwrap().is_none() {}
        frozen += usize::from(is_frozen());
        child.kill().unwrap();
        child.wait().unwrap();
        patiently("thaw", || (!is_frozen()).then_some(()));
    }
    assert_eq!(success(&docker.exec(&container, &["echo", "on"])), "on");
}

#[test]
fn names_that_mean_none_or_several_are_refused() {
    needs_engines!();
    let (docker, image, state) = (Docker::start(&Runtime::runc()), Image::busybox(), State::new());
    docker.load(&image);
    let refused = |name: &str| -> String {
        let output: Output = verify(&docker, &state, &[name]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused("nobody").contains("no engine that answers here has it"));
    let ended = docker.start("ended", &image, &Options::default(), &["true"]).unwrap();
    docker.wait(&ended);
    assert!(refused("ended").contains("does not run"));
    // The name of one, and of another the name after a slash cannot be had with Docker: beginnings of ids can.
    let mut ids: Vec<String> = Vec::new();
    // Of 257 two begin alike, however long that takes; letters among them take some more.
    let shared = (0..1000).find_map(|number| {
        let name = format!("many-{number}");
        let made = docker.by(&["create", "--name", &name, "--network=none", &image.tag]);
        ids.push(success(&made));
        let begins = |id: &String| ids.iter().filter(|one| one[..2] == id[..2]).count() > 1;
        // A number would be a process.
        ids.iter().find(|id| begins(id) && !id[..2].bytes().all(|byte| byte.is_ascii_digit())).cloned()
    });
    let shared = shared.expect("two ids that begin alike");
    assert!(refused(&shared[..2]).contains("several are meant"));
}

#[test]
fn all_lists_what_came_around() {
    needs_engines!();
    let image = Image::busybox();
    for engine in every(&Runtime::runc()) {
        engine.load(&image);
        let state = State::new();
        let start = |name: &str, around| {
            let options = Options { around, ..Options::default() };
            engine.start(name, &image, &options, &["sleep", "600"]).unwrap()
        };
        let (kept, around) = (start("kept", false), start("around", true));
        let report = || {
            let (code, all) = verified(&*engine, &state, &["--all"]);
            let of = |container: &Running| {
                let all = all["containers"].as_array().unwrap();
                all.iter().find(|one| one["id"] == container.id.as_str()).unwrap().clone()
            };
            (code, of(&kept), of(&around))
        };
        state.keep(&kept.id, &plan_of(engine.pid(&kept)));
        let (code, first, second) = report();
        assert_eq!(code, Some(1));
        assert_eq!((&first["state"], &second["state"]), (&"verified".into(), &"not_under_stockade".into()));
        assert_eq!(first["stood"], "frozen", "{}", engine.name());
        let runtime = second["runtime"].as_str().unwrap();
        assert!(runtime.ends_with("runc"), "{}: {runtime}", engine.name());
    }
}

#[test]
fn steps_of_image_builds_are_among_all() {
    needs_engines!();
    let (docker, image, state) = (Docker::start(&Runtime::runc()), Image::busybox(), State::new());
    let (step, _) = step(&docker, &image, &state.path());
    assert_eq!(step["state"], "not_under_stockade");
}

#[test]
fn an_engine_that_does_not_answer_is_no_pass() {
    needs_engines!();
    let (docker, state) = (Docker::start(&Runtime::runc()), State::new());
    let scratch = tempfile::tempdir().unwrap();
    let dead = scratch.path().join("dead.sock");
    drop(std::os::unix::net::UnixListener::bind(&dead).unwrap());
    let ask = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.arg("verify").arg("--state").arg(state.path()).args(["--format", "json"]).args(arguments);
        command.output().unwrap()
    };
    let output = ask(&["--all", "--docker", dead.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all["unread"][0]["engine"], "docker");
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot ask docker at"));
    // A state that others can write is not believed.
    let open = state.path().join("containers");
    fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let image = Image::busybox();
    docker.load(&image);
    let container = docker.start("sleeper", &image, &Options::default(), &["sleep", "600"]).unwrap();
    state.keep(&container.id, &plan_of(docker.pid(&container)));
    let (code, report) = verified(&docker, &state, &["sleeper"]);
    assert_eq!((code, &report["state"]), (Some(1), &Value::from("unknown")));
    assert!(report["why"].as_str().unwrap().contains("can be changed by others"));
}
