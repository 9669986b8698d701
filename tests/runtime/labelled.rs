//! Labels of AppArmor in containers, in guests that have it.

use crate::bench::{Bench, Bundle, ended};
use crate::ended::Ended;
use crate::guests::with_runtimes;
use crate::verified::{Layer, holds, verdict};
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::process::Command;
use stockade_vm::{Guest, KERNELS, test};

/// Nothing but one rule: that it is worn is what counts, and that the rule holds.
const RULES: &str = "file, capability, network, mount, umount, remount, pivot_root, signal, ptrace, unix,\n\
                     deny /etc/secret rw,\n";

const POLICY: &str = "stockade: 1\nname: labelled\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n\
                      lsm: {apparmor: web}\n";

fn with_apparmor(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    let guest = with_runtimes(guest)?.program("apparmor_parser").parameter("apparmor=1");
    Ok(guest.parameter("lsm=landlock,lockdown,yama,integrity,apparmor"))
}

/// Loads a profile in a mode, in the place of one of its name. apparmor.d(5)
fn load(name: &str, mode: &str) {
    let text = format!("profile {name} flags=({mode}, attach_disconnected) {{\n{RULES}}}\n");
    fs::write("/tmp/apparmor", text).unwrap();
    ended(Command::new("apparmor_parser").args(["--replace", "--skip-cache", "/tmp/apparmor"])).success();
}

fn unload(name: &str) {
    fs::write("/sys/kernel/security/apparmor/.remove", name).unwrap();
}

/// The label that a process wears.
fn label(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/attr/apparmor/current")).unwrap().trim_end().to_owned()
}

/// A bundle under one of two profiles.
struct Labelled {
    bench: Bench,
    bundle: Bundle,
    original: Value,
}

impl Labelled {
    fn under(inner: &'static str, profile: &str) -> Labelled {
        let bench = Bench::of(inner);
        bench.profile("tight", profile);
        let bundle = bench.bundle("x");
        fs::write(bundle.path.join("rootfs/etc/secret"), "secret\n").unwrap();
        let original = bundle.read();
        Labelled { bench, bundle, original }
    }

    /// The bundle as an engine writes it, with a label or none.
    fn bundle(&self, label: Option<&str>) -> &Bundle {
        self.bundle.write(&self.original);
        if let Some(label) = label {
            self.bundle.edit(|config| config["process"]["apparmorProfile"] = label.into());
        }
        &self.bundle
    }

    fn refused(&self, label: Option<&str>, words: &str) {
        self.bench.create(self.bundle(label)).refused(&format!("process.apparmorProfile: {words}"));
        assert!(self.bench.state("x").is_none());
    }

    fn exec(&self, command: &[&str]) -> Ended {
        ended(self.bench.stockade(&["exec", "x"]).args(command))
    }

    /// What is read back of the labels.
    fn read_back(&self) -> String {
        verdict(&self.bench, "x", Layer::Lsm)
    }
}

/// Under a profile that names `web`, and under one that names none.
fn both(inner: &'static str) -> (Labelled, Labelled) {
    let free = POLICY.replace("lsm: {apparmor: web}\n", "");
    (Labelled::under(inner, POLICY), Labelled::under(inner, &free))
}

fn a_container_wears_what_is_named(inner: &'static str) {
    let (named, free) = both(inner);
    for (container, asked, worn) in [
        // Of the policy alone, in the place of none; of both alike; of the bundle alone.
        (&named, Some("unconfined"), "web (enforce)"),
        (&named, Some("web"), "web (enforce)"),
        (&free, Some("other"), "other (enforce)"),
    ] {
        let what = format!("{inner}: {asked:?}");
        let pid = container.bench.start(container.bundle(asked));
        assert_eq!(label(pid), worn, "{what}");
        assert_eq!(container.read_back(), "exact", "{what}");
        holds(&container.bench, "x", &what);
        // What is added wears it too.
        assert_eq!(container.exec(&["/bin/cat", "/proc/self/attr/current"]).success().trim(), worn, "{what}");
        let denied = container.exec(&["/bin/cat", "/etc/secret"]);
        assert!(denied.stderr.contains("Permission denied"), "{what}: {denied:?}");
        ended(&mut container.bench.stockade(&["exec", "--apparmor", "other", "x", "/bin/true"]))
            .refused("is no value of the option");
        container.bench.end("x");
    }
    // None at all: nothing is asked for.
    assert_eq!(label(free.bench.start(free.bundle(None))), "unconfined");
    named.refused(Some("other"), "it has the AppArmor label `other`, and the policy names `web`");
}

fn what_does_not_confine_starts_nothing(inner: &'static str) {
    let (named, free) = both(inner);
    for mode in ["complain", "unconfined"] {
        load("web", mode);
        named.refused(None, &format!("AppArmor has the profile `web` in the mode {mode}"));
    }
    unload("web");
    for asked in [None, Some("web")] {
        named.refused(asked, "AppArmor has no profile `web`");
    }
    // The bundle's own is what the runtime says no to.
    assert_ne!(free.bench.create(free.bundle(Some("web"))).code, Some(0));
    load("web", "enforce");
}

fn a_label_that_is_lost_is_drift(inner: &'static str) {
    let (named, free) = both(inner);
    for (container, asked) in [(&named, None), (&free, Some("web"))] {
        let pid = container.bench.start(container.bundle(asked));
        assert_eq!(container.read_back(), "exact");
        load("web", "complain");
        assert_eq!(container.read_back(), "LOOSER: the label is `web (complain)`");
        load("web", "kill");
        assert_eq!((label(pid).as_str(), container.read_back().as_str()), ("web (kill)", "exact"));
        unload("web");
        assert_eq!(container.read_back(), format!("LOOSER: the label is `{}`", label(pid)));
        load("web", "enforce");
        container.bench.end("x");
    }
}

fn a_label_holds(inner: &'static str) {
    load("web", "enforce");
    load("other", "enforce");
    a_container_wears_what_is_named(inner);
    what_does_not_confine_starts_nothing(inner);
    a_label_that_is_lost_is_drift(inner);
}

#[test]
fn a_container_has_the_label_that_is_named() {
    needs!("runtime", "runc", "crun", "busybox", "apparmor_parser");
    test(KERNELS, with_apparmor, || a_label_holds("runc"));
}

#[test]
fn a_container_of_crun_has_it_too() {
    needs!("runtime", "runc", "crun", "busybox", "apparmor_parser");
    test(&["6.12"], with_apparmor, || a_label_holds("crun"));
}
