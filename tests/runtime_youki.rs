//! youki as the runtime that makes the containers: Debian has none, `cargo install youki --no-default-features --features
//! v1,v2,seccomp` does. `STOCKADE_YOUKI` names it where it is in none of the usual places.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROFILE: &str = "stockade: 1\nname: tight\nextends: [docker-default]\n\
                       process: {no_new_privileges: true, write_xor_execute: true}\n\
                       capabilities: {replace: [kill]}\nfiles: {root: read-only}\n";

fn youki() -> Option<PathBuf> {
    let places = ["/usr/local/sbin/youki", "/usr/local/bin/youki", "/usr/sbin/youki", "/usr/bin/youki"];
    let named = std::env::var_os("STOCKADE_YOUKI").map(PathBuf::from);
    named.into_iter().chain(places.map(PathBuf::from)).find(|path| path.exists())
}

/// Rules, a bundle, and the container of this test.
struct Bench {
    place: tempfile::TempDir,
    name: String,
}

impl Bench {
    fn new(youki: &Path, name: &str, profile: &str, no_new_privileges: bool) -> Bench {
        let place = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let name = format!("stockade-test-{}-{name}", std::process::id());
        let bench = Bench { place, name };
        let root = bench.join("bundle/rootfs");
        for directory in ["bin", "proc", "dev", "sys"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
        ["cat", "sleep"].iter().for_each(|name| symlink("busybox", root.join("bin").join(name)).unwrap());
        fs::write(bench.join("tight.yaml"), profile).unwrap();
        let rules = format!(
            "stockade: 1\nruntime: {}\ndefault: ./tight.yaml\nstate: {}\n",
            youki.display(),
            bench.join("state").display()
        );
        fs::write(bench.join("rules.yaml"), rules).unwrap();
        assert!(
            Command::new("runc").arg("spec").current_dir(bench.join("bundle")).status().unwrap().success()
        );
        let file = bench.join("bundle/config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["process"]["terminal"] = false.into();
        config["process"]["args"] = json!(["/bin/sleep", "600"]);
        config["process"]["noNewPrivileges"] = no_new_privileges.into();
        config["linux"]["cgroupsPath"] = format!("/{}", bench.name).into();
        fs::write(&file, config.to_string()).unwrap();
        bench
    }

    fn join(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn runtime(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.args(["runtime", "--rules"]).arg(self.join("rules.yaml"));
        command.arg("--root").arg(self.join("inner")).args(arguments);
        // What it starts goes on, and would hold a pipe open.
        let (out, said) = (self.join("out"), self.join("said"));
        let file = |path: &Path| fs::File::create(path).unwrap();
        let status = command.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&said)).status().unwrap();
        Output { status, stdout: fs::read(out).unwrap(), stderr: fs::read(said).unwrap() }
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let output = self.runtime(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn create(&self) -> Output {
        let (bundle, pid) = (self.join("bundle"), self.join("pid"));
        let (bundle, pid) = (bundle.to_str().unwrap(), pid.to_str().unwrap());
        self.runtime(&["create", "--bundle", bundle, "--pid-file", pid, &self.name])
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.runtime(&["delete", "--force", &self.name]);
    }
}

/// Lines that show the profile around a process.
fn is_held(status: &str) {
    for line in ["CapBnd:\t0000000000000020", "NoNewPrivs:\t1", "Seccomp:\t2"] {
        assert!(status.contains(line), "{line}: {status}");
    }
}

#[test]
fn its_containers_and_what_is_added_keep_to_the_profile() {
    let Some(youki) = youki() else { return println!("SKIP runtime-youki: there is no youki here") };
    let bench = Bench::new(&youki, "kept", PROFILE, true);
    let made = bench.create();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    bench.fine(&["start", &bench.name]);
    let pid = fs::read_to_string(bench.join("pid")).unwrap();
    let status = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let begun = (0..6000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        status().starts_with("Name:\tsleep")
    });
    assert!(begun, "{}", status());
    is_held(&status());
    is_held(&bench.fine(&["exec", &bench.name, "/bin/cat", "/proc/self/status"]));
    assert_eq!(fs::read_dir(bench.join("state/containers")).unwrap().count(), 1);
    bench.fine(&["delete", "--force", &bench.name]);
    assert_eq!(fs::read_dir(bench.join("state/containers")).unwrap().count(), 0);
}

#[test]
fn where_its_exec_would_leave_the_filter_out_nothing_is_made() {
    let Some(youki) = youki() else { return println!("SKIP runtime-youki: there is no youki here") };
    let bench = Bench::new(&youki, "loose", "stockade: 1\nname: loose\nextends: [docker-default]\n", false);
    let output = bench.create();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.contains("no_new_privileges: true"), "{said}");
    assert!(!bench.join("pid").exists());
}
