//! What has no meet with a policy is refused by its name, and the bundle stays as it was.

use crate::bench::{Bench, ended, spec};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;

/// Changes a bundle.
type Change = Box<dyn Fn(&mut Value)>;

fn without(kind: &'static str) -> Change {
    Box::new(move |config| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| entry["type"] != kind);
    })
}

/// In the host's namespace of a kind, by its path.
fn joined(kind: &'static str, file: &str) -> Change {
    let path = format!("/proc/{}/ns/{file}", std::process::id());
    Box::new(move |config| {
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| entry["type"] != kind);
        namespaces.push(json!({"type": kind, "path": path}));
    })
}

/// Sets the value at a JSON pointer's parent, made where it is not there.
fn set(place: &'static [&'static str], value: Value) -> Change {
    Box::new(move |config| {
        let entry = place.iter().fold(&mut *config, |config, key| &mut config[*key]);
        *entry = value.clone();
    })
}

fn mount(source: &str, options: &[&str]) -> Change {
    let mount = json!({"destination": "/mnt", "type": "bind", "source": source, "options": options});
    Box::new(move |config| config["mounts"].as_array_mut().unwrap().push(mount.clone()))
}

/// What an engine could ask for, and words of the refusal.
fn cases(bench: &Bench) -> Vec<(Change, String)> {
    let link = bench.join("link");
    symlink("/etc", &link).unwrap();
    let climbing = format!("{}/../../../../../../../../etc", bench.join("bundle-x/rootfs").display());
    let cases: Vec<(Change, &str)> = vec![
        (
            set(&["process", "user", "uid"], json!(1)),
            "process.user.uid: it runs as user 1; the policy admits 0",
        ),
        (set(&["process", "user", "gid"], json!(-1)), "process.user.gid: -1 is no id"),
        (set(&["process", "user", "uid"], json!(1_u64 << 32)), "process.user.uid: 4294967296 is no id"),
        (set(&["process", "scheduler"], json!({"policy": "SCHED_FIFO", "priority": 9})), "process.scheduler"),
        (set(&["process", "ioPriority"], json!({"class": "IOPRIO_CLASS_RT"})), "process.ioPriority"),
        (set(&["process", "args"], json!([])), "process.args: there is no command"),
        (set(&["linux", "rootfsPropagation"], json!("shared")), "linux.rootfsPropagation: `shared`"),
        (set(&["linux", "rootfsPropagation"], json!("rshared")), "linux.rootfsPropagation: `rshared`"),
        (
            set(&["linux", "sysctl"], json!({"kernel.core_pattern": "|/bin/sh"})),
            "linux.sysctl.kernel.core_pattern",
        ),
        (
            set(&["linux", "sysctl"], json!({"vm.overcommit_memory": "1"})),
            "linux.sysctl.vm.overcommit_memory",
        ),
        (set(&["linux", "sysctl"], json!({"kernel/core_pattern": "x"})), "linux.sysctl.kernel/core_pattern"),
        (
            set(&["linux", "seccomp"], json!({"defaultAction": "SCMP_ACT_ALLOW", "listenerPath": "/run/s"})),
            "linux.seccomp.listenerPath",
        ),
        (set(&["linux", "seccomp"], json!([])), "linux.seccomp: this is no place for a list"),
        (
            set(&["linux", "seccomp"], json!({"defaultAction": "SCMP_ACT_ALLOW", "other": 1})),
            "linux.seccomp.other: no field of this name is known",
        ),
        (
            set(&["linux", "seccomp"], json!({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1.5})),
            "linux.seccomp: 1.5 is no whole number",
        ),
        (set(&["linux", "personality"], json!({"domain": "LINUX32"})), "linux.personality"),
        (set(&["linux", "netDevices"], json!({"eth0": {}})), "linux.netDevices"),
        (set(&["linux", "intelRdt"], json!({"closID": "x"})), "linux.intelRdt"),
        (set(&["linux", "cgroupsPath"], json!("/")), "linux.cgroupsPath"),
        (set(&["linux", "cgroupsPath"], json!("//.//")), "linux.cgroupsPath"),
        (set(&["linux", "cgroupsPath"], json!(".")), "linux.cgroupsPath"),
        (set(&["linux", "cgroupsPath"], json!("/a/../..")), "linux.cgroupsPath"),
        (
            set(&["linux", "resources", "cpu", "realtimeRuntime"], json!(100_000)),
            "linux.resources.cpu.realtimeRuntime",
        ),
        (
            set(&["linux", "resources", "unified"], json!({"cgroup.freeze": "1"})),
            "linux.resources.unified.cgroup.freeze",
        ),
        (set(&["linux", "uidMappings"], json!([{"containerID": 0, "hostID": 0}])), "linux.uidMappings"),
        (set(&["root", "path"], json!("/")), "root.path"),
        (mount(link.to_str().unwrap(), &["rbind"]), "/etc of the host would be mounted"),
        (mount(&climbing, &["rbind"]), "/etc of the host would be mounted"),
        (mount("/proc/self/root/etc", &["bind"]), "/etc of the host would be mounted"),
        (
            mount(&format!("/proc/{}/root/etc", std::process::id()), &["bind"]),
            "/etc of the host would be mounted",
        ),
        (mount("/etc", &["bind", "ro"]), "/etc of the host would be mounted"),
        (mount("/", &["rbind", "ro"]), "/ of the host would be mounted"),
        (mount("etc", &["bind"]), "the source `etc` is no absolute path"),
        (mount("/etc", &["rbind", "rshared"]), "`rshared`"),
        (mount("/nowhere/at/all", &["bind"]), "does not exist"),
    ];
    let mut cases: Vec<(Change, String)> =
        cases.into_iter().map(|(change, words)| (change, words.to_owned())).collect();
    for (kind, file) in [
        ("network", "net"),
        ("pid", "pid"),
        ("ipc", "ipc"),
        ("uts", "uts"),
        ("mount", "mnt"),
        ("cgroup", "cgroup"),
    ] {
        let words = format!("the container is in the host's {kind} namespace");
        // Docker leaves the one for cgroups out on hosts with cgroup v1: it is added.
        if kind != "cgroup" {
            cases.push((without(kind), words.clone()));
        }
        cases.push((joined(kind, file), words));
    }
    cases.push((joined("user", "user"), "joined user namespace".to_owned()));
    cases.push((joined("time", "time"), "joined time namespace".to_owned()));
    cases.push((joined("network", "../status"), "/status is no namespace".to_owned()));
    for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] {
        let words = format!("hooks.{kind}: the program /bin/true");
        let hooks = json!({kind: [{"path": "/bin/true", "args": ["true"]}]});
        cases.push((Box::new(move |config| config["hooks"] = hooks.clone()), words));
    }
    cases
}

#[test]
fn what_has_no_meet_is_refused_by_name() {
    needs!("runtime", "runc", "busybox");
    // A runtime that makes nothing: some of this would take the host's cgroups along.
    let bench = Bench::with("default: ./tight.yaml\nruntime: /bin/true\n");
    // Which users there are is the profile's to say.
    let profile = crate::bench::TIGHT.replace("process:\n", "process:\n  user: 0:0\n");
    bench.profile("tight", &profile);
    let bundle = bench.bundle("x");
    let original = bundle.read();
    let mut wrong = Vec::new();
    for (change, words) in cases(&bench) {
        bundle.write(&original);
        bundle.edit(change);
        let before = bundle.bytes();
        let ended = bench.create(&bundle);
        if ended.code != Some(125) || !ended.stderr.contains(&words) {
            wrong.push(format!("no `{words}`: {ended:?}"));
        }
        if bundle.bytes() != before {
            wrong.push(format!("{words}: the bundle was changed"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bundle.write(&original);
    bench.create(&bundle).success();
    assert_ne!(bundle.read(), original);
}

/// Every object of a document, by its JSON pointer and by its place in messages.
fn objects(value: &Value, pointer: &str, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            found.push((pointer.to_owned(), place.to_owned()));
            for (key, value) in map {
                let dot = if place.is_empty() { "" } else { "." };
                objects(value, &format!("{pointer}/{key}"), &format!("{place}{dot}{key}"), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                objects(value, &format!("{pointer}/{index}"), &format!("{place}[{index}]"), found);
            }
        }
        _ => {}
    }
}

/// A document with every kind of object that a bundle may have.
fn full() -> Value {
    let mut config = spec();
    config["process"]["consoleSize"] = json!({"height": 24, "width": 80});
    config["hooks"] = json!({"prestart": [{"path": "/usr/bin/dockerd", "args": ["x"]}]});
    let linux = &mut config["linux"];
    linux["uidMappings"] = json!([{"containerID": 0, "hostID": 1000, "size": 10}]);
    linux["devices"] = json!([{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}]);
    linux["seccomp"] = json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["bpf"], "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}]}],
    });
    let resources = &mut linux["resources"];
    resources["memory"] = json!({"limit": 1 << 26});
    resources["cpu"] = json!({"shares": 10});
    resources["pids"] = json!({"limit": 10});
    resources["network"] = json!({"priorities": [{"name": "eth0", "priority": 1}]});
    resources["hugepageLimits"] = json!([{"pageSize": "2MB", "limit": 0}]);
    resources["blockIO"] = json!({
        "weight": 10,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 10}],
        "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 10}],
    });
    config
}

#[test]
fn a_field_that_nobody_knows_is_refused_with_its_place() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let original = full();
    let mut places = Vec::new();
    objects(&original, "", "", &mut places);
    assert!(places.len() > 30, "{places:?}");
    let mut wrong = Vec::new();
    for (pointer, place) in places {
        let mut config = original.clone();
        config.pointer_mut(&pointer).unwrap()["noSuchField"] = json!({"x": 1});
        bundle.write(&config);
        let before = bundle.bytes();
        let ended = bench.create(&bundle);
        let dot = if place.is_empty() { "" } else { "." };
        let expected = format!("{place}{dot}noSuchField: no field of this name is known");
        if ended.code != Some(125) || !ended.stderr.contains(&expected) || bundle.bytes() != before {
            wrong.push(format!("{expected}: {ended:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // And so is one in another case, which Go takes for the same.
    let mut config = original.clone();
    config["process"]["NoNewPrivileges"] = false.into();
    bundle.write(&config);
    bench.create(&bundle).refused("process.NoNewPrivileges: no field of this name is known");
}

#[test]
fn a_device_is_its_number_and_not_its_name() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["linux"]["devices"] = json!([
            {"path": "/dev/null", "type": "b", "major": 8, "minor": 0},
            {"path": "/dev/zero", "type": "c", "major": 1, "minor": 1},
            {"path": "/dev/sda", "type": "c", "major": 1, "minor": 3},
            {"path": "/dev/full", "type": "c", "major": 1, "minor": 7},
        ]);
    });
    bench.create(&bundle).success();
    let written = bundle.read();
    let paths: Vec<&str> = written["linux"]["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["/dev/full"]);
    for rule in written["linux"]["resources"]["devices"].as_array().unwrap() {
        assert!(rule["type"] != "b" && (rule["allow"] == false || rule["major"].is_u64()), "{rule}");
    }
}

#[test]
fn orders_to_the_inner_runtime_are_taken_away() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./tight.yaml\nannotations: [run.oci.timeout]\n");
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["linux"]["timeOffsets"] = json!({"monotonic": {"secs": 5}});
        config["annotations"] = json!({
            "run.oci.keep_original_groups": "1",
            "run.oci.seccomp_bpf_data": "AAAA",
            "run.oci.timeout": "10",
            "org.criu.config": "/etc/passwd",
            "org.systemd.property.ExecStartPre": "'/bin/sh'",
            "org.example.note": "kept",
        });
    });
    // Looked at as it is written: this runc knows no clocks.
    drop(ended(&mut bench.stockade(&["create", "--bundle", bundle.text(), "x"])));
    let written = bundle.read();
    assert_eq!(written["annotations"], json!({"run.oci.timeout": "10", "org.example.note": "kept"}));
    assert_eq!(written["linux"]["timeOffsets"], json!({"monotonic": {"secs": 5}}));
    for name in ["keep_original_groups", "seccomp_bpf_data", "org.criu.config", "ExecStartPre"] {
        assert!(bench.log().contains(name), "{name} is not logged");
    }
    assert!(fs::metadata(bench.join("state")).unwrap().is_dir());
}

/// Of what needs more rules than anybody could read nothing is left out where nobody would make up for it.
#[test]
fn a_filter_that_has_no_rules_is_refused_with_what_to_change() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./many.yaml\n");
    let profile = |more: &str| {
        let denied = ["key in {1, 0x40000, 77}", "nsems in {2, 50, 0x20000}", "semflg == 3"];
        let denied = denied.map(|condition| format!("    - semget({condition})\n"));
        let rules = format!("syscalls:\n  deny:\n    - ipc: enosys\n{}", denied.concat());
        bench.profile("many", &format!("stockade: 1\nname: many\nextends: [docker-default]\n{more}{rules}"));
    };
    profile("");
    let bundle = bench.bundle("x");
    let refused = bench.create(&bundle);
    refused.refused("`semget` needs more than 512 rules");
    refused.refused("with `no_new_privileges: true` the init puts it on");
    profile("process: {no_new_privileges: true}\n");
    bench.create(&bundle).success();
}
