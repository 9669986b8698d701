//! What is added to a container keeps to what it was made with.

use crate::bench::{Bench, Bundle, TIGHT, all_capabilities, ended};
use crate::ended::Ended;
use crate::facts;
use serde_json::{Value, json};
use std::fs;

/// A process that asks for everything, and shows what it got.
fn everything() -> Value {
    let all = all_capabilities();
    json!({
        "user": {"uid": 0, "gid": 0, "umask": 0},
        "args": facts::OWN,
        "env": ["PATH=/bin"],
        "cwd": "/",
        "noNewPrivileges": false,
        "rlimits": [
            {"type": "RLIMIT_NOFILE", "hard": 1_000_000, "soft": 1_000_000},
            {"type": "RLIMIT_CORE", "hard": u64::MAX, "soft": u64::MAX},
        ],
        "capabilities": {
            "bounding": all, "effective": all, "inheritable": all, "permitted": all, "ambient": all,
        },
    })
}

fn by_file(bench: &Bench, process: &Value) -> Ended {
    let file = bench.join("process.json");
    fs::write(&file, serde_json::to_vec(process).unwrap()).unwrap();
    ended(&mut bench.stockade(&["exec", "--process", file.to_str().unwrap(), "x"]))
}

fn by_options(bench: &Bench, options: &[&str]) -> Ended {
    ended(bench.stockade(&["exec"]).args(options).arg("x").args(facts::OWN))
}

/// Where the users, groups and variables are the profile's too.
fn started() -> (Bench, Bundle) {
    let bench = Bench::new();
    let process = "process:\n  user: 0:0\n  environment: {replace: [PATH, TERM]}\n";
    bench.profile("tight", &TIGHT.replace("process:\n", process));
    let bundle = bench.bundle("x");
    bench.start(&bundle);
    (bench, bundle)
}

#[test]
fn a_process_in_a_file_is_under_the_policy() {
    needs!("runtime", "runc", "busybox");
    let (bench, _bundle) = started();
    facts::is_tight(&facts::from(&by_file(&bench, &everything()).success()), "everything");
    type Change = fn(&mut Value);
    let refused: [(Change, &str); 8] = [
        (|process| process["user"]["uid"] = 1.into(), "process.user.uid: it runs as user 1"),
        (|process| process["user"]["gid"] = 1.into(), "process.user.gid: it runs in group 1"),
        (|process| process["privileged"] = true.into(), "process.privileged: no field of this name is known"),
        (|process| process["user"]["x"] = 1.into(), "process.user.x: no field of this name is known"),
        (
            |process| process["capabilities"]["Bounding"] = json!([]),
            "process.capabilities.Bounding: no field",
        ),
        (|process| process["rlimits"][0]["x"] = 1.into(), "process.rlimits[0].x: no field"),
        (|process| process["scheduler"] = json!({"policy": "SCHED_FIFO"}), "process.scheduler"),
        (|process| process["args"] = json!([]), "there is no command"),
    ];
    for (change, words) in refused {
        let mut process = everything();
        change(&mut process);
        by_file(&bench, &process).refused(words);
    }
    let mut process = everything();
    process["env"] = json!(["PATH=/bin", "LD_PRELOAD=/x", "TERM=x"]);
    process["args"] = json!(["/bin/env"]);
    process["user"]["additionalGids"] = json!([1, 2, 3]);
    let found = by_file(&bench, &process).success();
    assert!(found.contains("TERM=x") && !found.contains("LD_PRELOAD"), "{found}");
    process["args"] = json!(["/bin/id", "-G"]);
    assert_eq!(by_file(&bench, &process).success().trim(), "0");
    // The command is looked for after the init, as the runtime looks for it.
    process["args"] = json!(["sh", "-c", "exit 7"]);
    assert_eq!(by_file(&bench, &process).code, Some(7));
}

#[test]
fn a_process_by_options_is_under_the_policy() {
    needs!("runtime", "runc", "busybox");
    let (bench, _bundle) = started();
    let admitted: [&[&str]; 6] = [
        &[],
        &["--cap", "CAP_KILL", "--cap=CAP_CHOWN"],
        &["--user", "0:0"],
        &["--env", "TERM=x"],
        &["--no-new-privs"],
        &["--cwd", "/bin"],
    ];
    for options in admitted {
        facts::is_tight(&facts::from(&by_options(&bench, options).success()), &options.join(" "));
    }
    let refused: [&[&str]; 14] = [
        &["--cap", "CAP_SYS_ADMIN"],
        &["-c", "CAP_SYS_ADMIN"],
        &["--cap", "CAP_KILL", "--cap", "CAP_SYS_PTRACE"],
        &["--cap=ALL"],
        &["--user", "1"],
        &["--user", "0:1"],
        &["-u", "65534:0"],
        &["--additional-gids", "5"],
        &["--env", "LD_PRELOAD=/x"],
        &["-e", "LD_PRELOAD=/x"],
        &["--no-new-privs=false"],
        &["--no-new-privs=0"],
        &["--apparmor", "unconfined"],
        &["--process-label", "x"],
    ];
    for options in refused {
        let ended = by_options(&bench, options);
        assert_eq!(ended.code, Some(125), "{options:?}: {ended:?}");
        assert!(ended.stderr.contains("is no value of the option"), "{options:?}: {ended:?}");
    }
    by_options(&bench, &["--privileged"]).refused("is not known, and could make the container weaker");
    for options in [&["--cgroup", "../../.."][..], &["--cgroup", "/.."]] {
        assert_ne!(by_options(&bench, options).code, Some(0), "{options:?}");
    }
}

#[test]
fn crun_adds_none_that_could_gain_privileges() {
    needs!("runtime", "crun", "busybox", "unshare");
    let bench = Bench::of("crun");
    bench.start(&bench.bundle("x"));
    facts::is_tight(&facts::from(&by_options(&bench, &[]).success()), "with the init");
    facts::is_tight(&facts::from(&by_options(&bench, &["--no-new-privs"]).success()), "asked for");
    // Nothing here takes the init, which would not go on without it.
    bench.end("x");
    bench.profile(
        "tight",
        "stockade: 1\nname: plain\nextends: [unconfined]\nprocess: {no_new_privileges: true}\n",
    );
    let bundle = bench.bundle("y");
    bench.start(&bundle);
    assert_ne!(bundle.read()["process"]["args"][0], "/.stockade");
    let added = ended(bench.stockade(&["exec", "--", "y"]).args(facts::OWN));
    assert_eq!(facts::from(&added.success())["NoNewPrivs"], "1");
}

#[test]
fn a_container_of_another_runtime_takes_nothing() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    ended(&mut bench.plain(&["create", "--bundle", bundle.text(), "x"])).success();
    ended(&mut bench.plain(&["start", "x"])).success();
    by_options(&bench, &[]).refused("the container x was not made by stockade");
    by_file(&bench, &everything()).refused("the container x was not made by stockade");
    ended(&mut bench.stockade(&["update", "--pids-limit", "5", "x"])).refused("was not made by stockade");
    // Nor does one that has a namesake where another runtime keeps its own.
    bench.end("x");
    bench.start(&bundle);
    let mut elsewhere = bench.stockade(&["--root", "/nowhere", "exec", "x"]);
    ended(elsewhere.args(facts::OWN)).refused("was not made by stockade");
    // Nor is anything restored that no rule admits.
    ended(&mut bench.stockade(&["restore", "--bundle", bundle.text(), "y"])).refused("`restore` is refused");
}
