//! On the host's own hierarchies, in cgroups of this test's own.

use super::*;
use crate::ledger;
use crate::probe;
use std::process::{Child, Command, Stdio};
use stockade_policy::host::CgroupHost;

/// A plan with these values of one controller (`pids`, …), or `None` where the host lets us make none.
fn plan(controller: &str, v1: &[(&str, &str)], v2: &[(&str, &str)]) -> Option<Cgroup> {
    let own = |values: &[(&str, &str)]| {
        values.iter().map(|(file, value)| (file.to_string(), value.to_string())).collect()
    };
    let host = probe::host().expect("probe").cgroup;
    let hierarchy =
        match host {
            CgroupHost::V1 { parents } => parents.get(controller).map(|parent| CgroupHierarchy {
                parent: parent.clone(),
                unified: false,
                values: own(v1),
            }),
            CgroupHost::V2 { parent, controllers } => controllers
                .contains(controller)
                .then(|| CgroupHierarchy { parent, unified: true, values: own(v2) }),
            CgroupHost::None { .. } => None,
        };
    if hierarchy.is_none() {
        println!("SKIP cgroup: this host lets us make no cgroup with `{controller}`");
    }
    hierarchy.map(|one| Cgroup { hierarchies: vec![one] })
}

fn start(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("sh")
}

#[test]
fn a_process_limit_bites_is_read_back_and_leaves_nothing() {
    let Some(plan) = plan("pids", &[("pids.max", "3")], &[("pids.max", "3")]) else { return };
    let created = Created::create(&plan).expect("create");
    let directories = created.directories().to_vec();
    // Waits for a line, then starts five programs and counts those that run: with the shell itself at
    // most three may exist.
    let shell = start("read line; for i in 1 2 3 4 5; do sleep 1000 >/dev/null & echo started; done; wait");
    created.join(shell.id()).expect("join");
    let task = Task::open(shell.id()).expect("task");
    assert_eq!(verify(&plan, &task).expect("verify"), Verdict::Exact);
    let outside = verify(&plan, &Task::ours().expect("ours")).expect("verify");
    assert!(matches!(outside, Verdict::Looser { .. }), "{outside}");

    let mut shell = shell;
    shell.stdin.take().expect("stdin").write_all(b"go\n").expect("go");
    // dash gives up with "Cannot fork" at the first refusal, and ends; its children live on.
    let output = shell.wait_with_output().expect("shell");
    let started = String::from_utf8_lossy(&output.stdout).lines().count();
    assert_eq!(started, 2, "the third program must not start");
    assert_eq!(cgroup::members(&directories[0]).expect("members").len(), 2, "two sleepers are left");

    // Loosened behind our back.
    write(&directories[0].join("pids.max"), "100").expect("loosen");
    let verdict = value::verify(&plan.hierarchies[0], &directories[0]).expect("verify");
    assert_eq!(verdict, Verdict::looser("pids.max: is 100, planned 3"));

    created.remove().expect("remove, and kill the sleepers");
    for directory in directories {
        assert!(!directory.exists(), "{directory:?}");
    }
}

#[test]
fn memory_is_rounded_down_and_nested_cgroups_go_too() {
    let Some(plan) = plan("memory", &[("memory.limit_in_bytes", "10000001")], &[("memory.max", "10000001")])
    else {
        return;
    };
    let created = Created::create(&plan).expect("create");
    let again = Created::create(&plan).expect("a second one of the same launcher");
    assert_ne!(created.directories(), again.directories());
    let directory = created.directories()[0].clone();
    assert_eq!(value::verify(&plan.hierarchies[0], &directory).expect("verify"), Verdict::Exact);
    fs::create_dir_all(directory.join("inner/most")).expect("nested");
    let mut sleeper = start("exec sleep 1000");
    write(&directory.join("inner/most/cgroup.procs"), &sleeper.id().to_string()).expect("move");
    created.remove().expect("remove");
    assert!(!directory.exists());
    assert!(!sleeper.wait().expect("killed").success());
    let directory = again.directories()[0].clone();
    drop(again);
    assert!(!directory.exists(), "dropping removes");
}

#[test]
fn a_value_that_is_refused_leaves_nothing() {
    // Other tests make cgroups in the same place meanwhile, and none with this limit.
    let limit = std::process::id().to_string();
    let values = [("pids.max", limit.as_str())];
    let Some(mut plan) = plan("pids", &values, &values) else { return };
    plan.hierarchies[0].values.push(("pids.max".to_owned(), "nonsense".to_owned()));
    let error = Created::create(&plan).expect_err("refused");
    assert!(matches!(&error, CgroupError::Write { value, .. } if value == "nonsense"), "{error}");
    let after = children(Path::new(&plan.hierarchies[0].parent)).expect("list");
    let holds = |one: &&PathBuf| cgroup::value(one, "pids.max").is_ok_and(|value| value == limit);
    assert_eq!(after.iter().find(holds), None);
}

#[test]
fn the_dead_are_collected_and_the_living_are_not() {
    let Some(mut plan) = plan("pids", &[], &[]) else { return };
    // A place of this test's own: launchers of others would collect the dead before it does.
    let parent =
        Path::new(&plan.hierarchies[0].parent).join(format!("stockade-test-{}-dead", std::process::id()));
    fs::create_dir(&parent).expect("mkdir");
    plan.hierarchies[0].parent = parent.to_str().expect("UTF-8").to_owned();
    let living = Created::create(&plan).expect("ours");
    // A launcher that died: its process ended and its cgroup, with a process in it, did not.
    let mut launcher = start("exec sleep 1000");
    let start_time = Task::open(launcher.id()).and_then(|task| task.start()).expect("start");
    let ours = Owner::ours().expect("ours");
    let dead = Owner { pid: launcher.id(), start: start_time.ticks, pid_namespace: ours.pid_namespace };
    let left = parent.join(dead.name(0));
    fs::create_dir(&left).expect("mkdir");
    let mut sleeper = start("exec sleep 1000");
    write(&left.join("cgroup.procs"), &sleeper.id().to_string()).expect("move");
    let foreign = parent.join(Owner { pid_namespace: 1, ..dead }.name(0));
    fs::create_dir(&foreign).expect("mkdir");
    let unrelated = parent.join(format!("stockade-test-{}", std::process::id()));
    fs::create_dir(&unrelated).expect("mkdir");

    let all = [parent.as_path()];
    assert!(!ledger::collect(all).expect("collect").contains(&left), "the launcher lives");
    assert!(left.exists());
    launcher.kill().expect("kill");
    // Not reaped yet: a zombie owns nothing.
    while !Task::open(launcher.id()).and_then(|task| task.start()).expect("zombie").ended {
        std::thread::yield_now();
    }
    assert!(ledger::collect(all).expect("collect").contains(&left));
    assert!(!left.exists());
    assert!(!sleeper.wait().expect("killed").success());
    launcher.wait().expect("reap");
    assert!(!ledger::collect(all).expect("collect").contains(&left), "once");
    assert!(living.directories()[0].exists() && foreign.exists() && unrelated.exists());
    fs::remove_dir(foreign).expect("rmdir");
    fs::remove_dir(unrelated).expect("rmdir");
    living.remove().expect("remove");
    fs::remove_dir(parent).expect("rmdir");
}

/// A threaded cgroup does not say who is in it: the one above does. cgroup-v2.rst, "Threads".
#[test]
fn what_is_in_a_threaded_cgroup_is_killed_one_by_one_too() {
    let ours = Task::ours().expect("ours");
    let unified = ours.cgroups().expect("cgroups").into_iter().find(|one| one.hierarchy == 0);
    let at = unified.and_then(|one| one.directory(&ours.mounts().expect("mounts")));
    let name = format!("stockade-test-{}-threaded", std::process::id());
    let Some(top) = at.map(|at| at.join(name)).filter(|top| fs::create_dir(top).is_ok()) else {
        return println!("SKIP cgroup-threaded: this host lets us make no cgroup in the unified hierarchy");
    };
    let inner = top.join("inner");
    fs::create_dir(&inner).expect("mkdir");
    write(&inner.join("cgroup.type"), "threaded").expect("threaded");
    let mut sleeper = start("exec sleep 120");
    write(&inner.join("cgroup.procs"), &sleeper.id().to_string()).expect("move");
    let killed = kill_one_by_one(&top, DEPTH);
    remove_tree(&top).expect("remove");
    killed.expect("kill");
    assert!(!sleeper.wait().expect("killed").success());
}
