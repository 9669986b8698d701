use super::{COLLECTED, CREATE, RECORD, Record, RecordError, State, container, key};
use serde_json::json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A state, and a place where an inner runtime keeps its own.
struct Scene {
    directory: tempfile::TempDir,
    state: State,
}

impl Scene {
    fn new() -> Scene {
        let directory = tempfile::tempdir().unwrap();
        let state = State::open(&directory.path().join("state")).unwrap();
        Scene { directory, state }
    }

    fn inner(&self, name: &str) -> PathBuf {
        let inner = self.directory.path().join(name);
        fs::create_dir_all(&inner).unwrap();
        inner
    }

    /// What is kept of a container that was made before a `create` takes its time.
    fn old(&self, inner: &Path, id: &str) -> PathBuf {
        let place = self.state.place(inner, id).unwrap();
        let path = place.path.clone();
        drop(place);
        age(&path, CREATE * 2);
        path
    }
}

fn age(path: &Path, age: Duration) {
    File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

fn record(inner: &Path, id: &str) -> Record {
    let plan: serde_json::Value = serde_json::from_str(include_str!("../../launch/everything.json")).unwrap();
    let ruled = |value: serde_json::Value| json!({"value": value, "origins": []});
    serde_json::from_value(json!({
        "id": id,
        "bundle": "/bundle",
        "inner_state": inner,
        "inner": "/usr/sbin/runc",
        "profiles": [],
        "rule": null,
        "observed": false,
        "plan": plan,
        "bounds": {
            "users": ruled(json!([[0, 0]])),
            "gid": null,
            "groups": [],
            "capabilities": ruled(json!([])),
            "no_new_privileges": ruled(json!(true)),
            "limits": {},
            "umask": ruled(json!(0)),
            "environment": null,
            "resources": {},
            "init": null,
        },
        "cuts": [],
    }))
    .unwrap()
}

#[test]
fn a_name_says_whose_the_container_is() {
    for place in ["/run/runc", "/run/a%2fb", "/run/%25/@/x%", "/"] {
        let name = key(Path::new(place), "c0ffee");
        assert!(!name.contains('/'));
        assert_eq!(container(&name), Some((PathBuf::from(place), "c0ffee")), "{place}");
    }
    assert_eq!(container("lost+found"), None);
}

#[test]
fn what_no_runtime_knows_is_collected() {
    let scene = Scene::new();
    let inner = scene.inner("inner");
    let gone = scene.old(&inner, "gone");
    let unreadable = scene.old(&inner, "unreadable");
    fs::write(unreadable.join(RECORD), "{").unwrap();
    age(&unreadable, CREATE * 2);
    let alive = scene.old(&inner, "alive");
    fs::create_dir(inner.join("alive")).unwrap();
    let young = scene.state.place(&inner, "young").unwrap().path.clone();
    // Where it counts from is not known any more.
    let relative = scene.old(Path::new("inner"), "relative");
    let other = scene.state.containers().join("other");
    fs::create_dir(&other).unwrap();
    age(&other, CREATE * 2);

    scene.state.collect().unwrap();
    let there = |path: &Path| path.exists();
    assert!(!there(&gone) && !there(&unreadable));
    assert!(there(&alive) && there(&young) && there(&relative) && there(&other));
}

/// One that is made again meanwhile is held by whoever makes it.
#[test]
fn what_is_being_made_is_not_collected() {
    let scene = Scene::new();
    let inner = scene.inner("inner");
    let again = scene.old(&inner, "again");
    let made = scene.state.place(&inner, "again").unwrap();
    age(&again, CREATE * 2);
    scene.state.collect().unwrap();
    assert!(again.exists());
    drop(made);
    fs::remove_file(scene.directory.path().join("state").join(COLLECTED)).unwrap();
    scene.state.collect().unwrap();
    assert!(!again.exists());
}

#[test]
fn it_is_looked_for_what_is_gone_once_in_the_time_of_a_create() {
    let scene = Scene::new();
    let inner = scene.inner("inner");
    scene.state.collect().unwrap();
    let gone = scene.old(&inner, "gone");
    scene.state.collect().unwrap();
    assert!(gone.exists());
    let collected = scene.directory.path().join("state").join(COLLECTED);
    age(&collected, CREATE * 2);
    scene.state.collect().unwrap();
    assert!(!gone.exists());
    // And that was the time from which the next one counts.
    let gone = scene.old(&inner, "gone");
    scene.state.collect().unwrap();
    assert!(gone.exists());
}

/// What was ended stays until the next create; an id is then another one's.
#[test]
fn a_container_that_was_ended_is_in_no_others_way() {
    let scene = Scene::new();
    let (first, second) = (scene.inner("first"), scene.inner("second"));
    for inner in [&first, &second] {
        let written = scene.state.place(inner, "one").unwrap().write(&record(inner, "one"));
        written.unwrap();
        fs::create_dir(inner.join("one")).unwrap();
    }
    let found = || scene.state.of("one").map(|record| record.map(|record| record.inner_state));
    assert!(matches!(found(), Err(RecordError::Two { .. })));
    for (ended, left) in [(&first, &second), (&second, &first)] {
        fs::remove_dir(ended.join("one")).unwrap();
        assert_eq!(found().unwrap().as_ref(), Some(left));
        fs::create_dir(ended.join("one")).unwrap();
    }
    fs::remove_dir(first.join("one")).unwrap();
    fs::remove_dir(second.join("one")).unwrap();
    assert_eq!(found().unwrap(), None);
    fs::remove_dir_all(scene.state.containers().join(key(&second, "one"))).unwrap();
    assert_eq!(found().unwrap().as_ref(), Some(&first), "what is known of the last one");
}
