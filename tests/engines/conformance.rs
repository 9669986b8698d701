//! One profile means the same under every engine, whatever the container asks for, and what `stockade run` makes of it.
//! Read from /proc.

use crate::engine::{Engine, Options, success, text};
use crate::image::Image;
use crate::rules::Rules;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

const PROFILE: &str = "\
stockade: 1
name: conformance
extends: [docker-default]
process:
  no_new_privileges: true
  write_xor_execute: true
  limits: {open_files: 512, core: 0}
capabilities: {replace: [chown, kill]}
files:
  root: read-only
  read: {replace: [/bin, /etc]}
  write: {replace: []}
  execute: {replace: [/bin]}
  tmp: 16 MiB
  proc: hidden
";

/// What the kernel shows of a process.
type Facts = BTreeMap<String, String>;

/// The facts in three files of `/proc/PID`: `status`, `limits` and `mountinfo`, in one text.
fn facts(text: &str) -> Facts {
    let mut facts = Facts::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [
                name @ ("CapInh:" | "CapPrm:" | "CapEff:" | "CapBnd:" | "CapAmb:" | "NoNewPrivs:"
                | "Seccomp:"),
                value,
            ] => {
                facts.insert((*name).to_owned(), (*value).to_owned());
            }
            ["Max", "open", "files", soft, hard, _] => {
                facts.insert("open files".to_owned(), format!("{soft} {hard}"));
            }
            ["Max", "core", "file", "size", soft, hard, _] => {
                facts.insert("core".to_owned(), format!("{soft} {hard}"));
            }
            [_, _, _, _, at @ ("/" | "/tmp" | "/proc"), options, ..] => {
                let has = |word: &str| options.split(',').any(|option| option == word);
                let all = line.split([' ', ',']).any(|word| word.starts_with("hidepid="));
                let shown: Vec<&str> =
                    ["ro", "nosuid", "nodev", "noexec"].into_iter().filter(|word| has(word)).collect();
                let shown = match *at {
                    "/" => has("ro").to_string(),
                    "/proc" => all.to_string(),
                    _ => shown.join(","),
                };
                facts.insert(format!("mount {at}"), shown);
            }
            _ => {}
        }
    }
    facts
}

const FILES: [&str; 3] = ["status", "limits", "mountinfo"];

/// Of a process of the host's view.
fn outside(pid: u32) -> Facts {
    let read = |name: &&str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
    facts(&FILES.iter().map(read).collect::<String>())
}

/// By a command that reads its own.
const INSIDE: [&str; 4] = ["/bin/cat", "/proc/self/status", "/proc/self/limits", "/proc/self/mountinfo"];

/// Whether a process shares none of these namespaces with the host.
fn is_apart(pid: u32) {
    for kind in ["mnt", "pid", "ipc", "uts", "cgroup", "net"] {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        assert_ne!(of(&pid.to_string()), of("self"), "{kind}");
    }
}

/// What `stockade run` makes of the profile in the image's root.
fn launched(rules: &Rules, image: &Image) -> Facts {
    let root = rules.join("root");
    assert!(Command::new("cp").arg("-a").arg(image.root()).arg(&root).status().unwrap().success());
    for place in ["proc", "dev"] {
        fs::create_dir(root.join(place)).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .args(["run", "--profile", rules.join("conformance.yaml").to_str().unwrap()])
        .args(["--root", root.to_str().unwrap(), "--"])
        .args(INSIDE)
        .output()
        .unwrap();
    facts(&success(&output))
}

/// What a container may ask for. All of it leads to the same.
fn variations() -> Vec<(&'static str, Options<'static>)> {
    let plain = Options::default;
    vec![
        ("plain", plain()),
        ("privileged", Options { privileged: true, ..plain() }),
        ("capabilities", Options { add_capabilities: &["ALL"], ..plain() }),
        ("seccomp", Options { seccomp_unconfined: true, ..plain() }),
        ("read-only", Options { read_only: true, ..plain() }),
        ("terminal", Options { tty: true, ..plain() }),
    ]
}

/// `stockade verify` finds nothing looser than what was kept of the container.
fn verifies(rules: &Rules, engine: &dyn Engine, container: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
        .arg("verify")
        .args(engine.address())
        .arg("--state")
        .arg(rules.join("state"))
        .arg(container)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}, {container}: {}", engine.name(), text(&output));
    assert!(!text(&output).contains("not visible"), "{}, {container}: {}", engine.name(), text(&output));
}

fn wait_for_init(engine: &dyn Engine, container: &crate::engine::Running) -> u32 {
    let pid = engine.pid(container);
    // The runtime returns before the init has become the command.
    crate::engine::patiently("command in the container", || {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        (name != ".stockade\n").then_some(pid)
    })
}

#[test]
fn one_profile_is_the_same_under_every_engine() {
    needs!("engines", "dockerd", "docker", "containerd", "ctr", "podman", "runc");
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    let expected = launched(&rules, &image);
    assert_eq!(expected["CapBnd:"], "0000000000000021");
    assert_eq!(expected["mount /"], "true");
    for engine in rules.engines("default: ./conformance.yaml\n") {
        let name = engine.name();
        engine.load(&image);
        for (what, options) in variations() {
            let mut container = engine
                .start(what, &image, &options, &["/bin/sleep", "600"])
                .unwrap_or_else(|output| panic!("{name}, {what}: {}", text(&output)));
            let pid = wait_for_init(&*engine, &container);
            assert_eq!(outside(pid), expected, "{name}, {what}");
            is_apart(pid);
            assert_eq!(facts(&success(&engine.exec(&container, &INSIDE))), expected, "{name}, {what}: exec");
            verifies(&rules, &*engine, what);
            // A call that the policy denies whatever the container asked for.
            let denied = engine.exec(&container, &["/bin/unshare", "-U", "/bin/true"]);
            assert!(text(&denied).contains("Operation not permitted"), "{name}, {what}: {}", text(&denied));
            let log = rules.log();
            let own: Vec<&str> = log.lines().filter(|line| line.contains(&container.id)).collect();
            let cut = own.iter().find(|line| line.contains("process.capabilities.bounding"));
            let cut = cut.unwrap_or_else(|| panic!("{name}, {what}: {log}"));
            assert!(
                cut.contains("conformance.yaml:8:15") && cut.contains("sys_chroot"),
                "{name}, {what}: {cut}"
            );
            if what == "plain" {
                engine.restart(&mut container);
                assert_eq!(outside(wait_for_init(&*engine, &container)), expected, "{name}: restarted");
            }
            engine.remove(container);
        }
        let healthy =
            "grep -q 'CapBnd:.*0021$' /proc/self/status && grep -q 'NoNewPrivs:.*1' /proc/self/status";
        let options = Options { health: Some(healthy), ..Options::default() };
        let container = engine.start("health", &image, &options, &["/bin/sleep", "600"]).unwrap();
        // The CRI has no health checks: kubelet's are `exec`.
        let expected = (name != "containerd").then_some(true);
        assert_eq!(engine.healthy(&container), expected, "{name}");
        engine.remove(container);
    }
}

#[test]
fn commands_are_found_as_without_it() {
    needs!("engines", "dockerd", "docker", "containerd", "ctr", "podman", "runc");
    let (busybox, scratch) = (Image::busybox(), Image::scratch());
    let wide = PROFILE.replace("execute: {replace: [/bin]}", "execute: {replace: [/]}");
    let rules = Rules::new(&[("conformance", &wide)]);
    for engine in rules.engines("default: ./conformance.yaml\n") {
        let name = engine.name();
        engine.load(&busybox);
        engine.load(&scratch);
        let code = |what: &str, command: &[&str]| {
            let output = engine.run(what, &busybox, &Options::default(), command);
            (output.status.code(), text(&output))
        };
        // By PATH.
        assert_eq!(code("path", &["sh", "-c", "exit 7"]).0, Some(7), "{name}");
        for (what, command, expected) in [("missing", "/no/such/program", 127), ("data", "/etc/passwd", 126)]
        {
            let (found, text) = code(what, &[command]);
            assert_eq!(found, Some(expected), "{name}, {what}: {text}");
        }
        let container = engine.start("nothing", &scratch, &Options::default(), &[]).unwrap();
        let found = outside(wait_for_init(&*engine, &container));
        assert_eq!(
            (found["NoNewPrivs:"].as_str(), found["CapBnd:"].as_str()),
            ("1", "0000000000000021"),
            "{name}"
        );
        engine.remove(container);
    }
}

#[test]
fn an_image_that_the_engine_vouches_for_may_have_more() {
    needs!("engines", "dockerd", "docker", "containerd", "ctr", "podman", "runc");
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE), ("more", "stockade: 1\nextends: [docker-default]\n")]);
    let engines = rules.engines("default: ./conformance.yaml\n");
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    let docker = engines.iter().find(|engine| engine.name() == "docker").unwrap();
    docker.load(&image);
    let bounding = |rule: &str| {
        rules.write(&places, &format!("default: ./conformance.yaml\nrules:\n  - {rule}\n"));
        let labels = [("tier", "db")];
        let options = Options { labels: &labels, ..Options::default() };
        let output = docker.run("vouched", &image, &options, &["grep", "CapBnd", "/proc/self/status"]);
        success(&output)
    };
    let (less, more) = ("CapBnd:\t0000000000000021", "CapBnd:\t00000000a80425fb");
    // What is said of the container by whoever starts it can only tighten.
    assert_eq!(bounding("{when: {labels: {tier: db}}, profile: ./more.yaml}"), less);
    assert_eq!(bounding("{when: {image: 'localhost/*'}, profile: ./more.yaml}"), less);
    assert_eq!(bounding("{when: {name: vouched}, profile: ./more.yaml}"), less);
    assert_eq!(bounding("{when: {digest: 'sha256:*'}, profile: ./more.yaml}"), more);
    assert_eq!(bounding("{when: {digest: 'sha256:0000*'}, profile: ./more.yaml}"), less);
}

#[test]
fn another_user_keeps_to_the_same_profile() {
    needs!("engines", "dockerd", "docker", "containerd", "ctr", "podman", "runc");
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    let mut seen: Option<Facts> = None;
    for engine in rules.engines("default: ./conformance.yaml\n") {
        engine.load(&image);
        let options = Options { user: Some((101, 101)), ..Options::default() };
        let container = engine
            .start("user", &image, &options, &["/bin/sleep", "600"])
            .unwrap_or_else(|output| panic!("{}: {}", engine.name(), text(&output)));
        let found = outside(wait_for_init(&*engine, &container));
        assert_eq!(found["CapEff:"], "0000000000000000");
        assert_eq!(found["NoNewPrivs:"], "1");
        assert_eq!(*seen.get_or_insert(found.clone()), found, "{}", engine.name());
        // Landlock: what the image lets everyone read, the profile does not.
        let output = engine.exec(&container, &["/bin/sh", "-c", "echo x > /tmp/x && cat /tmp/x /var/notes"]);
        assert_eq!(output.stdout, b"x\n", "{}", text(&output));
        assert!(text(&output).contains("/var/notes': Permission denied"), "{}", text(&output));
        engine.remove(container);
    }
}

#[test]
fn what_has_no_meet_is_refused_where_the_engine_shows_it() {
    needs!("engines", "dockerd", "docker", "containerd", "ctr", "podman", "runc");
    let image = Image::busybox();
    let profiles = [("conformance", PROFILE), ("nobody", "stockade: 1\nextends: [restricted]\n")];
    let rules = Rules::new(&profiles);
    let text_of_rules = "default: ./conformance.yaml\nrequests: [./nobody.yaml]\n";
    let engines = rules.engines(text_of_rules);
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    for engine in &engines {
        engine.load(&image);
        let name = engine.name();
        let refused = |options: &Options, why: &str| match engine.start(
            "refused",
            &image,
            options,
            &["/bin/sleep", "600"],
        ) {
            Ok(container) => {
                engine.remove(container);
                panic!("{name}: started, {why}");
            }
            Err(output) => assert!(text(&output).contains(why), "{name}, {why}: {}", text(&output)),
        };
        let etc = [(std::path::Path::new("/etc"), "/host", false)];
        refused(&Options { mounts: &etc, ..Options::default() }, "/etc of the host would be mounted");
        let asks = [("io.stockade.profile", "unconfined")];
        refused(&Options { labels: &asks, annotations: &asks, ..Options::default() }, "unconfined");
        let asks = [("io.stockade.profile", "./nobody.yaml")];
        refused(&Options { labels: &asks, annotations: &asks, ..Options::default() }, "user 0");
        rules.write(&places, "default: ./missing.yaml\n");
        refused(&Options::default(), "missing.yaml");
        fs::remove_file(rules.join("runtime.yaml")).unwrap();
        refused(&Options::default(), "without rules");
        rules.write(&places, text_of_rules);
    }
}
