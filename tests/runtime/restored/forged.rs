//! Checkpoints that somebody else made: of a container of plain runc that is not what the policy would have let start. Each
//! is refused, and nothing of it is left.

use super::{RULES, Scene};
use crate::bench::{Bundle, all_capabilities, ended};
use crate::patience::patiently;
use serde_json::{Value, json};
use std::fs;
use std::process::{Command, Stdio};

/// What is changed in the bundle, what is done in the container, and the refusal.
type Forgery = (&'static str, fn(&mut Value), &'static [&'static str], &'static str);

const NOTHING: &[&str] = &[];

const FORGERIES: &[Forgery] = &[
    ("a file system more", more, NOTHING, "the mount /extra of process"),
    ("a directory of the host", |_| {}, &OVERLAY, "the mount /mnt of process"),
    ("a volume that can be written", writable, NOTHING, "the mount /data of process"),
    ("no mask", unmasked, NOTHING, "/proc/timer_list of process"),
    ("what is read-only", |_| {}, &["mount", "-o", "remount,bind,rw", "/proc/sys"], "/proc/sys of process"),
    ("programs in /tmp", |_| {}, &["mount", "-o", "remount,bind,exec", "/tmp"], "the mount /tmp of process"),
    (
        "something over a mount",
        |_| {},
        &["mount", "-t", "tmpfs", "none", "/data"],
        "the mount /data of process",
    ),
    ("another root", chrooted, NOTHING, "its root is no mount"),
    ("no filter", unfiltered, NOTHING, "seccomp is looser"),
    ("a call more", |config| filtered(config, "kexec_load", "SCMP_ACT_ALLOW"), NOTHING, "seccomp is looser"),
    ("calls by default", allowing, NOTHING, "seccomp is looser"),
    ("more capabilities", capable, NOTHING, "capabilities is looser"),
    ("privileges to gain", gaining, NOTHING, "no_new_privileges is looser"),
];

/// criu mounts what is named so where it stands itself, which is the host.
const OVERLAY: [&str; 7] = ["mount", "-t", "overlay", "-o", "lowerdir=/etc:/bin", "none", "/mnt"];

fn more(config: &mut Value) {
    let mounts = config["mounts"].as_array_mut().unwrap();
    mounts.push(json!({"destination": "/extra", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid"]}));
}

fn writable(config: &mut Value) {
    let mounts = config["mounts"].as_array_mut().unwrap();
    let data = mounts.iter_mut().find(|mount| mount["destination"] == "/data").unwrap();
    data["options"] = json!(["bind"]);
}

fn unmasked(config: &mut Value) {
    config["linux"]["maskedPaths"].as_array_mut().unwrap().retain(|path| path != "/proc/timer_list");
}

fn chrooted(config: &mut Value) {
    without_init(config);
    capable(config);
    let inside = "/busybox chroot /jail /busybox sh -c 'echo > /ready; exec /busybox sleep 120'";
    let wait = "while [ ! -e /jail/ready ]; do /bin/sleep 0.1; done";
    config["process"]["args"] =
        json!(["/bin/sh", "-c", format!("/bin{inside} & {wait}; exec /bin/sleep 120")]);
}

fn unfiltered(config: &mut Value) {
    without_init(config);
    config["linux"].as_object_mut().unwrap().remove("seccomp");
}

/// A filter with one rule more, and that one alone.
fn filtered(config: &mut Value, call: &str, action: &str) {
    without_init(config);
    let rules = config["linux"]["seccomp"]["syscalls"].as_array_mut().unwrap();
    for rule in rules.iter_mut() {
        rule["names"].as_array_mut().unwrap().retain(|name| name != call);
    }
    rules.retain(|rule| rule["names"] != json!([]));
    rules.push(json!({"names": [call], "action": action}));
}

fn allowing(config: &mut Value) {
    without_init(config);
    config["linux"]["seccomp"]["defaultAction"] = "SCMP_ACT_ALLOW".into();
}

/// The container's own command, with nothing before it that takes on the exact filter.
fn without_init(config: &mut Value) {
    config["process"]["args"] = json!(["/bin/sleep", "120"]);
}

fn capable(config: &mut Value) {
    let all = all_capabilities();
    for set in ["bounding", "effective", "permitted"] {
        config["process"]["capabilities"][set] = json!(all);
    }
}

fn gaining(config: &mut Value) {
    without_init(config);
    config["process"]["noNewPrivileges"] = false.into();
}

/// A container with a volume, a mask and a path that is read-only.
fn scene() -> Option<Scene> {
    Scene::of(RULES, |bench, bundle, config| {
        let root = bundle.path.join("rootfs");
        for directory in ["extra", "mnt", "data", "jail"] {
            fs::create_dir(root.join(directory)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("jail/busybox")).unwrap();
        let data = bench.join("data");
        fs::create_dir(&data).unwrap();
        bench.rules(&format!("{RULES}mounts: [\"{}\"]\n", data.display()));
        let mounts = config["mounts"].as_array_mut().unwrap();
        mounts
            .push(json!({"destination": "/data", "type": "bind", "source": data, "options": ["bind", "ro"]}));
        let options = ["nosuid", "nodev", "noexec"];
        mounts.push(json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": options}));
        config["linux"]["maskedPaths"] = json!(["/proc/timer_list", "/proc/acpi"]);
        config["linux"]["readonlyPaths"] = json!(["/proc/sys"]);
    })
}

impl Scene {
    /// The checkpoint of a container of plain runc, from the bundle as stockade left it.
    fn forge(&self, change: impl FnOnce(&mut Value), inside: &[&str]) {
        let forged = Bundle { id: "x".to_owned(), path: self.bench.join("forged") };
        fs::create_dir_all(&forged.path).unwrap();
        let mut config = self.bundle.read();
        config["root"]["path"] = self.bundle.path.join("rootfs").to_str().into();
        // That of the bundle is gone with what was refused.
        let mounts = config["mounts"].as_array_mut().unwrap();
        let init = mounts.iter_mut().find(|mount| mount["destination"] == "/.stockade").unwrap();
        let kept = self.bench.join("init");
        if !kept.exists() {
            fs::copy(init["source"].as_str().unwrap(), &kept).unwrap();
        }
        init["source"] = kept.to_str().into();
        change(&mut config);
        forged.write(&config);
        let create = ["create", "--bundle", forged.text(), "x"];
        let quiet = self.bench.plain(&create).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(quiet.unwrap().success(), "{:?}", ended(&mut self.bench.plain(&create)));
        ended(&mut self.bench.plain(&["start", "x"])).success();
        let pid = self.bench.pid("x").to_string();
        let name = format!("/proc/{pid}/comm");
        patiently("the last command", || (fs::read_to_string(&name).ok()? == "sleep\n").then_some(()));
        if !inside.is_empty() {
            let enter = ["--target", &pid, "--mount", "--pid", "--root", "/bin/busybox"];
            ended(Command::new("nsenter").args(enter).args(inside)).success();
        }
        let images = self.images();
        fs::remove_dir_all(&images).unwrap();
        let words = ["--criu", &self.criu, "checkpoint", "--image-path", &images, "x"];
        ended(&mut self.bench.plain(&words)).success();
    }
}

#[test]
fn what_was_forged_is_refused() {
    needs!("runtime", "runc", "busybox", "nsenter");
    let Some(scene) = scene() else { return };
    let met = scene.bundle.read();
    // The same way without a change goes on, and so does what is stricter.
    let stricter: [fn(&mut Value); 3] =
        [|_| {}, without_init, |config| filtered(config, "mkdir", "SCMP_ACT_ERRNO")];
    for change in stricter {
        scene.forge(change, NOTHING);
        scene.restore(&["--detach"]).success();
        scene.stands(false);
        scene.bench.end("x");
        scene.bundle.write(&met);
    }
    for (what, change, inside, words) in FORGERIES {
        println!("{what}");
        scene.bundle.write(&met);
        scene.forge(change, inside);
        let ended = scene.restore(&["--detach"]);
        assert_ne!(ended.code, Some(0), "{what}: {ended:?}");
        assert!(ended.stderr.contains(words), "{what}: no `{words}` in {}", ended.stderr);
        assert!(scene.bench.state("x").is_none(), "{what}");
        assert_eq!(scene.left(), "", "{what}");
    }
}
