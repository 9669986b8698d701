//! Links, volumes and options by which something else would be reached than what is named.

use crate::bench::{Bench, Bundle, ended};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// A mount that is gone when dropped.
pub(crate) struct Mounted(std::path::PathBuf);

impl Mounted {
    fn tmpfs(at: &Path) -> Mounted {
        let status = Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(at).status().unwrap();
        assert!(status.success());
        Mounted(at.to_owned())
    }

    fn bind(source: &Path, at: &Path) -> Mounted {
        let status = Command::new("mount").arg("--bind").args([source, at]).status().unwrap();
        assert!(status.success());
        Mounted(at.to_owned())
    }

    /// A directory over itself, from which mounts go to every namespace that has a copy, as systemd has a host's root.
    pub(crate) fn shared(at: &Path) -> Mounted {
        let mounted = Mounted::bind(at, at);
        assert!(Command::new("mount").arg("--make-shared").arg(at).status().unwrap().success());
        mounted
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

fn add(bundle: &Bundle, mount: Value) {
    bundle.edit(|config| config["mounts"].as_array_mut().unwrap().push(mount.clone()));
}

fn volume(source: &Path, at: &str, options: &[&str]) -> Value {
    json!({"destination": at, "type": "bind", "source": source, "options": options})
}

#[test]
fn links_of_an_image_lead_no_mount_away() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: docker-default\nmounts: [/]\n");
    let data = bench.join("data");
    fs::create_dir(&data).unwrap();
    let cases: [(&str, &str, &str); 4] = [
        ("/", "/x", "leads to /, where nothing may be mounted"),
        ("/.stockade", "/x", "is not there"),
        ("/none", "/x", "is a link of the image to what is not there"),
        ("/x", "/x/y", "go round"),
    ];
    for (target, at, why) in cases {
        let bundle = bench.bundle("x");
        let link = bundle.path.join("rootfs/x");
        symlink(target, &link).unwrap();
        add(&bundle, volume(&data, at, &["rbind"]));
        let before = bundle.bytes();
        bench.create(&bundle).refused(why);
        assert_eq!(bundle.bytes(), before);
        fs::remove_dir_all(&bundle.path).unwrap();
    }
    // A link that leads somewhere else is followed, and the policy asked about where it leads.
    let bench = Bench::with(&format!("default: ./tight.yaml\nmounts: [{}]\n", bench.join("data").display()));
    let data = bench.join("data");
    fs::create_dir(&data).unwrap();
    bench.rules(&format!("default: ./tight.yaml\nmounts: [{}]\n", data.display()));
    let bundle = bench.bundle("y");
    symlink("etc", bundle.path.join("rootfs/x")).unwrap();
    add(&bundle, volume(&data, "/x/more", &["bind", "rw"]));
    bench.create(&bundle).success();
    let mounts = bundle.read()["mounts"].as_array().unwrap().clone();
    let found = mounts.iter().find(|mount| mount["source"] == data.to_str().unwrap()).unwrap();
    assert_eq!(found["destination"], "/etc/more");
    assert!(found["options"].as_array().unwrap().contains(&json!("ro")), "{found}");
}

#[test]
fn links_of_a_volume_lead_no_mount_away() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let (outer, inner) = (bench.join("outer"), bench.join("inner"));
    fs::create_dir(&outer).unwrap();
    fs::create_dir(&inner).unwrap();
    bench.rules(&format!("default: docker-default\nmounts: [{}, {}]\n", outer.display(), inner.display()));
    symlink("/", outer.join("x")).unwrap();
    fs::create_dir(outer.join("plain")).unwrap();
    let bundle = bench.bundle("x");
    add(&bundle, volume(&outer, "/data", &["rbind"]));
    let original = bundle.read();
    add(&bundle, volume(&inner, "/data/x/etc", &["rbind"]));
    bench.create(&bundle).refused("has a link on the way there");
    bundle.write(&original);
    add(&bundle, volume(&inner, "/data/plain", &["rbind"]));
    bench.create(&bundle).success();
}

#[test]
fn what_somebody_mounted_in_an_engines_volume_is_not_the_engines() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let docker = bench.join("docker");
    let volumes = docker.join("volumes/v/_data");
    fs::create_dir_all(&volumes).unwrap();
    bench.rules(&format!("default: docker-default\ndocker: [{}]\n", docker.display()));
    let bundle = bench.bundle("x");
    add(&bundle, volume(&volumes, "/host", &["rbind"]));
    let original = bundle.read();
    {
        let _mounted = Mounted::bind(Path::new("/etc"), &volumes);
        bench.create(&bundle).refused("is mounted at");
        // Below it, too.
        bundle.write(&original);
        add(&bundle, volume(&volumes.join("apt"), "/more", &["rbind"]));
        bundle.edit(|config| {
            config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/host")
        });
        bench.create(&bundle).refused("is mounted at");
    }
    bundle.write(&original);
    // A tmpfs of the host, as /run is one, is not one that an engine made there.
    let of_host = bench.join("of-host");
    fs::create_dir(&of_host).unwrap();
    let _tmpfs = Mounted::tmpfs(&of_host);
    {
        let _mounted = Mounted::bind(&of_host, &volumes);
        bench.create(&bundle).refused("is mounted at");
    }
    bundle.write(&original);
    {
        let _made_there = Mounted::tmpfs(&volumes);
        bench.create(&bundle).success();
        bench.end("x");
    }
    bundle.write(&original);
    bench.create(&bundle).success();
}

#[test]
fn options_that_change_other_mounts_are_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let data = bench.join("data");
    fs::create_dir(&data).unwrap();
    bench.rules(&format!("default: docker-default\nmounts: [\"{}:ro\"]\n", data.display()));
    let bundle = bench.bundle("x");
    let original = bundle.read();
    let scratch = |options: &[&str]| json!({"destination": "/scratch", "type": "tmpfs", "source": "tmpfs", "options": options});
    for (mount, option) in [
        (scratch(&["nosuid", "remount", "rw"]), "remount"),
        (scratch(&["shared"]), "shared"),
        (volume(&data, "/data", &["rbind", "rrw"]), "rrw"),
        (volume(&data, "/data", &["rbind", "rexec"]), "rexec"),
        (volume(&data, "/data", &["rbind", "idmap"]), "idmap"),
    ] {
        bundle.write(&original);
        add(&bundle, mount);
        bench.create(&bundle).refused(&format!("`{option}`"));
    }
}

#[test]
fn a_root_that_no_engine_keeps_is_refused() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    bundle.edit(|config| config["root"]["path"] = "/usr".into());
    bench.create(&bundle).refused("no rule admits /usr of the host as a root");
    // What engines keep beside roots vouches for digests.
    let (docker, podman, site) = (bench.join("docker"), bench.join("podman"), bench.join("site"));
    bench.rules(&format!(
        "default: docker-default\ndocker: [{}]\npodman: [{}, {}]\nmounts: [\"{}:ro\"]\n",
        docker.display(),
        podman.display(),
        bench.join("podman-run").display(),
        site.display(),
    ));
    for root in [
        docker.join("containers"),
        docker.join("volumes/v/_data"),
        docker.join("overlay2/a/diff"),
        podman.join("overlay-containers"),
        podman.join("overlay/a"),
        site.join("a"),
    ] {
        fs::create_dir_all(&root).unwrap();
        bundle.edit(|config| config["root"]["path"] = root.to_str().unwrap().into());
        bench.create(&bundle).refused("of the host as a root");
    }
    let merged = docker.join("overlay2/a/merged");
    fs::create_dir_all(merged.parent().unwrap()).unwrap();
    fs::rename(bundle.path.join("rootfs"), &merged).unwrap();
    bundle.edit(|config| config["root"]["path"] = merged.to_str().unwrap().into());
    bench.create(&bundle).success();
}

#[test]
fn what_must_be_hidden_must_be_there_where_it_could_be_made() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./hides.yaml\n");
    bench.profile("hides", "stockade: 1\nextends: [docker-default]\nprocess: {no_new_privileges: true}\nfiles: {hide: [/data/secret]}\n");
    let bundle = bench.bundle("x");
    let original = bundle.read();
    bench.create(&bundle).refused("/data/secret is not there, and the container could make it");
    fs::create_dir_all(bundle.path.join("rootfs/data/secret")).unwrap();
    bundle.write(&original);
    bench.create(&bundle).success();
}

#[test]
fn limits_of_a_bundle_that_are_stricter_stay() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./wide.yaml\n");
    bench.profile(
        "wide",
        "stockade: 1\nextends: [docker-default]\nfiles: {tmp: 16 MiB}\nresources: {memory: 512 MiB}\n",
    );
    let bundle = bench.bundle("x");
    let original = bundle.read();
    bundle.edit(|config| config["linux"]["resources"]["unified"] = json!({"memory.max": "64000000"}));
    bench.create(&bundle).refused("set the field of that limit");
    bundle.write(&original);
    add(
        &bundle,
        json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "size=1m"]}),
    );
    bench.create(&bundle).success();
    let mounts = bundle.read()["mounts"].as_array().unwrap().clone();
    let tmp = mounts.iter().find(|mount| mount["destination"] == "/tmp").unwrap()["options"].to_string();
    assert!(tmp.contains("size=1048576") && tmp.contains("\"ro\""), "{tmp}");
}

#[test]
fn nothing_is_passed_on_behind_dashes() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    let before = bundle.bytes();
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.args(["runtime", "--rules"]).arg(bench.join("runtime.yaml")).args(["--", "create", "--bundle"]);
    ended(command.args([bundle.text(), "x"])).refused("`--`");
    assert_eq!(bundle.bytes(), before);
}

#[test]
fn a_process_that_is_added_has_the_containers_label() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::with("default: ./tight.yaml\n");
    let bundle = bench.bundle("x");
    bench.start(&bundle);
    let process = bench.join("process.json");
    let text = json!({"args": ["/bin/true"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}, "apparmorProfile": "unconfined"});
    fs::write(&process, text.to_string()).unwrap();
    ended(&mut bench.stockade(&["exec", "--process", process.to_str().unwrap(), "x"])).success();
    assert!(bench.log().contains("process.apparmorProfile"), "{}", bench.log());
}

/// As `/var/run` is on most hosts.
#[test]
fn a_policy_mounts_through_links_that_only_root_lays() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let data = bench.join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("word"), "data\n").unwrap();
    fs::create_dir(bench.join("links")).unwrap();
    symlink("../data", bench.join("links/link")).unwrap();
    let profile = |from: &Path| {
        let text = format!(
            "stockade: 1\nname: own\nextends: [docker-default]\nmounts: [{{from: {}, at: /mnt}}]\n",
            from.display()
        );
        bench.profile("own", &text);
    };
    bench.rules("default: ./own.yaml\n");
    let bundle = bench.bundle("x");
    let mut given = bundle.read();
    let mut reads = |path: &str| {
        given["process"]["args"] = json!(["/bin/cat", path]);
        bundle.write(&given);
    };
    reads("/mnt/word");
    fs::create_dir(bundle.path.join("rootfs/mnt")).unwrap();
    let run = || ended(&mut bench.stockade(&["run", "--bundle", bundle.text(), "x"]));
    let source = || {
        let written = bundle.read();
        let mounts = written["mounts"].as_array().unwrap();
        mounts.iter().find(|mount| mount["destination"] == "/mnt").unwrap()["source"].clone()
    };
    for from in [data.clone(), bench.join("links/link")] {
        profile(&from);
        assert_eq!(run().success(), "data\n");
        // Nobody else can swap it.
        assert_eq!(source(), json!(data));
    }
    profile(&bench.join("links/link/word"));
    reads("/mnt");
    fs::remove_dir(bundle.path.join("rootfs/mnt")).unwrap();
    assert_eq!(run().success(), "data\n");
    fs::set_permissions(bench.join("links"), fs::Permissions::from_mode(0o777)).unwrap();
    let refused = run();
    refused.refused("mounts (/mnt): others than root can lay a link on the way to");
    refused.refused("own.yaml:4");
    profile(&bench.join("nowhere"));
    run().refused("nowhere");
    // And where they can put something else in the place of what it leads to.
    fs::set_permissions(bench.join("links"), fs::Permissions::from_mode(0o755)).unwrap();
    let shared = bench.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    fs::rename(&data, shared.join("data")).unwrap();
    symlink(&shared, bench.join("links/shared")).unwrap();
    profile(&bench.join("links/shared/data/word"));
    assert_eq!(run().success(), "data\n");
    assert_eq!(source(), json!(bench.join("state/sources/0")));
}
