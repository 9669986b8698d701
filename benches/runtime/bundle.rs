//! A container as Docker 20.10 hands it to a runtime where nothing is asked for, and the rules that it is under.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What dockerd 20.10 wrote; its places and the container's id have names in braces.
const DOCKER: &str = include_str!("docker-20.10.json");
/// The program in the container: the least there is.
const TRUE: &str = "int main(void) { return 0; }\n";

/// Docker's default as a profile, and the same with what takes an init.
const PROFILES: [(&str, &str); 2] = [
    ("plain", "stockade: 1\nextends: [docker-default]\n"),
    (
        "init",
        "stockade: 1\nextends: [docker-default]\nprocess: {no_new_privileges: true}\n\
         files: {read: {replace: [/bin, /etc]}, write: {replace: []}, execute: {replace: [/bin]}}\n",
    ),
];

/// Where everything of the benchmark stands.
pub(crate) struct Place {
    pub(crate) scratch: PathBuf,
    /// Where bundles are: in memory, as engines keep them in /run.
    bundles: PathBuf,
}

impl Place {
    /// Makes it: programs, roots, profiles, and rules for each profile and runtime.
    pub(crate) fn prepare(scratch: &Path) -> Place {
        let bundles = PathBuf::from(format!("/dev/shm/stockade-bench-{}", std::process::id()));
        let place = Place { scratch: scratch.to_owned(), bundles };
        // Of an earlier run.
        for directory in ["state", "docker"].map(|name| place.join(name)) {
            drop(fs::remove_dir_all(directory));
        }
        for directory in ["root/bin", "root/proc", "root/dev", "root/sys", "root/etc", "idle"] {
            fs::create_dir_all(place.join(directory)).unwrap();
        }
        fs::write(place.join("true.c"), TRUE).unwrap();
        compile(&place.join("true.c"), &place.join("root/bin/true"));
        for name in ["cost", "steps"] {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("benches/runtime/{name}.c"));
            compile(&source, &place.join(name));
        }
        for (name, text) in PROFILES {
            fs::write(place.join(&format!("{name}.yaml")), text).unwrap();
            for runtime in ["runc", "crun"] {
                let idle = place.join("idle").join(runtime);
                fs::copy(place.join("root/bin/true"), &idle).unwrap();
                let (before, idle) = (format!("idle-{runtime}"), idle.display().to_string());
                for (file, program) in [(runtime, runtime), (&before, &idle)] {
                    let rules = format!(
                        "stockade: 1\nruntime: {program}\ndefault: ./{name}.yaml\nstate: {}\nmounts: [{}]\n\
                     docker: [{}]\n",
                        place.join("state").display(),
                        place.join("root").display(),
                        place.join("docker").display()
                    );
                    fs::write(place.join(&format!("{file}-{name}.rules.yaml")), rules).unwrap();
                }
            }
        }
        place
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// Writes the bundle of the container `id`, as an engine does before each create.
    pub(crate) fn bundle(&self, id: &str, filtered: bool) -> PathBuf {
        let files = self.join("docker/containers").join(id);
        fs::create_dir_all(&files).unwrap();
        for name in ["resolv.conf", "hostname", "hosts"] {
            fs::write(files.join(name), "").unwrap();
        }
        let kept = json!({"ID": id, "Name": "/bench", "Image": "sha256:00", "Config": {"Image": "bench"}});
        fs::write(files.join("config.v2.json"), kept.to_string()).unwrap();
        let path = |name: &str| self.join(name).display().to_string();
        let text =
            DOCKER.replace("{docker}", &path("docker")).replace("{root}", &path("root")).replace("{id}", id);
        let mut config: Value = serde_json::from_str(&text).unwrap();
        if !filtered {
            config["linux"].as_object_mut().unwrap().remove("seccomp");
        }
        let bundle = self.bundles.join(id);
        fs::create_dir_all(&bundle).unwrap();
        fs::write(bundle.join("config.json"), config.to_string()).unwrap();
        bundle
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.bundles));
    }
}

fn compile(source: &Path, program: &Path) {
    let status =
        Command::new("gcc").args(["-O2", "-static", "-w", "-o"]).args([program, source]).status().unwrap();
    assert!(status.success(), "gcc {}: {status}", source.display());
}
