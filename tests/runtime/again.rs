//! Bundles that are started more than once.

use crate::bench::{Bench, Bundle, TIGHT, ended};
use crate::facts;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// Where what was given is kept.
const GIVEN: &str = "config.json.given";

/// A bundle of which nothing is left as it was: it has a volume that others could swap, a joined namespace, a hook, and the
/// init.
fn bundle(bench: &Bench) -> Bundle {
    let first = bench.start(&bench.bundle("first"));
    let shared = bench.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(shared.join("data")).unwrap();
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["process"]["args"] = json!(["/bin/cat", "/proc/self/limits"]);
        let volume = json!({"destination": "/mnt", "type": "bind", "source": shared.join("data"), "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(volume);
        let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
        namespaces.retain(|entry| entry["type"] != "network");
        namespaces.push(json!({"type": "network", "path": format!("/proc/{first}/ns/net")}));
    });
    bundle
}

fn run(bench: &Bench, bundle: &Bundle) -> String {
    ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), &bundle.id])).success()
}

fn starts_again(bench: &Bench, rules: &str) {
    bench.rules(&format!("{rules}joins: [network]\nmounts: [{}]\n", bench.join("shared").display()));
    let bundle = bundle(bench);
    let given = bundle.bytes();
    let first = run(bench, &bundle);
    assert_eq!(facts::from(&first)["open files"], "512 512");
    let made = bundle.bytes();
    assert_ne!(given, made);
    assert_eq!(run(bench, &bundle), first);
    assert_eq!(String::from_utf8_lossy(&bundle.bytes()), String::from_utf8_lossy(&made));
    let kept = fs::read(bundle.path.join(GIVEN)).unwrap();
    assert!(kept.ends_with(&given), "{}", String::from_utf8_lossy(&kept));
    // What decides is the policy of now, and the bundle as it was given.
    bench.profile("tight", &TIGHT.replace("512", "600"));
    assert_eq!(facts::from(&run(bench, &bundle))["open files"], "600 600");
    // One that the engine writes anew is another one.
    fs::write(bundle.config(), &given).unwrap();
    bundle.edit(|config| {
        config["process"]["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "hard": 64, "soft": 64}])
    });
    for _ in 0..2 {
        assert_eq!(facts::from(&run(bench, &bundle))["open files"], "64 64");
    }
}

#[test]
fn a_bundle_is_met_again_as_it_was_given() {
    needs!("runtime", "runc", "busybox");
    starts_again(&Bench::new(), "default: ./tight.yaml\n");
}

#[test]
fn a_bundle_is_met_again_as_it_was_given_to_crun() {
    needs!("runtime-crun", "runc", "crun", "unshare", "busybox");
    starts_again(&Bench::of_crun(), "default: ./tight.yaml\nruntime: crun\n");
}

#[test]
fn what_is_said_to_have_been_given_is_met_like_any_bundle() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let mut forged = bundle.read();
    forged["mounts"]
        .as_array_mut()
        .unwrap()
        .push(json!({"destination": "/mnt", "type": "bind", "source": "/etc", "options": ["rbind"]}));
    let hash: String = Sha256::digest(bundle.bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let given = bundle.path.join(GIVEN);
    fs::write(&given, format!("{hash}\n{forged}")).unwrap();
    bench.create(&bundle).refused("/etc of the host would be mounted");
    // A hook like the one that is added, and not it.
    forged["mounts"].as_array_mut().unwrap().pop();
    forged["hooks"] = json!({"poststop": [{"path": "/bin/rm", "args": ["rm", "-f", "--", "/x/.stockade"]}]});
    fs::write(&given, format!("{hash}\n{forged}")).unwrap();
    bench.create(&bundle).refused("hooks.poststop: the program /bin/rm");
    fs::write(&given, format!("{hash}\n")).unwrap();
    bench.create(&bundle).refused("is not what a runtime reads");
    fs::remove_file(&given).unwrap();
    fs::create_dir(&given).unwrap();
    bench.create(&bundle).refused("is no regular file");
}

#[test]
fn what_was_given_elsewhere_counts_for_nothing() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let before = bundle.bytes();
    for text in ["", "\n{}", "0123\n{}"] {
        bundle.write(&serde_json::from_slice(&before).unwrap());
        fs::write(bundle.path.join(GIVEN), text).unwrap();
        bench.create(&bundle).success();
        bench.end("x");
        assert!(fs::read(bundle.path.join(GIVEN)).unwrap().ends_with(&before), "{text:?}");
    }
}

/// The rules under which everything of [`bundle`] is admitted, in a mode.
fn admitting(bench: &Bench, mode: &str) {
    let volume = bench.join("shared");
    bench.rules(&format!(
        "default: ./tight.yaml\nmode: {mode}\njoins: [network]\nmounts: [{}]\n",
        volume.display()
    ));
}

/// What was made of it under a policy is not what an engine gave.
#[test]
fn a_bundle_is_observed_as_it_was_given() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    admitting(&bench, "enforce");
    let bundle = bundle(&bench);
    bundle.edit(|config| config["annotations"] = json!({"tier": "db"}));
    let given = bundle.bytes();
    let plain = ended(&mut bench.plain(&["run", "--bundle", bundle.text(), "plain"])).success();
    // With the init, which is taken away where it is observed, and without.
    for profile in [
        TIGHT.to_owned(),
        "stockade: 1\nname: tight\nextends: [docker-default]\nprocess: {limits: {open_files: 512}}\n"
            .to_owned(),
    ] {
        bench.profile("tight", &profile);
        admitting(&bench, "enforce");
        let met = run(&bench, &bundle);
        assert_eq!(facts::from(&met)["open files"], "512 512");
        let made = bundle.bytes();
        assert_ne!(made, given);
        admitting(&bench, "observe");
        for _ in 0..2 {
            assert_eq!(run(&bench, &bundle), plain);
            assert_eq!(String::from_utf8_lossy(&bundle.bytes()), String::from_utf8_lossy(&given));
        }
        // And back.
        admitting(&bench, "enforce");
        assert_eq!(run(&bench, &bundle), met);
        // What the policy of now refuses, and what has none.
        for rules in [
            "default: ./tight.yaml\nmode: observe\n",
            "default: ./tight.yaml\nmode: observe\nrules: [{when: {annotations: {tier: db}}, deny: not here}]\n",
        ] {
            bench.rules(rules);
            assert_eq!(run(&bench, &bundle), plain, "{rules}");
            assert_eq!(String::from_utf8_lossy(&bundle.bytes()), String::from_utf8_lossy(&given), "{rules}");
            assert!(bench.log().lines().last().unwrap().contains("would refuse"), "{rules}: {}", bench.log());
            admitting(&bench, "enforce");
            assert_eq!(run(&bench, &bundle), met);
        }
    }
}
