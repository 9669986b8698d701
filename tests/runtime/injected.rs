//! The wrapper is killed at every system call, and every one of them is made to fail: the bundle is the old one or the
//! new one, whole, and nothing but the new one is started.

use crate::bench::{Bench, Bundle, ended};
use crate::broken::is_tight;
use crate::ended::Ended;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Calls by which something changes that stays.
const LASTING: [&str; 6] = ["mkdir", "mkdirat", "renameat", "unlinkat", "execve", "fchmod"];

const KILL: &str = "signal=KILL";

/// A runtime that only says that it was started, and what the engine's bundle was then.
const INNER: &str = "#!/bin/sh\ncp \"$DIRECTORY/bundle-x/config.json\" \"$DIRECTORY/seen\"\n";

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

fn traced(bench: &Bench, bundle: &Bundle, more: &[&str]) -> Ended {
    let mut command = Command::new("strace");
    command.args(["-qq", "-e", "signal=none", "-o"]).arg(bench.join("trace")).args(more);
    let wrapper = bench.stockade(&["create", "--bundle", bundle.text(), "x"]);
    command.arg(wrapper.get_program()).args(wrapper.get_args()).env("DIRECTORY", bench.join(""));
    ended(&mut command)
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

/// What becomes of a create in which each call in turn meets the fault.
fn each_call(fault: &str) {
    let bench = Bench::new();
    let inner = bench.join("inner");
    fs::write(&inner, INNER).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
    bench.rules(&format!("default: ./tight.yaml\nruntime: {}\n", inner.display()));
    let bundle = bench.bundle("x");
    let old = bundle.bytes();
    let reset = || {
        fs::write(bundle.config(), &old).unwrap();
        for path in ["state", "seen"].map(|name| bench.join(name)) {
            drop(fs::remove_dir_all(&path));
            drop(fs::remove_file(&path));
        }
    };
    let run = |more: &[&str]| {
        reset();
        traced(&bench, &bundle, more)
    };
    run(&[]).success();
    let (new, reference) = (bundle.bytes(), kept(&bench));
    assert!(reference.is_some() && old != new);
    let trace = fs::read_to_string(bench.join("trace")).unwrap();
    let counts = occurrences(&trace, inner.to_str().unwrap());
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
                Some(seen) if *seen == new && kept(&bench) == reference => whole += 1,
                Some(seen) => violations.push(format!(
                    "{inject}: started under something else: bundle {}, record {}",
                    *seen == new,
                    kept(&bench) == reference
                )),
            }
            if bytes != old && bytes != new {
                violations.push(format!("{inject}: the bundle is neither the old nor the new one"));
            }
            // What was left is in nobody's way.
            let left = bytes == new || fault == KILL && bench.join("state/containers").exists();
            if started.is_none() && left {
                mended += 1;
                let again = traced(&bench, &bundle, &["-e", "trace=none"]);
                if again.code != Some(0) || bundle.bytes() != new || kept(&bench) != reference {
                    let same = [bundle.bytes() == new, kept(&bench) == reference];
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
    needs!("runtime", "runc", "busybox");
    each_call(KILL);
}

#[test]
fn no_refused_call_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox");
    each_call("error=EPERM");
}

#[test]
fn no_broken_call_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox");
    each_call("error=EIO");
}

#[test]
fn no_call_without_room_starts_what_is_weaker() {
    needs!("runtime", "runc", "busybox");
    each_call("error=ENOSPC");
}

#[test]
fn a_killed_create_leaves_no_weaker_container() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let old = bundle.bytes();
    traced(&bench, &bundle, &[]).success();
    bench.end("x");
    let trace = fs::read_to_string(bench.join("trace")).unwrap();
    let counts = occurrences(&trace, "/usr/sbin/runc");
    let mut killed = 0;
    for (call, count) in counts.iter().filter(|(call, _)| LASTING.contains(&call.as_str())) {
        for occurrence in 1..=*count {
            let inject = format!("inject={call}:signal=KILL:when={occurrence}");
            fs::write(bundle.config(), &old).unwrap();
            drop(fs::remove_dir_all(bench.join("state")));
            let ended = traced(&bench, &bundle, &["-e", &inject]);
            assert_ne!(ended.code, Some(0), "{inject}");
            assert!(bench.state("x").is_none(), "{inject}");
            killed += 1;
            is_tight(bench.start(&bundle));
            bench.end("x");
        }
    }
    assert!(killed > 4, "{counts:?}");
}
