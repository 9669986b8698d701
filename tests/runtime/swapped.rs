//! Volumes that somebody else swaps between our look and the inner runtime's mount.

use crate::bench::{Bench, ended};
use crate::hierarchy::ONE_HIERARCHY;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// An inner runtime before which somebody else acts, as fast as can be.
pub(crate) fn runtime(bench: &Bench, name: &str, before: &str) -> String {
    // Its name says which it is.
    let path = bench.join("bin").join(name);
    fs::create_dir(bench.join("bin")).unwrap();
    let wrapped =
        if name == "crun" { format!("unshare --mount sh -c '{ONE_HIERARCHY}' sh ") } else { String::new() };
    fs::write(&path, format!("#!/bin/sh\n{before}\nexec {wrapped}{name} \"$@\"\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// A directory or a file with this text.
fn fill(path: &Path, is_file: bool, text: &str) {
    if is_file {
        return fs::write(path, text).unwrap();
    }
    fs::create_dir(path).unwrap();
    fs::write(path.join("word"), text).unwrap();
}

#[test]
fn what_is_mounted_is_what_the_rules_were_asked_about() {
    needs!("runtime", "runc", "crun", "busybox");
    for name in ["runc", "crun"] {
        for is_file in [false, true] {
            let bench = Bench::new();
            let (shared, other) = (bench.join("shared"), bench.join("other"));
            fs::create_dir(&shared).unwrap();
            fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
            let data = shared.join("data");
            fill(&data, is_file, "what was looked at\n");
            fill(&other, is_file, "something else\n");
            let swap = format!("mv {0} {0}.old && ln -s {1} {0}", data.display(), other.display());
            let runtime = runtime(&bench, name, &swap);
            bench.rules(&format!(
                "default: docker-default\nruntime: {runtime}\nmounts: [{}]\n",
                shared.display()
            ));
            let bundle = bench.bundle("x");
            let at = if is_file { "/mnt/word" } else { "/mnt" };
            bundle.edit(|config| {
                config["process"]["args"] = json!(["/bin/cat", "/mnt/word"]);
                let volume = json!({"destination": at, "type": "bind", "source": data, "options": ["rbind"]});
                config["mounts"].as_array_mut().unwrap().push(volume);
            });
            let said = ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), "x"])).success();
            assert_eq!(said, "what was looked at\n", "{name}");
            assert_eq!(fs::read_link(&data).unwrap(), other, "{name}: it was swapped");
            // Nothing of it is left on the host.
            let held = bench.join("state/sources");
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            assert!(!mounts.contains(held.to_str().unwrap()), "{mounts}");
            assert_eq!(fs::read_dir(held).unwrap().count(), 0);
        }
    }
}

/// Root of a container that has the volume is root there too.
#[test]
fn what_lies_below_a_volume_is_held_whoever_owns_it() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let (site, other) = (bench.join("site"), bench.join("other"));
    fs::create_dir(&site).unwrap();
    let data = site.join("data");
    fill(&data, false, "what was looked at\n");
    fill(&other, false, "something else\n");
    let swap = format!("mv {0} {0}.old && ln -s {1} {0}", data.display(), other.display());
    let runtime = runtime(&bench, "runc", &swap);
    bench.rules(&format!("default: docker-default\nruntime: {runtime}\nmounts: [{}]\n", site.display()));
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        config["process"]["args"] = json!(["/bin/cat", "/mnt/word"]);
        let volume = json!({"destination": "/mnt", "type": "bind", "source": data, "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(volume);
    });
    let said = ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), "x"])).success();
    assert_eq!(said, "what was looked at\n");
}

#[test]
fn a_volume_that_only_root_could_swap_stays_where_it_is() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let data = bench.join("data");
    fill(&data, false, "x");
    // Its own content is the volume's business.
    fs::set_permissions(&data, Permissions::from_mode(0o777)).unwrap();
    bench.rules(&format!("default: docker-default\nmounts: [{}]\n", data.display()));
    let bundle = bench.bundle("x");
    bundle.edit(|config| {
        let volume = json!({"destination": "/mnt", "type": "bind", "source": data, "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(volume);
    });
    bench.create(&bundle).success();
    assert!(bundle.read()["mounts"].as_array().unwrap().iter().any(|mount| mount["source"] == json!(data)));
    assert!(!bench.join("state/sources").exists());
}

/// By a path with a link in a directory that others can change, which then leads to the host's own namespace.
#[test]
fn what_is_joined_is_what_the_rules_were_asked_about() {
    needs!("runtime", "runc", "crun", "busybox");
    for name in ["runc", "crun"] {
        for (kind, file) in [("network", "net"), ("ipc", "ipc"), ("uts", "uts"), ("pid", "pid")] {
            let bench = Bench::new();
            let first = bench.start(&bench.bundle("first"));
            let link = bench.join("link");
            symlink(format!("/proc/{first}/ns/{file}"), &link).unwrap();
            let swap = format!("ln -sfn /proc/1/ns/{file} {}", link.display());
            let runtime = runtime(&bench, name, &swap);
            bench.rules(&format!("default: docker-default\nruntime: {runtime}\njoins: [{kind}]\n"));
            let bundle = bench.bundle("x");
            bundle.edit(|config| {
                let inside = format!("/proc/self/ns/{file}");
                config["process"]["args"] = json!(["/bin/busybox", "readlink", inside]);
                let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
                namespaces.retain(|entry| entry["type"] != kind);
                namespaces.push(json!({"type": kind, "path": link}));
            });
            let said = ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), "x"])).success();
            let wanted = fs::read_link(format!("/proc/{first}/ns/{file}")).unwrap();
            assert_eq!(Path::new(said.trim()), wanted, "{name}, {kind}");
            assert!(fs::read_link(&link).unwrap().starts_with("/proc/1"), "{name}: it was swapped");
            let held = bench.join("state/sources");
            assert_eq!(fs::read_dir(held).unwrap().count(), 0, "{name}, {kind}");
        }
    }
}
