//! `stockade install` through the binary, on files in scratch directories.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory with the binary and a file to edit.
struct Place {
    directory: tempfile::TempDir,
    config: PathBuf,
}

impl Place {
    fn new(text: Option<&str>) -> Place {
        let directory = tempfile::tempdir().expect("there is a scratch directory");
        let binary = directory.path().join("bin/stockade");
        fs::create_dir(directory.path().join("bin")).expect("the directory is ours");
        let own = env!("CARGO_BIN_EXE_stockade");
        // Another name where one can be had: the binary is large.
        if fs::hard_link(own, &binary).is_err() {
            fs::copy(own, &binary).expect("the binary can be copied");
        }
        let config = directory.path().join("etc/engine.conf");
        fs::create_dir(directory.path().join("etc")).expect("the directory is ours");
        if let Some(text) = text {
            fs::write(&config, text).expect("the file can be written");
        }
        Place { directory, config }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.directory.path().join("bin/stockade"));
        command.arg("install").args(arguments).arg("--config").arg(&self.config);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn fine(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.config).expect("the file is there")
    }

    fn runtime(&self) -> String {
        self.directory
            .path()
            .join("bin/stockade-runtime")
            .to_str()
            .expect("scratch directories are UTF-8")
            .to_owned()
    }

    /// Everything in the directory of the file.
    fn files(&self) -> BTreeSet<String> {
        let entries =
            fs::read_dir(self.config.parent().expect("it lies in a directory")).expect("it can be read");
        entries
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect()
    }
}

const DAEMON: &str = "{\n  \"log-driver\": \"journald\",\n  \"runtimes\": {\n    \"kata\": {\"path\":   \"/opt/kata\"}\n  },\n  \"default-runtime\": \"kata\",\n  \"debug\" : false\n}\n";
const CONTAINERS: &str = "# written by hand\n[containers]\nlog_driver = \"journald\" # why not\n\n[engine]\nruntime = \"crun\"   # ours\n\n[engine.runtimes]\n# by hand too\ncrun = [\n  \"/usr/bin/crun\", # one\n]\n\n[network]\n  network_backend = 'netavark'\n";
const CONTAINERD: &str = "version = 2\n# a root of its own\nroot = '/srv/containerd'\n\n[plugins]\n  [plugins.\"io.containerd.grpc.v1.cri\"]\n    sandbox_image = \"pause:3.9\" # pinned\n    [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n      default_runtime_name = \"runc\"\n      [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n        runtime_type = \"io.containerd.runc.v2\"\n        [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc.options]\n          SystemdCgroup = true\n";

const BUILDKITD: &str = "# builds\ndebug = true\n\n[worker.oci]\n  enabled = true # the only one\n  binary = \"crun\"   # ours\n\n[[worker.oci.gcpolicy]]\n  all = true\n\n[worker.containerd]\n  enabled = false\n  [worker.containerd.runtime]\n    path = '/usr/bin/containerd-shim-runc-v2'\n    options = { SystemdCgroup = true }\n";

const ALL: [(&str, &str); 4] =
    [("docker", DAEMON), ("podman", CONTAINERS), ("containerd", CONTAINERD), ("buildkit", BUILDKITD)];

#[test]
fn a_file_is_edited_and_comes_back_byte_for_byte() {
    for (engine, text) in ALL {
        let place = Place::new(Some(text));
        let said = place.fine(&[engine, "--default"]);
        let runtime = place.runtime();
        insta::assert_snapshot!(
            format!("install-{engine}"),
            place.text().replace(place.directory.path().to_str().unwrap(), "/DIRECTORY")
        );
        assert!(said.contains(&runtime) && said.contains("next: "), "{said}");
        // Every line of the administrator's is there, but the default's.
        let after = place.text();
        let replaced = |line: &&str| {
            !["default", "runtime = ", "binary", "options"].iter().any(|key| line.contains(key))
        };
        for line in text.lines().filter(replaced) {
            assert!(
                after.lines().any(|other| other.trim_end_matches(',') == line.trim_end_matches(',')),
                "{line}\n{after}"
            );
        }
        assert!(fs::symlink_metadata(&runtime).unwrap().is_symlink());
        assert!(fs::metadata(&runtime).unwrap().is_file());
        let backup = place.config.with_file_name("engine.conf.stockade-backup");
        assert_eq!(fs::read_to_string(&backup).unwrap(), text);
        assert_eq!(place.files().len(), 2, "{:?}", place.files());

        assert!(place.fine(&[engine, "--default"]).contains("nothing to change"));
        assert!(place.fine(&[engine]).contains("nothing to change"));
        assert_eq!(place.text(), after);

        let said = place.fine(&[engine, "--undo"]);
        assert!(said.contains("again") && (said.contains("taken out") || engine == "buildkit"), "{said}");
        assert_eq!(place.text(), text, "{engine}");
        assert_eq!(place.files().len(), 1, "{:?}", place.files());
        assert!(place.fine(&[engine, "--undo"]).contains("nothing to change"));
    }
}

#[test]
fn without_default_the_default_stays() {
    // A buildkitd has one runtime and no default.
    for (engine, text) in ALL.into_iter().filter(|(engine, _)| *engine != "buildkit") {
        let place = Place::new(Some(text));
        let said = place.fine(&[engine]);
        let kept = text.lines().filter(|line| line.contains("default") || line.contains("runtime = "));
        for line in kept {
            assert!(place.text().contains(line), "{engine}: {line}");
        }
        assert!(!said.contains("BuildKit"), "{said}");
        place.fine(&[engine, "--undo"]);
        assert_eq!(place.text(), text, "{engine}");
    }
}

#[test]
fn a_missing_file_is_made_and_goes_again() {
    for (engine, _) in ALL {
        let place = Place::new(None);
        place.fine(&[engine, "--default"]);
        insta::assert_snapshot!(
            format!("install-new-{engine}"),
            place.text().replace(place.directory.path().to_str().unwrap(), "/DIRECTORY")
        );
        assert_eq!(fs::metadata(&place.config).unwrap().mode() & 0o7777, 0o644);
        assert_eq!(place.files().len(), 1, "there is nothing to back up");
        place.fine(&[engine, "--undo"]);
        assert_eq!(place.files(), BTreeSet::new(), "{engine}");
    }
}

#[test]
fn a_dry_run_changes_nothing() {
    for (engine, text) in ALL {
        let place = Place::new(Some(text));
        let said = place.fine(&[engine, "--default", "--dry-run"]);
        assert!(
            said.contains("would be changed") && said.lines().any(|line| line.starts_with('+')),
            "{said}"
        );
        assert_eq!((place.text().as_str(), place.files().len()), (text, 1));
        assert!(fs::symlink_metadata(place.runtime()).is_err());
        let json: Value =
            serde_json::from_str(&place.fine(&[engine, "--dry-run", "--format", "json"])).unwrap();
        assert_eq!((json["kind"].as_str(), json["engine"].as_str()), (Some("install"), Some(engine)));
        assert_eq!(json["changes"].as_array().unwrap().len(), if engine == "buildkit" { 2 } else { 1 });
    }
}

#[test]
fn what_an_earlier_install_made_is_no_backup() {
    for (engine, _) in ALL.into_iter().filter(|(engine, _)| *engine != "buildkit") {
        let place = Place::new(None);
        place.fine(&[engine]);
        place.fine(&[engine, "--default"]);
        assert_eq!(place.files().len(), 1, "{engine}: {:?}", place.files());
        place.fine(&[engine, "--undo"]);
        assert_eq!(place.files(), BTreeSet::new(), "{engine}");
    }
}

/// Installs for the BuildKit of a dockerd that says that it is of this version.
fn of_dockerd(place: &Place, version: Option<&str>) -> Output {
    let path = place.directory.path().join("path");
    fs::create_dir_all(&path).expect("the directory is ours");
    if let Some(version) = version {
        let dockerd = path.join("dockerd");
        fs::write(&dockerd, format!("#!/bin/sh\necho 'Docker version {version}, build 1'\n"))
            .expect("the directory is ours");
        fs::set_permissions(&dockerd, fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
    place.command(&["docker-buildkit"]).env("PATH", &path).output().expect("the program runs")
}

#[test]
fn the_buildkit_of_dockerd_gets_what_its_version_goes_by() {
    for (version, expected) in [
        (
            Some("20.10.24+dfsg1"),
            "\"PATH=/DIRECTORY/lib/stockade:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"",
        ),
        (
            Some("24.0.9"),
            "\"PATH=/DIRECTORY/lib/stockade:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"",
        ),
        (Some("25.0.0"), "\"DOCKER_BUILDKIT_RUNC_COMMAND=/DIRECTORY/bin/stockade-runtime\""),
        (Some("26.1.5+dfsg1"), "\"DOCKER_BUILDKIT_RUNC_COMMAND=/DIRECTORY/bin/stockade-runtime\""),
        (None, "\"DOCKER_BUILDKIT_RUNC_COMMAND=/DIRECTORY/bin/stockade-runtime\""),
    ] {
        let place = Place::new(None);
        let output = of_dockerd(&place, version);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let warned = String::from_utf8_lossy(&output.stderr).contains("no dockerd to be asked");
        assert_eq!(warned, version.is_none());
        let text = place.text().replace(place.directory.path().to_str().unwrap(), "/DIRECTORY");
        let line = text.lines().find_map(|line| line.strip_prefix("Environment="));
        assert_eq!(line, Some(expected), "{text}");
        assert_eq!(text.lines().nth(1), Some("[Service]"));
        let runc = place.directory.path().join("lib/stockade/runc");
        let same = |path: &Path| fs::canonicalize(path).unwrap();
        assert_eq!(same(&runc), same(Path::new(&place.runtime())));
        // Another dockerd, and the file follows; what was made goes whole.
        assert_eq!(of_dockerd(&place, Some("25.0.0")).status.code(), Some(0));
        assert!(place.text().contains("RUNC_COMMAND") && !place.text().contains("PATH="), "{}", place.text());
        place.fine(&["docker-buildkit", "--undo"]);
        assert_eq!(place.files(), BTreeSet::new());
    }
}

#[test]
fn a_drop_in_of_others_is_left_alone() {
    let text = "[Service]\nEnvironment=HTTP_PROXY=http://proxy\n";
    let place = Place::new(Some(text));
    let output = of_dockerd(&place, Some("26.0"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("move it away"));
    assert!(place.fine(&["docker-buildkit", "--undo"]).contains("nothing to change"));
    assert_eq!(place.text(), text);
}

#[test]
fn a_dockerd_without_a_version_is_not_guessed_at() {
    let place = Place::new(None);
    let output = of_dockerd(&place, Some("dev"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("tells no version"), "{output:?}");
    assert_eq!(place.files(), BTreeSet::new());
}

#[test]
fn what_dockerd_would_find_as_runc_is_ours_or_refused() {
    let place = Place::new(None);
    let directory = place.directory.path().join("lib/stockade");
    fs::create_dir_all(&directory).unwrap();
    symlink("/bin/true", directory.join("runc")).unwrap();
    let output = of_dockerd(&place, Some("20.10"));
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("lib/stockade/runc"));
    assert_eq!(place.files(), BTreeSet::new());
}

#[test]
fn by_the_name_of_runc_it_is_the_runtime() {
    let place = Place::new(None);
    assert_eq!(of_dockerd(&place, Some("20.10")).status.code(), Some(0));
    let mut command = Command::new(place.directory.path().join("lib/stockade/runc"));
    // Through the link the name is the one that was called, as dockerd calls it.
    std::os::unix::process::CommandExt::arg0(&mut command, "runc");
    let output = command.args(["--rules", "/nowhere", "create", "x"]).output().expect("the program runs");
    assert_eq!(output.status.code(), Some(125));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere"), "{output:?}");
}

#[test]
fn docker_is_told_about_buildkit() {
    let place = Place::new(Some("{}"));
    let output = place.run(&["docker", "--default"]);
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(warnings.contains("BuildKit ignores the default runtime"), "{warnings}");
    assert!(warnings.contains("stockade install docker-buildkit"), "{warnings}");
}

#[test]
fn what_cannot_be_edited_is_refused_where_it_stands() {
    let long = format!("{{\"x\": \"{}\"}}", "x".repeat(1 << 20));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (engine, text, expected) in [
        ("docker", "{\n  \"a\": 1,,\n}", "engine.conf:2:"),
        ("docker", "{\"a\": 1", "engine.conf:1:"),
        ("docker", "[]", "no object"),
        ("docker", "{\"runtimes\": []}", "`runtimes` is no object"),
        ("docker", "{\"default-runtime\": 1}", "`default-runtime` is no text"),
        ("docker", "{\"runtimes\": {\"stockade\": {\"path\": \"/bin/other\"}}}", "another runtime already"),
        ("docker", "{\"runtimes\": {}, \"runtimes\": {\"a\": {}}}", "written twice"),
        ("docker", long.as_str(), "larger than 1 MiB"),
        ("docker", deep.as_str(), "recursion"),
        ("podman", "[engine]\nruntime = \n", "engine.conf:2:"),
        ("podman", "engine = 1\n", "`engine` is no table"),
        ("podman", "[engine]\nruntimes = [1]\n", "`engine.runtimes` is no table"),
        ("podman", "[engine]\nruntime = 3\n", "`engine.runtime` is no text"),
        ("podman", "[engine.runtimes]\nstockade = [\"/bin/other\"]\n", "another runtime already"),
        ("containerd", "version = 2\n[plugins\n", "engine.conf:2:"),
        ("containerd", "root = \"/x\"\n", "version 1"),
        ("containerd", "version = 4\n", "version 4"),
        ("containerd", "version = \"2\"\n", "`version` is no number"),
        ("containerd", "version = 2\nplugins = 1\n", "`plugins` is no table"),
        (
            "containerd",
            "version = 2\n[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.stockade]\nruntime_type = 'x'\n",
            "another runtime already",
        ),
        ("buildkit", "[worker\n", "engine.conf:1:"),
        ("buildkit", "worker = 1\n", "`worker` is no table"),
        ("buildkit", "[worker.oci]\nbinary = 1\n", "`worker.oci.binary` is no text"),
        (
            "buildkit",
            "[worker.containerd.runtime]\nname = 'io.containerd.runsc.v1'\n",
            "another runtime already",
        ),
    ] {
        let place = Place::new(Some(text));
        let output = place.run(&[engine, "--default"]);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{engine} {expected}: {message}");
        assert!(message.contains(expected), "{engine}: {expected}: {message}");
        assert_eq!((place.text().as_str(), place.files().len()), (text, 1), "{engine}");
    }
}

#[test]
fn version_3_of_containerds_file_has_another_plugin() {
    let place = Place::new(Some("version = 3\ndisabled_plugins = ['io.containerd.cri.v1.runtime']\n"));
    // Without an engine that could have an opinion: an older one does not know the version.
    let output = place.command(&["containerd"]).env("PATH", "/nowhere").output().expect("the program runs");
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(warnings.contains("turns the CRI plugin off"), "{warnings}");
    let header = "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.stockade]";
    assert!(place.text().contains(header), "{}", place.text());
}

#[test]
fn what_the_engine_refuses_does_not_take_the_files_place() {
    let known = Command::new("containerd").arg("--version").output();
    if !known.is_ok_and(|output| output.status.success()) {
        println!("SKIP install-check: there is no containerd");
        return;
    }
    let place = Place::new(Some(CONTAINERD));
    let said = place.fine(&["containerd"]);
    assert!(said.contains("found good by: containerd --config FILE config dump"), "{said}");
    // A name of version 1.
    let text = "version = 2\ndisabled_plugins = ['cri']\n";
    let place = Place::new(Some(text));
    let output = place.run(&["containerd"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("refuses the new") && message.contains("disabled plugin"), "{message}");
    assert_eq!((place.text().as_str(), place.files().len()), (text, 1));
}

#[test]
fn mode_owner_and_links_stay() {
    let place = Place::new(None);
    let real = place.directory.path().join("etc/real.json");
    fs::write(&real, DAEMON).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    let owned = std::os::unix::fs::chown(&real, Some(12), Some(34)).is_ok();
    symlink("real.json", &place.config).unwrap();
    let output = place.run(&["docker"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("leads to"));
    let metadata = fs::metadata(&real).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
    assert!(!owned || (metadata.uid(), metadata.gid()) == (12, 34));
    assert!(fs::symlink_metadata(&place.config).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("stockade-runtime"));
    // The backup tells no more to anybody than the file.
    let backup = fs::metadata(place.directory.path().join("etc/real.json.stockade-backup")).unwrap();
    assert_eq!(backup.mode() & 0o7777, 0o640);

    fs::remove_file(&real).unwrap();
    let output = place.run(&["docker"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("leads nowhere"));
}

#[test]
fn what_is_no_file_of_its_own_is_refused() {
    let place = Place::new(Some(DAEMON));
    fs::hard_link(&place.config, place.directory.path().join("other")).unwrap();
    let output = place.run(&["docker"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("hard links"));
    let place = Place::new(None);
    fs::create_dir(&place.config).unwrap();
    assert_eq!(place.run(&["docker"]).status.code(), Some(2));
    let place = Place::new(Some("{}"));
    fs::create_dir(place.runtime()).unwrap();
    let output = place.run(&["docker"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no program"));
}

/// A directory that takes no new name, for root too.
fn immutable(directory: &Path, on: bool) -> bool {
    let flag = if on { "+i" } else { "-i" };
    Command::new("chattr").arg(flag).arg(directory).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_read_only_directory_is_the_hosts_fault() {
    let place = Place::new(Some(DAEMON));
    let etc = place.directory.path().join("etc");
    fs::set_permissions(&etc, fs::Permissions::from_mode(0o555)).unwrap();
    let frozen = immutable(&etc, true);
    let output = place.run(&["docker"]);
    if frozen {
        immutable(&etc, false);
    } else if rustix_is_root() {
        println!(
            "SKIP install-read-only: this file system has no immutable directories, and root writes to others"
        );
        return;
    }
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((place.text().as_str(), place.files().len()), (DAEMON, 1));
}

fn rustix_is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Calls that change files. The process is killed at each one of them in turn.
const CALLS: [&str; 9] =
    ["openat", "write", "fsync", "rename", "fchown", "fchmod", "flock", "unlink", "symlink"];

#[test]
fn killed_at_any_point_it_leaves_the_old_or_the_new_file() {
    let works = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    if !works.is_ok_and(|output| output.status.success()) {
        println!("SKIP install-killed: strace does not work here");
        return;
    }
    let files = ALL.map(|(engine, text)| (engine, Some(text)));
    // A file that is made, and a link in a directory of its own.
    for (engine, text) in files.into_iter().chain([("docker-buildkit", None)]) {
        let whole = Place::new(text);
        whole.fine(&[engine, "--default"]);
        let written = |place: &Place| {
            let text = fs::read_to_string(&place.config).ok()?;
            Some(text.replace(place.directory.path().to_str().unwrap(), "/DIRECTORY"))
        };
        let whole = written(&whole);
        let (mut killed, mut replaced) = (0, 0);
        for call in CALLS {
            for nth in 1..100 {
                let place = Place::new(text);
                let mut command = Command::new("strace");
                command.args([
                    "-f",
                    "-o",
                    "/dev/null",
                    "-e",
                    &format!("inject={call}:signal=KILL:when={nth}"),
                ]);
                command.arg(place.directory.path().join("bin/stockade"));
                command.args(["install", engine, "--default", "--config"]).arg(&place.config);
                let output = command.output().expect("strace runs");
                let after = written(&place);
                assert!(after.as_deref() == text || after == whole, "{engine}: {call} {nth}: {after:?}");
                if output.status.success() {
                    break;
                }
                killed += 1;
                replaced += usize::from(after == whole);
                // Whatever was left behind, the next one gets through and cleans up.
                let again = place.command(&[engine, "--default"]).env("PATH", "/nowhere").status();
                assert!(again.is_ok_and(|status| status.success()), "{engine}: {call} {nth}");
                let files = place.files();
                assert!(files.iter().all(|name| !name.starts_with('.')), "{engine}: {call} {nth}: {files:?}");
                let undone = place.command(&[engine, "--undo"]).env("PATH", "/nowhere").status();
                assert!(undone.is_ok_and(|status| status.success()), "{engine}: {call} {nth}");
                assert_eq!(written(&place).as_deref(), text, "{engine}: {call} {nth}");
            }
        }
        assert!(killed > 8 && replaced > 0, "{engine}: {killed} {replaced}");
    }
}
