//! The probes in a container of runc's, as Docker makes it by default. Those of engines are among the engines' tests.

use crate::drilled::{OPEN_BY_DEFAULT, run, targets};
use crate::single::drilled;

#[test]
fn what_docker_starts_by_default_stands_beside_restricted() {
    needs!("drill", "runc");
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
    needs!("drill", "runc");
    let found = drilled(1, &["--engine", "runc", "--profile", "restricted"]);
    assert!(found.count("contradicting") > 20, "{}", found.counts);
    assert_eq!(found.probes["trace_parent"]["declared_stopped"], true);
    let ended = run(|_| {}, &["--engine", "runc", "--profile", "restricted"]);
    assert_eq!(ended.code, Some(1));
    let told = "trace_parent is open, and the profile `restricted` says that it is stopped";
    assert!(ended.stdout.contains(told) && ended.stdout.contains("OPEN"), "{}", ended.stdout);
}
