//! What the command may not do once the init has become it.

use crate::container::Container;
use crate::ended::Ended;
use crate::scene::{EVERYTHING, OPEN_FILES, Scene};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use stockade_enforcer::oci::init::{PATH, check_root};

fn has(ended: &Ended, facts: &[&str]) {
    let found = ended.facts();
    for fact in facts {
        assert!(found.contains(fact), "no `{fact}`: {ended:?}");
    }
}

/// Every layer, as the probe finds it.
const LAYERS: [&str; 8] = [
    "mdwe 1",
    "code EACCES",
    "both EACCES",
    // The outer filter lets the init make these.
    "landlock EPERM",
    "openat2 EPERM",
    "unshare EPERM",
    "Seccomp_filters:\t2",
    "NoNewPrivs:\t1",
];

/// What Landlock leaves of files that modes give to everybody.
const FILES: [(&str, &str); 8] = [
    ("r/data/seen", "ok"),
    ("r/data/unseen", "EACCES"),
    ("w/data/seen", "EACCES"),
    ("w/data/unseen", "EACCES"),
    ("w/data/new", "EACCES"),
    ("w/data/mine/new", "ok"),
    // A rule on a file that names what only directories have.
    ("w/data/file", "ok"),
    ("x/data/mine/new", "EACCES"),
];

fn runs_as_declared(container: &Container, exec: bool) {
    let asked: Vec<&str> = FILES.iter().map(|(asked, _)| *asked).collect();
    let command = [&["/probe"][..], &asked].concat();
    let ended = if exec { container.exec(&command) } else { container.run(&command) };
    has(&ended, &LAYERS);
    let files: Vec<String> = FILES.iter().map(|(asked, answer)| format!("{asked} {answer}")).collect();
    has(&ended, &files.iter().map(String::as_str).collect::<Vec<_>>());
    has(&ended, &["argv0 /probe"]);
    assert!(!ended.stdout.contains("descriptor"), "{ended:?}");
}

#[test]
fn every_layer_holds_for_root_and_for_users() {
    needs!("init-holds", "runc", "busybox", "cc");
    let mut container = Container::busybox(&Scene::new(EVERYTHING));
    for uid in [0, 101, 4_000_000] {
        container.config["process"]["user"] = json!({"uid": uid, "gid": uid});
        runs_as_declared(&container, false);
        fs::remove_file(container.root().join("data/mine/new")).unwrap();
    }
}

#[test]
fn every_layer_holds_for_what_is_executed_later() {
    needs!("init-exec", "runc", "busybox", "cc");
    let mut container = Container::busybox(&Scene::new(EVERYTHING));
    container.config["process"]["user"] = json!({"uid": 101, "gid": 101});
    container.start(&["sleep", "60"]);
    runs_as_declared(&container, true);
    let ended = container.exec(&["nothing"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(127), "stockade: exec: nothing: errno 2\n"));
    let ended = container.exec(&["/data/seen"]);
    assert_eq!(ended.code, Some(126), "{ended:?}");
}

#[test]
fn an_empty_root_and_a_read_only_one_will_do() {
    needs!("init-scratch", "runc", "busybox", "cc");
    let mut container = Container::from_scratch(&Scene::new(EVERYTHING));
    container.config["process"]["env"] = json!([]);
    for uid in [0, 101] {
        for read_only in [false, true] {
            container.config["process"]["user"] = json!({"uid": uid, "gid": uid});
            container.config["root"]["readonly"] = json!(read_only);
            has(&container.run(&["/probe"]), &LAYERS);
            let denied = if read_only { "w/new EROFS" } else { "w/new EACCES" };
            has(&container.run(&["./probe", "w/new"]), &[denied, "argv0 ./probe"]);
        }
    }
}

/// All by its mount: the root is writable, no Landlock, and the container's root has what Docker gives.
#[test]
fn the_container_cannot_replace_the_init() {
    needs!("init-replace", "runc", "busybox", "cc");
    let mut container = Container::busybox(&Scene::new(OPEN_FILES));
    let capabilities = json!(["CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_SETUID", "CAP_SYS_CHROOT"]);
    for set in ["bounding", "effective", "permitted"] {
        container.config["process"]["capabilities"][set] = capabilities.clone();
    }
    let before = fs::read(container.init()).unwrap();
    let script = format!(
        "for try in 'cp /probe {PATH}' 'rm -f {PATH}' 'mv {PATH} /else' 'mv /probe {PATH}' 'chmod 777 {PATH}' \
         'umount {PATH}'; do $try 2>/dev/null && echo $try; done; echo tried"
    );
    let ended = container.run(&["sh", "-c", &script]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "tried\n"), "{ended:?}");
    has(&container.run(&["/probe"]), &["unshare EPERM", "mdwe 1"]);
    let after = fs::read(container.init()).unwrap();
    assert_eq!(before, after);
}

#[test]
fn starting_the_init_again_gains_nothing() {
    needs!("init-again", "runc", "busybox", "cc");
    let open = Container::busybox(&Scene::new(OPEN_FILES));
    has(&open.run(&["/probe"]), &["Seccomp_filters:\t2", "unshare EPERM", "code EACCES"]);
    // Once more of the same.
    has(&open.run(&[PATH, "/probe"]), &["Seccomp_filters:\t3", "unshare EPERM", "code EACCES"]);
    // Nobody granted its execution.
    let closed = Container::busybox(&Scene::new(EVERYTHING));
    let ended = closed.run(&["sh", "-c", &format!("{PATH} /probe")]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(126), ""), "{ended:?}");
}

/// Its plan is nobody's business.
#[test]
fn a_user_cannot_read_the_init() {
    needs!("init-read", "runc", "busybox", "cc");
    let mut container = Container::busybox(&Scene::new(OPEN_FILES));
    for uid in [0, 101] {
        container.config["process"]["user"] = json!({"uid": uid, "gid": uid});
        has(&container.run(&["/probe", &format!("r{PATH}")]), &[&format!("r{PATH} EACCES")]);
    }
}

/// An image may lay a link where a rule is; one of /proc leads to whatever a descriptor has open.
#[test]
fn links_move_a_grant_inside_and_never_outside() {
    needs!("init-links", "runc", "busybox", "cc");
    let container = Container::busybox(&Scene::new(EVERYTHING));
    let seen = container.root().join("data/seen");
    fs::remove_file(&seen).unwrap();
    symlink("../../../../data/unseen", &seen).unwrap();
    has(&container.run(&["/probe", "r/data/unseen", "r/bin/sh"]), &["r/data/unseen ok", "r/bin/sh ok"]);
    fs::remove_file(&seen).unwrap();
    symlink("/proc/self/fd/0", &seen).unwrap();
    let ended = container.run(&["/probe"]);
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(125), "stockade: landlock: /data/seen: errno 40\n")
    );
}

/// Why a root is looked at before: runc follows a link at the init's place, and who owns the link decides what the next
/// exec starts.
#[test]
fn a_link_in_place_of_the_init_is_refused_because_it_would_be_followed() {
    needs!("init-place", "runc", "busybox", "cc");
    let container = Container::busybox(&Scene::new(OPEN_FILES));
    symlink("/data/file", container.root().join(".stockade")).unwrap();
    assert!(check_root(&container.root()).is_err());
    container.start(&["sleep", "60"]);
    let ended = container.exec(&["sh", "-c", &format!("cp /probe /new && mv /new {PATH}")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = container.exec(&["/probe"]);
    assert!(ended.stdout.contains("Seccomp_filters:\t1"), "without the check: {ended:?}");
}

/// As with `userns-remap`: the init's file belongs to nobody inside.
#[test]
fn every_layer_holds_in_a_user_namespace() {
    needs!("init-user-namespace", "runc", "busybox", "cc");
    const FIRST: u32 = 100_000;
    let mut container = Container::busybox(&Scene::new(EVERYTHING));
    let open = Permissions::from_mode(0o755);
    fs::set_permissions(container.root().parent().unwrap(), open).unwrap();
    chown(container.root(), Some(FIRST), Some(FIRST)).unwrap();
    let linux = &mut container.config["linux"];
    linux["namespaces"].as_array_mut().unwrap().push(json!({"type": "user"}));
    for map in ["uidMappings", "gidMappings"] {
        linux[map] = json!([{"containerID": 0, "hostID": FIRST, "size": 65536}]);
    }
    for uid in [0, 101] {
        container.config["process"]["user"] = json!({"uid": uid, "gid": uid});
        runs_as_declared(&container, false);
        fs::remove_file(container.root().join("data/mine/new")).unwrap();
    }
}
