//! The administrator's rules of a test, and engines whose containers they decide on.

use crate::engine::{Engine, Runtime, every};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A directory with rules, profiles and the state of containers.
pub(crate) struct Rules(tempfile::TempDir);

impl Rules {
    /// With these profiles, by name.
    pub(crate) fn new(profiles: &[(&str, &str)]) -> Self {
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        for (name, text) in profiles {
            fs::write(directory.path().join(format!("{name}.yaml")), text).unwrap();
        }
        Rules(directory)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Every engine with `stockade runtime` under these rules. Each keeps what it mounts in a place of its own, which
    /// the rules must name.
    pub(crate) fn engines(&self, text: &str) -> Vec<Box<dyn Engine>> {
        let file = self.join("runtime.yaml");
        let arguments = ["runtime", "--rules", file.to_str().unwrap()];
        let engines = every(&Runtime::new(env!("CARGO_BIN_EXE_stockade"), &arguments));
        let places: Vec<&Path> = engines.iter().map(|engine| engine.directory()).collect();
        self.write(&places, text);
        engines
    }

    /// Writes the rules: what lies in the places may be mounted.
    pub(crate) fn write(&self, places: &[&Path], text: &str) {
        let places_too: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        self.write_bare(places, &format!("mounts: [{}]\n{text}", places_too.join(", ")));
    }

    /// The same where nothing may be mounted but what engines keep for a container.
    pub(crate) fn write_bare(&self, places: &[&Path], text: &str) {
        let list = |ending: &str| {
            let each: Vec<String> =
                places.iter().map(|place| format!("{}{ending}", place.display())).collect();
            each.join(", ")
        };
        let head = format!(
            "stockade: 1\nstate: {}\ndocker: [{}]\npodman: [{}, {}]\n\
             sandbox: docker-default\n\
             vouched: [io.kubernetes.cri.container-type, io.kubernetes.cri.sandbox-namespace]\n",
            self.join("state").display(),
            list("/data"),
            list("/root"),
            list("/run")
        );
        fs::write(self.join("runtime.yaml"), format!("{head}{text}")).unwrap();
    }

    /// What was logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.join("state/runtime.log")).unwrap_or_default()
    }
}
