//! Files that an engine keeps for another container whose namespace is joined.

use crate::bench::{Bench, Bundle};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// What Docker keeps of the container `id` below the bench, with its first process.
fn docker(bench: &Bench, id: &str, running: bool, pid: u32) -> PathBuf {
    let directory = bench.join("containers").join(id);
    fs::create_dir_all(directory.join("mounts/shm")).unwrap();
    let kept = json!({
        "ID": id, "Name": "/x", "Image": "sha256:0123", "Driver": "overlay2", "Config": {"Image": "x"},
        "State": {"Running": running, "Pid": pid},
    });
    fs::write(directory.join("config.v2.json"), kept.to_string()).unwrap();
    let number = bench.join("image/overlay2/layerdb/mounts").join(id);
    fs::create_dir_all(&number).unwrap();
    fs::write(number.join("mount-id"), id).unwrap();
    for name in ["hosts", "hostname", "resolv.conf"] {
        fs::write(directory.join(name), id).unwrap();
    }
    directory
}

/// The same of podman's: what stays, and what lives until a restart of the host.
fn podman(bench: &Bench, id: &str, pid: u32) -> [PathBuf; 2] {
    let [stays, lives] =
        ["root", "run"].map(|store| bench.join(store).join("overlay-containers").join(id).join("userdata"));
    fs::create_dir_all(stays.join("shm")).unwrap();
    fs::create_dir_all(&lives).unwrap();
    fs::write(lives.join("pidfile"), format!("{pid}\n")).unwrap();
    for name in ["hosts", "resolv.conf", "config.json"] {
        fs::write(lives.join(name), id).unwrap();
    }
    [stays, lives]
}

/// Where that Docker has the root of `second`.
const ROOT: &str = "overlay2/second/merged";

/// A bundle of the container `second` that joins a namespace and mounts a source.
fn second(bench: &Bench, joined: Option<(&str, String)>, source: PathBuf) -> Bundle {
    let bundle = bench.bundle("second");
    let root = bench.join(ROOT);
    fs::create_dir_all(root.parent().unwrap()).unwrap();
    fs::rename(bundle.path.join("rootfs"), &root).unwrap();
    bundle.edit(|config| {
        config["root"]["path"] = root.to_str().unwrap().into();
        let mount = json!({"destination": "/mnt", "type": "bind", "source": source, "options": ["rbind"]});
        config["mounts"].as_array_mut().unwrap().push(mount);
        if let Some((kind, path)) = joined {
            let namespaces = config["linux"]["namespaces"].as_array_mut().unwrap();
            namespaces.retain(|entry| entry["type"] != kind);
            namespaces.push(json!({"type": kind, "path": path}));
        }
    });
    bundle
}

#[test]
fn files_of_another_container_come_with_its_namespace() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let place = bench.join("").display().to_string();
    let place = place.trim_end_matches('/');
    bench.rules(&format!(
        "default: ./tight.yaml\njoins: [network, ipc]\ndocker: [{place}]\npodman: [{place}/root, {place}/run]\n"
    ));
    let [first, other] = ["first", "other"].map(|id| bench.start(&bench.bundle(id)));
    docker(&bench, "second", false, 0);
    let of_docker = docker(&bench, "first", true, first);
    let [stays, of_podman] = podman(&bench, "first", first);
    let path = |pid: u32, file: &str| format!("/proc/{pid}/ns/{file}");
    let network = |pid| Some(("network", path(pid, "net")));
    let ipc = |pid| Some(("ipc", path(pid, "ipc")));
    let tries = |joined, source: PathBuf, admitted: bool| {
        let what = format!("{joined:?}, {}", source.display());
        let bundle = second(&bench, joined, source);
        let ended = bench.create(&bundle);
        if admitted {
            assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
            bench.end("second");
        } else {
            assert!(ended.stderr.contains("no rule admits it"), "{what}: {ended:?}");
        }
        fs::remove_dir_all(&bundle.path).unwrap();
        fs::remove_dir_all(bench.join(ROOT)).unwrap();
    };
    for name in ["hosts", "hostname", "resolv.conf"] {
        tries(None, bench.join("containers/second").join(name), true);
        for joined in [None, ipc(first), network(other)] {
            tries(joined, of_docker.join(name), false);
        }
        tries(network(first), of_docker.join(name), true);
    }
    for name in ["hosts", "resolv.conf"] {
        tries(network(first), of_podman.join(name), true);
        tries(network(other), of_podman.join(name), false);
    }
    for (directory, shm) in [(&of_docker, "mounts/shm"), (&stays, "shm")] {
        tries(ipc(first), directory.join(shm), true);
        tries(network(first), directory.join(shm), false);
    }
    // Nothing else of theirs.
    for source in [of_docker.join("config.v2.json"), of_podman.join("config.json"), of_docker.clone()] {
        tries(network(first), source, false);
    }
    // What does not run has no namespace, whatever became of its number.
    docker(&bench, "first", false, first);
    tries(network(first), of_docker.join("hosts"), false);
}
