use super::*;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

const ID: &str = "987cea30f455c8150aa342f818309b2ea9a540120dacf593a40bd5c284ef8029";
const IMAGE: &str = r#"{"architecture":"amd64"}"#;

struct Store(tempfile::TempDir);

impl Store {
    /// As podman lays it out, with one container.
    fn new() -> Store {
        let store = Store(tempfile::tempdir().unwrap());
        fs::create_dir_all(store.bundle()).unwrap();
        let image = store.image();
        store.list("containers.json", &image);
        store.keep(&image, IMAGE);
        store
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn bundle(&self) -> PathBuf {
        self.path().join("overlay-containers").join(ID).join("userdata")
    }

    /// The id that belongs to the image's configuration.
    fn image(&self) -> String {
        Sha256::digest(IMAGE).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn list(&self, name: &str, image: &str) {
        let metadata = json!({"image-name": "localhost/x:1", "name": "one"}).to_string();
        let listed = json!([{"id": ID, "names": ["one"], "image": image, "metadata": metadata}]);
        fs::write(self.path().join("overlay-containers").join(name), listed.to_string()).unwrap();
    }

    fn keep(&self, id: &str, configuration: &str) {
        let images = self.path().join("overlay-images").join(id);
        fs::create_dir_all(&images).unwrap();
        let name = format!("={}", BASE64_STANDARD.encode(format!("sha256:{id}")));
        fs::write(images.join(name), configuration).unwrap();
    }

    fn kept(&self) -> Result<Option<Kept>, ClaimsError> {
        kept(&self.bundle(), ID, &[self.path()])
    }

    fn refuses(&self, why: &str) {
        let error = self.kept().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn what_podman_keeps_is_found_in_either_list() {
    let store = Store::new();
    for list in LISTS {
        drop(fs::remove_file(store.path().join("overlay-containers/containers.json")));
        store.list(list, &store.image());
        let kept = store.kept().unwrap().unwrap();
        assert_eq!(kept.image.as_deref(), Some("localhost/x:1"));
        assert_eq!(kept.name.as_deref(), Some("one"));
        assert_eq!(kept.digest, Some(format!("sha256:{}", store.image())));
    }
    // What lives until a restart lies elsewhere.
    let run = tempfile::tempdir().unwrap();
    let bundle = run.path().canonicalize().unwrap().join(format!("overlay-containers/{ID}/userdata"));
    fs::create_dir_all(&bundle).unwrap();
    let stores = [store.path(), run.path().to_owned()];
    assert!(kept(&bundle, ID, &stores).unwrap().unwrap().digest.is_some());
    assert!(kept(Path::new("/run/containerd/x"), ID, &stores).unwrap().is_none());
}

#[test]
fn an_id_that_an_image_was_given_is_no_digest() {
    let store = Store::new();
    let chosen = "0".repeat(64);
    store.list("containers.json", &chosen);
    store.keep(&chosen, IMAGE);
    assert_eq!(store.kept().unwrap().unwrap().digest, None);
    // A path that only looks like an id; and a container with a root of the host's.
    for image in ["../../overlay-images/x", ""] {
        store.list("containers.json", image);
        assert_eq!(store.kept().unwrap().unwrap().digest, None);
    }
}

#[test]
fn only_what_root_keeps_counts() {
    let store = Store::new();
    let containers = store.path().join("overlay-containers");
    let list = containers.join("containers.json");
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    mode(&list, 0o666);
    store.refuses("others than its owner may write it");
    mode(&list, 0o600);
    mode(&containers, 0o777);
    store.refuses("others than root may write");
    mode(&containers, 0o700);
    mode(&store.path(), 0o720);
    store.refuses("others than root may write");
    mode(&store.path(), 0o700);
    let image = store.path().join("overlay-images").join(store.image());
    mode(&image, 0o777);
    store.refuses("others than root may write");
    mode(&image, 0o700);
    store.kept().unwrap();
    fs::rename(&list, containers.join("other")).unwrap();
    symlink("other", &list).unwrap();
    store.refuses("containers.json");
    fs::remove_file(&list).unwrap();
    store.refuses("no list of containers beside it has it");
    fs::write(&list, "[{\"id\": \"").unwrap();
    store.refuses("EOF");
    let entry = json!({"id": ID});
    fs::write(&list, json!([entry, entry]).to_string()).unwrap();
    store.refuses("listed twice");
}

#[test]
fn a_store_that_the_rules_do_not_name_is_refused() {
    let store = Store::new();
    let error = kept(&store.bundle(), ID, &[PathBuf::from("/var/lib/containers/storage")]).unwrap_err();
    assert!(error.to_string().contains("`podman`"), "{error}");
    let error = kept(&store.bundle(), "beef", &[store.path()]).unwrap_err();
    assert!(error.to_string().contains("it is about the container"), "{error}");
}
