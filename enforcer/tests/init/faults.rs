//! Every system call of the init fails in turn: the command runs as declared, or not at all.

use crate::calls::{on_the_host, traced};
use crate::ended::Ended;
use crate::scene::{Scene, probe_program};
use std::collections::BTreeMap;
use std::process::Command;

/// Refused, not there, not understood, no such thing.
const ERRORS: [&str; 4] = ["EPERM", "ENOSYS", "EINVAL", "ENOENT"];

/// With the layers, as the probe sees them.
const HELD: [&str; 5] = ["mdwe 1", "code EACCES", "both EACCES", "unshare EPERM", "w/forbidden EACCES"];

/// Failures that the command survives, as they take from it and give it nothing.
fn is_survived(call: &str, error: &str) -> bool {
    match call {
        // A path that is not there grants nothing; a rule that is not understood is tried with a file's rights.
        "openat2" => error == "ENOENT",
        "landlock_add_rule" => error == "EINVAL",
        // It has no errors: umask(2). What strace makes of it leaves a stricter one.
        "umask" => true,
        // Another entry of PATH may have it.
        "newfstatat" => true,
        _ => false,
    }
}

fn holds(ended: &Ended) {
    let facts = ended.facts();
    for fact in HELD {
        assert!(facts.contains(&fact), "no `{fact}`: {ended:?}");
    }
}

const COMMAND: [&str; 2] = ["probe", "w/forbidden"];

#[test]
fn no_failing_call_leads_to_a_weaker_command() {
    needs!("init-faults", "strace", "setpriv");
    let scene = on_the_host();
    let (ended, lines) = traced(&scene, &[], &COMMAND);
    holds(&ended);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let mut ended_by = BTreeMap::new();
    for line in lines {
        let call = line.call;
        let which = counted.entry(call.clone()).or_default();
        *which += 1;
        for error in ERRORS {
            let inject = format!("inject={call}:error={error}:when={which}");
            let (ended, _) = traced(&scene, &["-e", &inject], &COMMAND);
            if ended.reached_the_command() {
                assert!(is_survived(&call, error), "{inject}: {ended:?}");
                holds(&ended);
                continue;
            }
            *ended_by.entry(call.clone()).or_insert(0) += 1;
            if call == "execve" {
                // Under the filter already, which kills for the number -1 that strace makes of a call to skip it. How
                // this one fails by itself is in `look_up`.
                assert_eq!(ended.code, None, "{inject}: {ended:?}");
                continue;
            }
            let codes: &[i32] = match call.as_str() {
                // Where the rule that lets the command be executed is the one that failed.
                "landlock_add_rule" | "openat2" if is_survived(&call, error) => &[125, 126],
                "newfstatat" => &[127],
                _ => &[125],
            };
            assert!(ended.code.is_some_and(|code| codes.contains(&code)), "{inject}: {ended:?}");
            assert!(ended.stderr.starts_with("stockade: ") && ended.stderr.ends_with('\n'), "{ended:?}");
        }
    }
    for layer in ["landlock_restrict_self", "landlock_create_ruleset", "prctl", "seccomp", "execve"] {
        assert!(ended_by.contains_key(layer), "{layer} of {ended_by:?}");
    }
}

/// What says that it did and did not.
#[test]
fn what_the_kernel_does_not_show_is_not_believed() {
    needs!("init-read-back", "strace", "setpriv");
    let scene = on_the_host();
    for (when, line) in [
        (2, "stockade: no_new_privs: errno 1\n"),
        (3, "stockade: mdwe: errno 22\n"),
        (4, "stockade: mdwe: errno 22\n"),
    ] {
        let inject = format!("inject=prctl:retval=0:when={when}");
        let (ended, _) = traced(&scene, &["-e", &inject], &COMMAND);
        assert_eq!(
            (ended.code, ended.stderr.as_str(), ended.reached_the_command()),
            (Some(125), line, false)
        );
    }
}

#[test]
fn without_no_new_privs_nothing_starts() {
    needs!("init-no-new-privs");
    let scene: Scene = on_the_host();
    let ended = Ended::from(Command::new(&scene.init).arg("/bin/true").output().unwrap());
    assert_eq!(ended.code, Some(125));
    assert_eq!(ended.stderr, "stockade: no_new_privs: errno 1\n");
}

#[test]
fn a_plan_may_have_more_rules_than_the_container_descriptors() {
    needs!("init-descriptors", "prlimit", "setpriv");
    let scene = on_the_host();
    // Standard streams, the ruleset, one place.
    const DESCRIPTORS: usize = 5;
    assert!(scene.plan.landlock.as_ref().unwrap().rules.len() > DESCRIPTORS);
    let limit = format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}");
    let mut command = Command::new("setpriv");
    command.args(["--no-new-privs", "prlimit", &limit]).arg(&scene.init).arg(probe_program());
    holds(&Ended::from(command.arg("w/forbidden").output().unwrap()));
}
