use super::*;
use crate::oci::bundle::CONFIG;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

const ID: &str = "987cea30f455c8150aa342f818309b2ea9a540120dacf593a40bd5c284ef8029";

/// The name of its root.
const NUMBER: &str = "0a1b";

struct Engine(tempfile::TempDir);

impl Engine {
    /// As Docker lays it out, with one container.
    fn new() -> Engine {
        let engine = Engine(tempfile::tempdir().unwrap());
        fs::create_dir_all(engine.containers().join(ID)).unwrap();
        fs::create_dir(engine.path().join("bundle")).unwrap();
        engine.write(ID);
        fs::create_dir_all(engine.number().parent().unwrap()).unwrap();
        fs::write(engine.number(), NUMBER).unwrap();
        for root in [NUMBER, "other"] {
            fs::create_dir_all(engine.path().join("overlay2").join(root).join("merged")).unwrap();
        }
        engine
    }

    /// The file that says how its root is named.
    fn number(&self) -> PathBuf {
        self.path().join("image/overlay2/layerdb/mounts").join(ID).join("mount-id")
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn containers(&self) -> PathBuf {
        self.path().join("containers")
    }

    fn file(&self) -> PathBuf {
        self.containers().join(ID).join("config.v2.json")
    }

    /// Docker's file, about the container `id`.
    fn write(&self, id: &str) {
        let config = json!({"Image": "localhost/x:1", "Labels": {"tier": "db"}});
        let kept =
            json!({"ID": id, "Name": "/one", "Image": "sha256:0123", "Config": config, "Driver": "overlay2"});
        fs::write(self.file(), kept.to_string()).unwrap();
    }

    /// By a bundle that mounts what Docker mounts into every container.
    fn kept(&self, docker: &Path) -> Result<Option<Kept>, ClaimsError> {
        let source = self.containers().join(ID).join("hosts");
        let mount = json!({"destination": "/etc/hosts", "type": "bind", "source": source});
        self.kept_with(docker, &json!([mount]))
    }

    fn kept_with(&self, docker: &Path, mounts: &Value) -> Result<Option<Kept>, ClaimsError> {
        self.kept_of(docker, mounts, &self.path().join("overlay2").join(NUMBER).join("merged"))
    }

    fn kept_of(&self, docker: &Path, mounts: &Value, root: &Path) -> Result<Option<Kept>, ClaimsError> {
        let bundle = self.path().join("bundle");
        let config = json!({"mounts": mounts, "root": {"path": root}});
        fs::write(bundle.join(CONFIG), config.to_string()).unwrap();
        kept(&Bundle::open(&bundle).unwrap(), ID, &[docker.to_owned()])
    }

    fn refuses(&self, why: &str) {
        let error = self.kept(&self.path()).err().unwrap_or_else(|| panic!("{why}: it counted")).to_string();
        assert!(error.contains(why), "no `{why}` in {error}");
    }
}

#[test]
fn what_docker_keeps_is_found() {
    let engine = Engine::new();
    let kept = engine.kept(&engine.path()).unwrap().unwrap();
    assert_eq!((kept.name.as_str(), kept.image.as_str()), ("/one", "sha256:0123"));
    assert_eq!(kept.config.image, "localhost/x:1");
    assert_eq!(kept.config.labels.unwrap()["tier"], "db");
}

#[test]
fn only_what_root_keeps_counts() {
    let engine = Engine::new();
    let (file, containers, path) = (engine.file(), engine.containers(), engine.path());
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for wide in [0o666, 0o620] {
        mode(&file, wide);
        engine.refuses("others than its owner may write it");
    }
    mode(&file, 0o600);
    // The container's own, the one of all, and Docker's.
    for directory in [containers.join(ID), containers.clone(), path] {
        for wide in [0o777, 0o720, 0o702] {
            mode(&directory, wide);
            engine.refuses(&format!("others than root may write {}", directory.display()));
        }
        mode(&directory, 0o700);
    }
    engine.kept(&engine.path()).unwrap().unwrap();
    let other = containers.join(ID).join("other");
    fs::rename(&file, &other).unwrap();
    symlink("other", &file).unwrap();
    engine.refuses("config.v2.json");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    engine.refuses("it is no regular file");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "{\"ID\": \"").unwrap();
    engine.refuses("EOF");
}

#[test]
fn what_belongs_to_others_does_not_count() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIP claims-docker-owner: not root");
    }
    let engine = Engine::new();
    chown(engine.file(), Some(1000), None).unwrap();
    engine.refuses("it does not belong to root");
    chown(engine.file(), Some(0), None).unwrap();
    // Whoever has the directory puts another file of root's there.
    chown(engine.containers().join(ID), Some(1000), None).unwrap();
    engine.refuses("others than root may write");
}

#[test]
fn what_is_about_another_container_is_refused() {
    let engine = Engine::new();
    engine.write("beef");
    engine.refuses("it is about the container beef");
    fs::write(engine.file(), "{}").unwrap();
    engine.refuses("it is about the container");
}

#[test]
fn a_docker_that_the_rules_do_not_name_is_refused() {
    let engine = Engine::new();
    let elsewhere = engine.path().join("elsewhere");
    let error = engine.kept(&elsewhere).unwrap_err().to_string();
    assert!(error.contains("not where the rules say") && error.contains("`docker`"), "{error}");
    // What shows no such file is not Docker's.
    fs::remove_file(engine.file()).unwrap();
    assert!(engine.kept(&elsewhere).unwrap().is_none());
    let odd = json!([{"source": 1}, {"source": "/"}, {"source": ""}, {}, 1]);
    engine.write(ID);
    assert!(engine.kept_with(&elsewhere, &odd).unwrap().is_none());
}

/// An id is known to everybody, and elsewhere also chosen.
#[test]
fn what_is_said_of_a_container_counts_for_its_own_root() {
    let engine = Engine::new();
    let path = engine.path();
    let elsewhere = tempfile::tempdir().unwrap();
    let beside = elsewhere.path().join(NUMBER);
    let snapshot = path.join("rootfs/overlayfs").join(ID);
    fs::create_dir_all(&beside).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    let volume = path.join("volumes").join(ID).join("_data");
    for other in [
        &volume,
        &path.join("volumes").join(NUMBER).join("_data"),
        &path.join("overlay2").join(NUMBER).join("diff"),
    ] {
        fs::create_dir_all(other).unwrap();
    }
    let of = |root: &Path| engine.kept_of(&path, &json!([]), root).map(|kept| kept.is_some());
    let refused = |root: &Path| {
        let error = of(root).unwrap_err().to_string();
        assert!(error.contains("has not the root") && error.contains(root.to_str().unwrap()), "{error}");
    };
    assert!(of(&path.join("overlay2").join(NUMBER).join("merged")).unwrap());
    for root in [
        path.join("overlay2/other/merged"),
        path.join("bundle"),
        snapshot.clone(),
        // The upper directory of it, and a volume that has its name.
        path.join("overlay2").join(NUMBER).join("diff"),
        path.join("volumes").join(NUMBER).join("_data"),
        beside.canonicalize().unwrap(),
    ] {
        refused(&root);
    }
    // What says how it is named is root's, too.
    fs::set_permissions(engine.number(), Permissions::from_mode(0o666)).unwrap();
    refused(&path.join("overlay2").join(NUMBER).join("merged"));
    fs::remove_file(engine.number()).unwrap();
    assert!(of(&snapshot).unwrap());
    let below = snapshot.join("etc");
    fs::create_dir(&below).unwrap();
    refused(&below);
    refused(&volume);
    refused(&path.join("overlay2").join(NUMBER).join("merged"));
    // A Docker whose directory is a link.
    let link = elsewhere.path().join("docker");
    symlink(&path, &link).unwrap();
    assert!(engine.kept_of(&link, &json!([]), &snapshot).unwrap().is_some());
}

/// The place of a root is its driver's, and no other driver's.
#[test]
fn every_driver_has_a_place_for_roots() {
    let engine = Engine::new();
    let path = engine.path();
    let places =
        ["overlay2/N/merged", "fuse-overlayfs/N/merged", "vfs/dir/N", "btrfs/subvolumes/N", "zfs/graph/N"]
            .map(|place| path.join(place.replace('N', NUMBER)));
    for place in &places {
        fs::create_dir_all(place).unwrap();
    }
    for (at, driver) in ["overlay2", "fuse-overlayfs", "vfs", "btrfs", "zfs"].into_iter().enumerate() {
        let number = path.join("image").join(driver).join("layerdb/mounts").join(ID);
        fs::create_dir_all(&number).unwrap();
        fs::write(number.join("mount-id"), format!("{NUMBER}\n")).unwrap();
        for (other, place) in places.iter().enumerate() {
            assert_eq!(has_root(&path, ID, driver, place), at == other, "{driver}, {}", place.display());
        }
        fs::write(number.join("mount-id"), "\n").unwrap();
        assert!(!places.iter().any(|place| has_root(&path, ID, driver, place.parent().unwrap())), "{driver}");
    }
}
