//! Images without a registry: one layer, as `docker save` writes them; every engine here loads that.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An image in a file.
pub(crate) struct Image {
    directory: tempfile::TempDir,
    /// `localhost/NAME:1`; podman and the CRI take a name without a host for one of docker.io.
    pub(crate) tag: String,
}

impl Image {
    /// What `fill` puts into an empty root, under the `config` of the OCI image specification: `Env`, `Cmd`,
    /// `Labels`, `User` …
    pub(crate) fn new(name: &str, config: &Value, fill: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        let root = directory.path().join("root");
        let archive = directory.path().join("archive");
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&archive).unwrap();
        fill(&root);
        tar(&root, &archive.join("layer.tar"));
        let layer = fs::read(archive.join("layer.tar")).unwrap();
        let digest: String = Sha256::digest(&layer).iter().map(|byte| format!("{byte:02x}")).collect();
        let tag = format!("localhost/{name}:1");
        let image = json!({
            "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
            "history": [{"created_by": "test"}],
        });
        let manifest = json!([{"Config": "config.json", "RepoTags": [tag], "Layers": ["layer.tar"]}]);
        fs::write(archive.join("config.json"), image.to_string()).unwrap();
        fs::write(archive.join("manifest.json"), manifest.to_string()).unwrap();
        tar(&archive, &directory.path().join("image.tar"));
        Image { directory, tag }
    }

    /// busybox with its applets in `/bin`, and users `root` and `web` (101).
    pub(crate) fn busybox() -> Self {
        Image::busybox_with(|_| {})
    }

    /// The same, and what `add` puts there.
    pub(crate) fn busybox_with(add: impl FnOnce(&Path)) -> Self {
        Image::new("busybox", &json!({"Env": ["PATH=/bin"], "Cmd": ["sleep", "600"]}), |root| {
            for directory in ["bin", "etc", "tmp", "root", "var"] {
                fs::create_dir_all(root.join(directory)).unwrap();
            }
            fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
            fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
            let listed = Command::new("/bin/busybox").arg("--list").output().unwrap();
            for applet in String::from_utf8_lossy(&listed.stdout).lines().filter(|name| *name != "busybox") {
                std::os::unix::fs::symlink("busybox", root.join("bin").join(applet)).unwrap();
            }
            fs::write(root.join("var/notes"), "notes\n").unwrap();
            fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:101:101::/:/bin/sh\n")
                .unwrap();
            fs::write(root.join("etc/group"), "root:x:0:\nweb:x:101:\n").unwrap();
            add(root);
        })
    }

    /// FROM scratch: nothing but one static program, which sleeps.
    pub(crate) fn scratch() -> Self {
        Image::new("scratch", &json!({"Cmd": ["/sleep", "600"]}), |root| {
            fs::copy("/bin/busybox", root.join("sleep")).unwrap();
        })
    }

    /// The digest of its configuration: the id by which Docker and podman know it.
    pub(crate) fn digest(&self) -> String {
        let config = fs::read(self.directory.path().join("archive/config.json")).unwrap();
        Sha256::digest(&config).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
    }

    /// What is in it.
    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    /// Its file system alone.
    pub(crate) fn layer(&self) -> PathBuf {
        self.directory.path().join("archive/layer.tar")
    }

    /// The file that an engine loads.
    pub(crate) fn archive(&self) -> PathBuf {
        self.directory.path().join("image.tar")
    }
}

fn tar(directory: &Path, to: &Path) {
    let status = Command::new("tar").arg("-C").arg(directory).arg("-cf").arg(to).arg(".").status().unwrap();
    assert!(status.success(), "tar {}: {status}", directory.display());
}
