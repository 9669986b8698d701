//! The bundle that is written is the meet: never looser in any field, and its own meet.

use crate::bench::{Bench, Bundle, ended, spec};
use crate::broken::Small;
use crate::facts;
use crate::limits;
use serde_json::{Value, json};
use std::fs;

/// What was looser after than before.
struct Compared<'a> {
    before: &'a Value,
    after: &'a Value,
    looser: Vec<String>,
}

fn list<'a>(config: &'a Value, place: &str) -> &'a [Value] {
    config.pointer(place).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A limit, where -1 and nothing at all are none.
fn limit(config: &Value, place: &str) -> u64 {
    config.pointer(place).and_then(Value::as_u64).filter(|limit| *limit > 0).unwrap_or(u64::MAX)
}

impl Compared<'_> {
    fn holds(&mut self, holds: bool, what: &str) {
        if !holds {
            self.looser.push(what.to_owned());
        }
    }

    /// Nothing is there that was not.
    fn fewer(&mut self, place: &str) {
        let (before, after) = (list(self.before, place), list(self.after, place));
        self.holds(after.iter().all(|one| before.contains(one)), place);
    }

    /// Nothing is gone that was there.
    fn more(&mut self, place: &str) {
        let (before, after) = (list(self.before, place), list(self.after, place));
        self.holds(before.iter().all(|one| after.contains(one)), place);
    }

    fn lower(&mut self, place: &str) {
        self.holds(limit(self.after, place) <= limit(self.before, place), place);
    }

    fn same(&mut self, place: &str) {
        self.holds(self.after.pointer(place) == self.before.pointer(place), place);
    }

    fn still(&mut self, place: &str) {
        let set = |config: &Value| config.pointer(place) == Some(&Value::Bool(true));
        self.holds(set(self.after) || !set(self.before), place);
    }

    fn rlimits(&mut self) {
        let find = |config: &Value, kind: &Value| {
            let mut all = list(config, "/process/rlimits").to_vec();
            all.retain(|one| one["type"] == *kind);
            all.pop().map(|one| (one["hard"].as_u64().unwrap(), one["soft"].as_u64().unwrap()))
        };
        for one in list(self.before, "/process/rlimits") {
            let kind = &one["type"];
            let lower = find(self.after, kind).zip(find(self.before, kind));
            let lower = lower.is_some_and(|(after, before)| after.0 <= before.0 && after.1 <= before.1);
            self.holds(lower, &format!("rlimits {kind}"));
        }
    }

    fn mounts(&mut self) {
        let options = |mount: &Value| -> Vec<String> {
            let words = list(mount, "/options").iter();
            words.map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        let find = |config: &Value, at: &Value| {
            list(config, "/mounts").iter().find(|mount| mount["destination"] == *at).cloned()
        };
        for after in list(self.after, "/mounts") {
            let at = &after["destination"];
            let is_bind = options(after).iter().any(|word| word == "bind" || word == "rbind");
            match find(self.before, at) {
                Some(before) => {
                    let (now, then) = (options(after), options(&before));
                    let kept = ["ro", "nosuid", "nodev", "noexec"]
                        .iter()
                        .all(|word| now.iter().any(|one| one == word) || !then.iter().any(|one| one == word));
                    let gained = ["rw", "rrw", "exec", "rexec", "suid", "dev", "shared", "rshared"]
                        .iter()
                        .any(|word| now.iter().any(|one| one == word) && !then.iter().any(|one| one == word));
                    self.holds(kept && !gained, &format!("mount {at}"));
                    self.holds(!is_bind || after["source"] == before["source"], &format!("source of {at}"));
                }
                // Beside the init there is nothing of the host that was not asked for.
                None => self.holds(!is_bind || at == "/.stockade", &format!("new mount {at}")),
            }
        }
    }

    fn cpu(&mut self) {
        let share = |config: &Value| {
            let period =
                config.pointer("/linux/resources/cpu/period").and_then(Value::as_u64).unwrap_or(100_000);
            let quota = limit(config, "/linux/resources/cpu/quota");
            if quota == u64::MAX { u64::MAX } else { quota * 1_000_000 / period }
        };
        let lower = share(self.after) <= share(self.before);
        self.holds(lower, "cpu");
    }
}

/// The fields that became looser.
fn looser(before: &Value, after: &Value) -> Vec<String> {
    let mut compared = Compared { before, after, looser: Vec::new() };
    for set in ["bounding", "effective", "inheritable", "permitted", "ambient"] {
        compared.fewer(&format!("/process/capabilities/{set}"));
    }
    for place in ["/process/env", "/process/user/additionalGids", "/linux/devices"] {
        compared.fewer(place);
    }
    for place in ["/linux/maskedPaths", "/linux/readonlyPaths", "/linux/namespaces"] {
        compared.more(place);
    }
    for place in ["/process/noNewPrivileges", "/root/readonly"] {
        compared.still(place);
    }
    for place in [
        "/process/user/uid",
        "/process/user/gid",
        "/process/cwd",
        "/root/path",
        "/hostname",
        "/hooks",
        "/linux/cgroupsPath",
        "/linux/uidMappings",
        "/linux/gidMappings",
        "/linux/rootfsPropagation",
    ] {
        compared.same(place);
    }
    for place in ["memory/limit", "memory/swap", "pids/limit"] {
        compared.lower(&format!("/linux/resources/{place}"));
    }
    compared.rlimits();
    compared.mounts();
    compared.cpu();
    let args = list(after, "/process/args");
    let is_command = args
        .split_first()
        .is_some_and(|(init, rest)| init == "/.stockade" && rest == list(before, "/process/args"));
    compared.holds(is_command, "args");
    let umask =
        |config: &Value| config.pointer("/process/user/umask").and_then(Value::as_u64).unwrap_or(0o022);
    compared.holds(umask(before) & !umask(after) == 0, "umask");
    compared.holds(after["linux"]["seccomp"]["defaultAction"] != "SCMP_ACT_ALLOW", "seccomp");
    compared.looser
}

/// Bundles that are loose, usual, and stricter than the policy here and there.
fn variants(bundle: &Bundle) -> Vec<(&'static str, Value)> {
    let loose = bundle.read();
    let with = |change: fn(&mut Value)| {
        let mut config = loose.clone();
        change(&mut config);
        config
    };
    let mut usual = spec();
    usual["process"]["terminal"] = false.into();
    usual["process"]["args"] = json!(["/bin/sleep", "120"]);
    usual["linux"]["cgroupsPath"] = loose["linux"]["cgroupsPath"].clone();
    vec![
        ("loose", loose.clone()),
        ("usual", usual),
        (
            "stricter",
            with(|config| {
                let process = &mut config["process"];
                for set in ["bounding", "effective", "permitted"] {
                    process["capabilities"][set] = json!(["CAP_KILL", "CAP_SYS_ADMIN"]);
                }
                process["capabilities"]["inheritable"] = json!([]);
                process["capabilities"]["ambient"] = json!([]);
                process["user"]["umask"] = 0o077.into();
                process["rlimits"] = json!([
                    {"type": "RLIMIT_NOFILE", "hard": 64, "soft": 32},
                    {"type": "RLIMIT_NPROC", "hard": 50, "soft": 50},
                    {"type": "RLIMIT_CORE", "hard": 100, "soft": 0},
                ]);
                config["linux"]["resources"]["memory"] = json!({"limit": 32 << 20, "swap": 32 << 20});
                config["linux"]["resources"]["pids"] = json!({"limit": 8});
                config["linux"]["resources"]["cpu"] = json!({"quota": 2000, "period": 20_000});
                config["linux"]["maskedPaths"] = json!(["/proc/version"]);
                config["linux"]["readonlyPaths"] = json!(["/proc/uptime"]);
            }),
        ),
        (
            "wider limits",
            with(|config| {
                config["process"]["rlimits"] =
                    json!([{"type": "RLIMIT_NOFILE", "hard": 1 << 20, "soft": 1 << 20}]);
                config["linux"]["resources"]["memory"] = json!({"limit": -1, "swap": -1});
                config["linux"]["resources"]["pids"] = json!({"limit": -1});
                config["linux"]["resources"]["cpu"] = json!({"quota": 5000, "period": 1000});
            }),
        ),
    ]
}

#[test]
fn what_is_written_is_never_looser_and_its_own_meet() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let loose = bundle.read();
    for (what, before) in variants(&bundle) {
        bundle.write(&before);
        bench.start(&bundle);
        let written = bundle.bytes();
        assert_eq!(looser(&before, &bundle.read()), [""; 0], "{what}");
        ended(&mut bench.stockade(&["delete", "--force", "x"])).success();
        // Otherwise what was given would be met again.
        fs::remove_file(bundle.path.join("config.json.given")).unwrap();
        bench.start(&bundle);
        assert_eq!(String::from_utf8_lossy(&bundle.bytes()), String::from_utf8_lossy(&written), "{what}");
        bench.end("x");
    }
    // The checker sees what it is there for.
    assert!(looser(&bundle.read(), &loose).len() > 5);
}

#[test]
fn what_is_mounted_read_only_is_so_below() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let source = bench.join("data");
    let below = source.join("below");
    let _below = Small::over(&below, 1 << 20);
    bench.rules(&format!("default: docker-default\nmounts: [\"{}:ro\"]\n", source.display()));
    let bundle = bench.bundle("x");
    let original = bundle.read();
    let mut writable = Vec::new();
    for options in
        [json!(["rbind"]), json!(["rbind", "rw"]), json!(["rbind", "ro"]), json!(["bind", "rslave"])]
    {
        bundle.write(&original);
        bundle.edit(|config| {
            config["mounts"]
                .as_array_mut()
                .unwrap()
                .push(json!({"destination": "/mnt", "type": "bind", "source": source, "options": options}));
        });
        let pid = bench.start(&bundle);
        let table = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
        let mut found = 0;
        for line in table.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            if words[4].starts_with("/mnt") {
                found += 1;
                if !words[5].split(',').any(|word| word == "ro") {
                    writable.push(format!("{options}: {line}"));
                }
            }
        }
        assert!(found > 0, "{options}");
        bench.end("x");
    }
    assert!(writable.is_empty(), "{}", writable.join("\n"));
}

#[test]
fn what_is_observed_is_left_as_it_is() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./tight.yaml\nmode: observe\n");
    let bundle = bench.bundle("x");
    let before = bundle.bytes();
    let found = facts::of(bench.start(&bundle));
    assert_eq!(bundle.bytes(), before);
    let plain = bench.bundle("plain");
    ended(&mut bench.plain(&["create", "--bundle", plain.text(), "plain"])).success();
    ended(&mut bench.plain(&["start", "plain"])).success();
    assert_eq!(found, facts::of(bench.pid("plain")));
    let log: Vec<Value> = bench.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for field in [
        "process.capabilities.bounding",
        "process.noNewPrivileges",
        "process.rlimits",
        "process.user.umask",
        "root.readonly",
        "linux.resources.memory.limit",
        "linux.resources.pids.limit",
        "linux.resources.devices",
        "mounts (/proc)",
    ] {
        let cut =
            log.iter().find(|line| line["field"] == field).unwrap_or_else(|| panic!("{field}: {log:#?}"));
        assert_eq!((&cut["kind"], &cut["container"]), (&json!("would cut"), &json!("x")), "{cut}");
    }
    // exec and update, too.
    let added = ended(bench.stockade(&["exec", "--cap", "CAP_SYS_ADMIN", "x"]).args(facts::OWN));
    assert_eq!(facts::from(&added.success())["CapEff"], found["CapEff"]);
    ended(&mut bench.stockade(&["update", "--pids-limit", "1000", "x"])).success();
    assert_eq!(limits::of(bench.pid("x")).processes, 1000);
    // What would be refused is said, and started.
    let refused = bench.bundle("y");
    refused.edit(|config| {
        config["linux"]["namespaces"].as_array_mut().unwrap().retain(|entry| entry["type"] != "network");
    });
    bench.start(&refused);
    let log = bench.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("would refuse") && last.contains("the host's network namespace"), "{last}");
}

#[test]
fn what_the_rules_deny_is_observed_too() {
    needs!("runtime", "runc", "busybox");
    let rules =
        "default: ./tight.yaml\nmode: observe\nrules: [{when: {annotations: {tier: db}}, deny: not here}]\n";
    let bench = Bench::with(rules);
    let bundle = bench.bundle("x");
    bundle.edit(|config| config["annotations"] = json!({"tier": "db"}));
    let before = bundle.bytes();
    bench.start(&bundle);
    assert_eq!(bundle.bytes(), before);
    let log = bench.log();
    let last = log.lines().last().unwrap();
    assert!(last.contains("would refuse") && last.contains("not here"), "{last}");
}
