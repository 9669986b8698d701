//! Containers of other tools as profiles: what Docker Engine 20.10 (API 1.41) and runc really wrote.

use crate::builtin::BuiltIn;
use crate::world::container;
use serde_json::{Value, json};
use stockade_policy::diagnostic::{Diagnostic, render};
use stockade_policy::import::{Imported, Kind, docker_inspect, oci_config, recognise};
use stockade_policy::lattice::Lattice;
use stockade_policy::lookup::Source;
use stockade_policy::parse::parse;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, resolve};
use stockade_policy::vocab::Arch;

/// Made by `docker inspect round plain open admin`; `round` was started with what `compile --emit docker-args`
/// says of `round.yaml`.
const INSPECT: &str = include_str!("fixtures/docker-inspect-20.10.json");
/// The bundle's configuration of `round`, as dockerd and containerd wrote it.
const OCI: &str = include_str!("fixtures/oci-docker-20.10.json");
/// What `runc spec` writes.
const SPEC: &str = include_str!("fixtures/oci-runc-spec.json");
const ROUND: &str = include_str!("fixtures/round.yaml");

fn source(text: &str) -> Source {
    Source { file: "container.json".into(), text: text.as_bytes().to_vec() }
}

fn inspect(text: &str, chosen: Option<&str>) -> Result<Imported, Vec<Diagnostic>> {
    docker_inspect(&source(text), None, chosen, &container(Arch::X86_64))
}

fn oci(text: &str) -> Result<Imported, Vec<Diagnostic>> {
    oci_config(&source(text), "bundle", &container(Arch::X86_64))
}

fn fine(imported: Result<Imported, Vec<Diagnostic>>) -> Imported {
    imported.unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
}

fn policy(text: &str) -> Policy {
    let source = Source { file: "profile.yaml".into(), text: text.as_bytes().to_vec() };
    let policy = parse(&source).and_then(|profile| resolve(&profile, &BuiltIn, Mode::Profile));
    policy.unwrap_or_else(|faults| panic!("{}\n{text}", render(&faults, false)))
}

/// All but the system calls, with the notes.
fn shown(imported: &Imported) -> String {
    policy(&imported.profile);
    let sections = imported.profile.split("\nsyscalls:").next().unwrap();
    format!("{sections}\n{}\n", imported.notes.join("\n"))
}

#[test]
fn containers_of_docker() {
    for name in ["round", "plain", "open", "admin"] {
        insta::assert_snapshot!(format!("docker-{name}"), shown(&fine(inspect(INSPECT, Some(name)))));
    }
}

#[test]
fn configurations_of_runtimes() {
    insta::assert_snapshot!("oci-docker", shown(&fine(oci(OCI))));
    insta::assert_snapshot!("oci-runc-spec", shown(&fine(oci(SPEC))));
}

/// A profile that Docker was told, started, inspected and imported again means what it meant.
#[test]
fn what_both_can_say_comes_back() {
    let (before, after) = (policy(ROUND), policy(&fine(inspect(INSPECT, Some("round"))).profile));
    assert_eq!((before.looser(&after), after.looser(&before)), (Vec::new(), Vec::new()));
    // Not because nothing is said.
    let nothing = policy("stockade: 1\nextends: [unconfined]\n");
    assert!(nothing.looser(&before).len() > 20);
    // Another word, another meaning.
    let other = policy(&fine(inspect(&INSPECT.replace("16777216", "16777215"), Some("round"))).profile);
    assert!(!before.looser(&other).is_empty() && other.looser(&before).is_empty());
}

#[test]
fn capabilities_choose_the_rules_of_dockers_filter() {
    let plain = fine(inspect(INSPECT, Some("plain")));
    assert!(plain.profile.contains("extends: [docker-default]") && plain.calls.is_none());
    let admin = fine(inspect(INSPECT, Some("admin")));
    assert!(admin.profile.contains("    - mount\n") && admin.profile.contains("    - bpf\n"));
    assert_eq!(policy(&admin.profile).syscalls, admin.calls.unwrap().0);
    let open = policy(&fine(inspect(INSPECT, Some("open"))).profile);
    assert_eq!(open.syscalls, policy("stockade: 1\nextends: [unconfined]\n").syscalls);
}

#[test]
fn a_container_is_named() {
    let id = serde_json::from_str::<Value>(INSPECT).unwrap()[1]["Id"].as_str().unwrap()[..12].to_owned();
    for name in ["plain", "/plain", id.as_str()] {
        assert!(fine(inspect(INSPECT, Some(name))).profile.contains("name: plain\n"), "{name}");
    }
    for (chosen, expected) in [
        (None, "there are 4 containers: name one with --container"),
        (Some("none"), "there is no container `none`"),
        (Some(""), "there is no container ``"),
    ] {
        let faults = render(&inspect(INSPECT, chosen).unwrap_err(), false);
        assert!(
            faults.contains(expected) && faults.contains("containers: round, plain, open, admin"),
            "{faults}"
        );
    }
    // One alone needs no name, nor the list around it.
    let one = serde_json::from_str::<Value>(INSPECT).unwrap()[1].to_string();
    assert!(fine(inspect(&one, None)).profile.contains("name: plain\n"));
    assert!(fine(inspect(&format!("[{one}]"), None)).profile.contains("name: plain\n"));
}

#[test]
fn documents_are_recognised() {
    for (text, kind) in [
        (INSPECT, Kind::DockerInspect),
        (OCI, Kind::Oci),
        (SPEC, Kind::Oci),
        ("{\"defaultAction\": \"SCMP_ACT_ALLOW\"}", Kind::Seccomp),
        ("{\"linux\": {\"seccomp\": {}}}", Kind::Seccomp),
        ("[]", Kind::Seccomp),
        ("{\"ociVersion\"", Kind::Seccomp),
    ] {
        assert_eq!(recognise(text.as_bytes()), kind, "{}", &text[..text.len().min(40)]);
    }
}

/// Nothing is passed over in silence: a value that is not read is named.
#[test]
fn what_has_no_word_is_told() {
    let with = |pointer: &str, value: Value| {
        let mut document: Value = serde_json::from_str(SPEC).unwrap();
        let (above, key) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(above).unwrap()[key] = value;
        fine(oci(&document.to_string())).notes.join("\n")
    };
    for (pointer, value, expected) in [
        ("/linux/intelRdt", json!({"closID": "x"}), "linux.intelRdt"),
        ("/linux/personality", json!({"domain": "LINUX32"}), "linux.personality"),
        ("/process/oomScoreAdj", json!(-5), "process.oomScoreAdj"),
        ("/process/newField", json!("x"), "process.newField"),
        ("/newField", json!([1]), "newField"),
        ("/hooks", json!({"prestart": [{"path": "/x"}]}), "hooks"),
        (
            "/linux/resources/hugepageLimits",
            json!([{"pageSize": "2MB", "limit": 1}]),
            "linux.resources.hugepageLimits",
        ),
        ("/linux/sysctl", json!({"kernel.core_pattern": "|/x"}), "kernel.core_pattern"),
        ("/process/rlimits", json!([{"type": "RLIMIT_NICE", "soft": 1, "hard": 1}]), "RLIMIT_NICE"),
        ("/process/rlimits", json!([{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 2}]), "begins at 1"),
        (
            "/process/capabilities/ambient",
            json!(["CAP_SYS_ADMIN"]),
            "other capabilities than the bounding set",
        ),
        ("/process/cwd", json!("/a/../b"), "climbs"),
        ("/linux/namespaces", json!([{"type": "network"}]), "pid namespace is the host's"),
        ("/linux/namespaces", json!([{"type": "ipc", "path": "/proc/1/ns/ipc"}]), "of another is joined"),
        ("/linux/readonlyPaths", json!([]), "masks these of /proc"),
        (
            "/linux/resources",
            json!({"devices": [{"allow": true, "access": "rwm"}]}),
            "every device can be opened",
        ),
        ("/hostname", json!("a b"), "no host name"),
    ] {
        let notes = with(pointer, value);
        let expected = expected.strip_prefix("RLIMIT_").unwrap_or(expected);
        assert!(notes.contains(expected), "{pointer}: {notes}");
    }
    // And what says nothing is not: these are what is there when nobody asks.
    let before = fine(oci(SPEC)).notes;
    for (pointer, value) in
        [("/linux/intelRdt", json!({})), ("/process/oomScoreAdj", json!(0)), ("/hooks", json!(null))]
    {
        assert_eq!(with(pointer, value).lines().count(), before.len(), "{pointer}");
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    let mut told = String::new();
    for text in [
        "{\"ociVersion\": \"1.0.2\", \"process\": {\"capabilities\": {\"bounding\": [\"CAP_SYS_ADMINN\"]}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"process\": {\"noNewPrivileges\": \"yes\"}}",
        "{\"ociVersion\": \"1.0.2\",\n \"process\": {\"user\": {\"uid\": -1}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"process\": {\"user\": {\"gid\": 4294967295}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"process\": {\"env\": {\"PATH\": \"/bin\"}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"mounts\": [{\"destination\": 7}]}",
        "{\"ociVersion\": \"1.0.2\",\n \"linux\": {\"resources\": {\"memory\": {\"limit\": 1.5}}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_NO\"}}}",
        "{\"ociVersion\": \"1.0.2\",\n \"linux\": []}",
        "{\"process\": {}}",
        "[1]",
    ] {
        told.push_str(&render(&oci(text).unwrap_err(), false));
    }
    let json = "{\"Name\": \"/x\", \"Config\": {}, \"HostConfig\":\n {\"SecurityOpt\": [\"seccomp={\\\"defaultAction\\\": 1}\"]}}";
    for text in [
        json,
        "[{\"Name\": \"/x\", \"Config\": {}}]",
        "[7]",
        "[]",
        "{\"HostConfig\": {\"Memory\": \"1\"}, \"Config\": {}}",
    ] {
        told.push_str(&render(&inspect(text, None).unwrap_err(), false));
    }
    insta::assert_snapshot!(told);
}

/// Every value in turn is of another kind: what comes out is a profile or a finding with a place.
#[test]
fn no_value_of_another_kind_is_taken_for_one() {
    let others = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1.5),
        json!("\u{1b}[0m\n x"),
        json!([[]]),
        json!({"a": {}}),
    ];
    let (mut refused, mut taken) = (0, 0);
    for text in [SPEC.to_owned(), serde_json::from_str::<Value>(INSPECT).unwrap()[1].to_string()] {
        let document: Value = serde_json::from_str(&text).unwrap();
        for pointer in pointers(&document, "") {
            for other in &others {
                let mut changed = document.clone();
                *changed.pointer_mut(&pointer).unwrap() = other.clone();
                let changed = changed.to_string();
                let outcome = if text == SPEC { oci(&changed) } else { inspect(&changed, None) };
                match outcome {
                    Ok(imported) => {
                        policy(&imported.profile);
                        taken += 1;
                    }
                    Err(faults) => {
                        assert!(faults.iter().all(|fault| fault.place.is_some()), "{pointer}: {faults:?}");
                        refused += 1;
                    }
                }
            }
        }
    }
    assert!(refused > 200 && taken > 200, "{refused} {taken}");
}

/// The pointer of every value below `value`.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect()
        }
        Value::Object(entries) => {
            entries.iter().map(|(key, item)| (key.replace('~', "~0").replace('/', "~1"), item)).collect()
        }
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (key, item) in below {
        let pointer = format!("{at}/{key}");
        found.extend(pointers(item, &pointer));
        found.push(pointer);
    }
    found
}

#[test]
fn what_is_cut_off_or_too_large_is_refused() {
    for text in [INSPECT, OCI] {
        for end in (0..text.trim_end().len()).step_by(499) {
            let cut = &text[..end];
            assert!(inspect(cut, Some("round")).is_err() && oci(cut).is_err(), "{end}");
        }
    }
    let deep = format!("{{\"ociVersion\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(oci(&deep).is_err());
    let many = format!(
        "{{\"ociVersion\": \"1\", \"process\": {{\"env\": [{}\"A=1\"]}}}}",
        "\"A=1\",".repeat(60_000)
    );
    assert!(oci(&many).is_err());
    let long = format!("{{\"ociVersion\": \"1\", \"x\": \"{}\"}}", "x".repeat(2 << 20));
    assert!(oci(&long).is_err());
}
