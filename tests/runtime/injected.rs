//! The wrapper is killed at every system call, and every one of them is made to fail: the bundle is the old one or the
//! new one, whole, and nothing but the new one is started.

use crate::bench::{Bench, Bundle, ended};
use crate::broken::is_tight;
use crate::ended::Ended;
use crate::reached::Mounted;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Calls by which something changes that stays.
const LASTING: [&str; 6] = ["mkdir", "mkdirat", "renameat", "unlinkat", "execve", "fchmod"];

/// Calls by which the source of a volume is held.
const HOLDING: [&str; 4] = ["unshare", "mount", "open_tree", "move_mount"];

const KILL: &str = "signal=KILL";

/// A runtime that only says that it was started, and what the engine's bundle and the source of its volume were then.
const INNER: &str = "#!/bin/sh\n\
    if [ -d \"$DIRECTORY/shared\" ]; then cat \"$DIRECTORY/state/sources/0/word\" >\"$DIRECTORY/held\"; fi\n\
    cp \"$DIRECTORY/bundle-x/config.json\" \"$DIRECTORY/seen\"\n";

/// What the volume has in it.
const WORD: &str = "what was looked at\n";

/// The record and the init that are kept of the container.
fn kept(bench: &Bench) -> Option<(Value, Vec<u8>)> {
    let mut places = fs::read_dir(bench.join("state/containers")).ok()?.flatten();
    let (place, None) = (places.next()?, places.next()) else { panic!("more than one container") };
    let read = |name: &str| fs::read(place.path().join(name)).ok();
    let mut record: Value = serde_json::from_slice(&read("record.json")?).unwrap();
    // A bundle that was met already is not cut again, and every create is a process of its own.
    for field in ["cuts", "maker"] {
        record.as_object_mut().unwrap().remove(field).unwrap();
    }
    Some((record, read("init")?))
}

/// A bundle with a volume that others could swap.
fn with_volume(bench: &Bench) -> Bundle {
    let shared = bench.join("shared");
    fs::create_dir_all(shared.join("data")).unwrap();
    fs::write(shared.join("data/word"), WORD).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        let source = shared.join("data");
        let volume = json!({"destination": "/mnt", "type": "bind", "source": source, "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(volume);
    });
    bundle
}

/// What of the state is mounted on the host.
fn mounted(bench: &Bench) -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let place = bench.join("state");
    mounts.lines().filter(|line| line.contains(place.to_str().unwrap())).map(str::to_owned).collect()
}

fn traced(bench: &Bench, command: &str, bundle: &Bundle, more: &[&str]) -> Ended {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-e", "signal=none", "-o"]).arg(bench.join("trace")).args(more);
    let wrapper = bench.stockade(&[command, "--bundle", bundle.text(), "x"]);
    strace.arg(wrapper.get_program()).args(wrapper.get_args()).env("DIRECTORY", bench.join(""));
    ended(&mut strace)
}

/// How often each call is made from the wrapper's first one to the one by which it becomes the inner runtime.
fn occurrences(trace: &str, inner: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let last = format!("execve(\"{inner}\"");
    let mut found = false;
    // strace itself counts from behind the exec that it makes.
    for line in trace.lines().skip(1) {
        if let Some((call, _)) = line.split_once('(') {
            *counts.entry(call.to_owned()).or_default() += 1;
        }
        if line.starts_with(&last) {
            found = true;
            break;
        }
    }
    assert!(found, "the inner runtime was not started: {trace}");
    counts
}

/// Whether the inner runtime found the volume that was looked at, where there is one.
fn is_held(bench: &Bench) -> bool {
    !bench.join("shared").exists() || fs::read_to_string(bench.join("held")).is_ok_and(|word| word == WORD)
}

/// What becomes of a create, or of a `run` with a volume to hold, in which each call in turn meets the fault.
fn each_call(command: &str, fault: &str) {
    let bench = Bench::new();
    let runs = command == "run";
    // What is mounted without care shows on the host.
    let _shared = runs.then(|| Mounted::shared(&bench.join("")));
    let inner = bench.join("inner");
    fs::write(&inner, INNER).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
    let mounts = bench.join("shared");
    bench.rules(&format!(
        "default: ./tight.yaml\nruntime: {}\nmounts: [{}]\n",
        inner.display(),
        mounts.display()
    ));
    let bundle = if runs { with_volume(&bench) } else { bench.bundle("x") };
    let old = bundle.bytes();
    let reset = || {
        fs::write(bundle.config(), &old).unwrap();
        for path in ["state", "seen", "held", "bundle-x/config.json.given"].map(|name| bench.join(name)) {
            drop(fs::remove_dir_all(&path));
            drop(fs::remove_file(&path));
        }
    };
    let run = |more: &[&str]| {
        reset();
        traced(&bench, command, &bundle, more)
    };
    run(&[]).success();
    let (new, reference) = (bundle.bytes(), kept(&bench));
    assert!(reference.is_some() && old != new);
    let hooks = &bundle.read()["hooks"]["poststop"];
    assert_eq!(hooks.as_array().is_some_and(|hooks| hooks.len() == 1), runs, "{hooks}");
    let trace = fs::read_to_string(bench.join("trace")).unwrap();
    let counts = occurrences(&trace, inner.to_str().unwrap());
    let holds = HOLDING.iter().all(|call| counts.contains_key(*call));
    assert_eq!(holds, runs, "{counts:?}");
    let (mut violations, mut none, mut whole, mut mended) = (Vec::new(), 0, 0, 0);
    for (call, count) in &counts {
        for occurrence in 1..=*count {
            let inject = format!("inject={call}:{fault}:when={occurrence}");
            let ended = run(&["-e", &inject]);
            let bytes = bundle.bytes();
            let started = fs::read(bench.join("seen")).ok();
            match &started {
                None if ended.code == Some(0) => {
                    violations.push(format!("{inject}: fine, and nothing was started"))
                }
                None => none += 1,
                Some(seen) if *seen == new && kept(&bench) == reference && is_held(&bench) => whole += 1,
                Some(seen) => violations.push(format!(
                    "{inject}: started under something else: bundle {}, record {}, source {}",
                    *seen == new,
                    kept(&bench) == reference,
                    is_held(&bench)
                )),
            }
            if bytes != old && bytes != new {
                violations.push(format!("{inject}: the bundle is neither the old nor the new one"));
            }
            let mounted = mounted(&bench);
            if !mounted.is_empty() {
                violations.push(format!("{inject}: mounted on the host: {mounted:?}"));
            }
            if runs {
                // What was held is gone; an engine writes the bundle anew.
                fs::write(bundle.config(), &old).unwrap();
            }
            // What was left is in nobody's way.
            let left = bytes == new || fault == KILL && bench.join("state/containers").exists();
            if started.is_none() && left {
                mended += 1;
                let again = traced(&bench, command, &bundle, &["-e", "trace=none"]);
                let same = [bundle.bytes() == new, kept(&bench) == reference, is_held(&bench)];
                if again.code != Some(0) || same != [true; 3] {
                    violations.push(format!("{inject}: the next create differs: {same:?}, {again:?}"));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    // A fault that nothing stops at, or that nothing is left of, was none.
    assert!(none > 0 && mended > 0, "{none} started nothing, {whole} the whole, {mended} were made again");
}

#[test]
fn killed_at_any_call_it_starts_nothing_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("create", KILL);
}

#[test]
fn no_refused_call_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("create", "error=EPERM");
}

#[test]
fn no_broken_call_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("create", "error=EIO");
}

#[test]
fn no_call_without_room_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("create", "error=ENOSPC");
}

#[test]
fn killed_while_a_volume_is_held_it_starts_nothing_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("run", KILL);
}

#[test]
fn no_refused_call_starts_a_run_that_is_weaker() {
    needs!("runtime", "runc", "busybox", "strace");
    each_call("run", "error=EPERM");
}

#[test]
fn a_killed_create_leaves_no_weaker_container() {
    needs!("runtime", "runc", "busybox", "strace");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let old = bundle.bytes();
    traced(&bench, "create", &bundle, &[]).success();
    bench.end("x");
    let trace = fs::read_to_string(bench.join("trace")).unwrap();
    let counts = occurrences(&trace, "/usr/sbin/runc");
    let mut killed = 0;
    for (call, count) in counts.iter().filter(|(call, _)| LASTING.contains(&call.as_str())) {
        for occurrence in 1..=*count {
            let inject = format!("inject={call}:signal=KILL:when={occurrence}");
            fs::write(bundle.config(), &old).unwrap();
            drop(fs::remove_dir_all(bench.join("state")));
            let ended = traced(&bench, "create", &bundle, &["-e", &inject]);
            assert_ne!(ended.code, Some(0), "{inject}");
            assert!(bench.state("x").is_none(), "{inject}");
            killed += 1;
            is_tight(bench.start(&bundle));
            bench.end("x");
        }
    }
    assert!(killed > 4, "{counts:?}");
}
