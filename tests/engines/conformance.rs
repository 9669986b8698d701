//! One profile means the same under every engine, whatever the container asks for, and what `stockade run` makes of it.
//! Read from /proc.

use crate::engine::{Engine, Options, success, text};
use crate::facts::{Facts, INSIDE, facts, image, outside, same, visible};
use crate::image::Image;
use crate::limits::{self, Limits};
use crate::rules::Rules;
use std::fs;
use std::process::Command;

pub(crate) const PROFILE: &str = "\
stockade: 1
name: conformance
extends: [docker-default]
process:
  no_new_privileges: true
  write_xor_execute: true
  umask: \"027\"
  limits: {open_files: 512, processes: 500, core: 0}
capabilities: {replace: [chown, kill]}
files:
  root: read-only
  read: {replace: [/bin, /etc]}
  write: {replace: []}
  execute: {replace: [/bin]}
  tmp: 16 MiB
  proc: hidden
resources: {processes: 32, memory: 64 MiB, swap: 0, cpu: 0.5}
";

/// What nearly every container gets along with.
pub(crate) const WIDE: &str = "\
stockade: 1
name: wide
extends: [docker-default]
process: {no_new_privileges: true}
";

/// Whether a process shares none of these namespaces with the host.
fn is_apart(pid: u32) {
    for kind in ["mnt", "pid", "ipc", "uts", "cgroup", "net"] {
        let of = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap();
        assert_ne!(of(&pid.to_string()), of("self"), "{kind}");
    }
}

/// `stockade run` with the profile in the image's root.
fn launch(rules: &Rules, image: &Image, more: &[&str], command: &[&str]) -> Command {
    let root = rules.join("root");
    if !root.exists() {
        assert!(Command::new("cp").arg("-a").arg(image.root()).arg(&root).status().unwrap().success());
        for place in ["proc", "dev"] {
            fs::create_dir(root.join(place)).unwrap();
        }
    }
    let mut launch = Command::new(env!("CARGO_BIN_EXE_stockade"));
    launch
        .args(["run", "--profile", rules.join("conformance.yaml").to_str().unwrap()])
        .args(["--root", root.to_str().unwrap()])
        .args(more)
        .arg("--")
        .args(command);
    launch
}

/// What `stockade run` makes of the profile.
fn launched(rules: &Rules, image: &Image, more: &[&str]) -> Facts {
    facts(&success(&launch(rules, image, more, &INSIDE).output().unwrap()))
}

/// The same, and the limits of its cgroups, as the host sees them.
fn launched_outside(rules: &Rules, image: &Image) -> (Facts, Limits) {
    let mut launcher = launch(rules, image, &[], &["/bin/sleep", "600"]).spawn().unwrap();
    let below = |pid: u32| -> Vec<u32> {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        children.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
    };
    let pid = crate::patience::patiently("command of the launcher", || {
        let inits = below(launcher.id());
        inits
            .into_iter()
            .flat_map(below)
            .find(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "sleep\n"))
    });
    let found = (outside(pid), limits::of(pid));
    assert!(Command::new("kill").arg(launcher.id().to_string()).status().unwrap().success());
    launcher.wait().unwrap();
    found
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
pub(crate) fn verifies(rules: &Rules, engine: &dyn Engine, container: &str) {
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

pub(crate) fn wait_for_init(engine: &dyn Engine, container: &crate::engine::Running) -> u32 {
    let pid = engine.pid(container);
    // The runtime returns before the init has become the command.
    crate::patience::patiently("command in the container", || {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        (name != ".stockade\n").then_some(pid)
    })
}

#[test]
fn one_profile_is_the_same_under_every_engine() {
    needs_engines!("cc");
    let image = image();
    let rules = Rules::new(&[("conformance", PROFILE)]);
    let expected = launched(&rules, &image, &[]);
    assert_eq!(expected["CapBnd:"], "0000000000000021");
    assert_eq!(expected["mount /"], "true");
    assert_eq!((expected["Umask:"].as_str(), expected["mdwe"].as_str()), ("0027", "1"));
    let (seen, limited) = launched_outside(&rules, &image);
    same(&seen, &visible(&expected), "as the host sees it");
    assert_eq!(limited.processes, 32);
    for engine in rules.engines("default: ./conformance.yaml\n") {
        let name = engine.name();
        engine.load(&image);
        for (what, options) in variations() {
            let mut container = engine
                .start(what, &image, &options, &["/bin/sleep", "600"])
                .unwrap_or_else(|output| panic!("{name}, {what}: {}", text(&output)));
            let pid = wait_for_init(&*engine, &container);
            same(&outside(pid), &seen, &format!("{name}, {what}"));
            assert_eq!(limits::of(pid), limited, "{name}, {what}");
            is_apart(pid);
            same(
                &facts(&success(&engine.exec(&container, &INSIDE))),
                &expected,
                &format!("{name}, {what}: exec"),
            );
            verifies(&rules, &*engine, what);
            // A call that the policy denies whatever the container asked for.
            let denied = engine.exec(&container, &["/bin/unshare", "-U", "/bin/true"]);
            assert!(text(&denied).contains("Operation not permitted"), "{name}, {what}: {}", text(&denied));
            let log = rules.log();
            let own: Vec<&str> = log.lines().filter(|line| line.contains(&container.id)).collect();
            let cut = own.iter().find(|line| line.contains("process.capabilities.bounding"));
            let cut = cut.unwrap_or_else(|| panic!("{name}, {what}: {log}"));
            assert!(
                cut.contains("conformance.yaml:9:15") && cut.contains("sys_chroot"),
                "{name}, {what}: {cut}"
            );
            if what == "plain" {
                engine.restart(&mut container);
                let pid = wait_for_init(&*engine, &container);
                same(&outside(pid), &seen, &format!("{name}: restarted"));
                assert_eq!(limits::of(pid), limited, "{name}: restarted");
            }
            engine.remove(container);
        }
        let check = format!("{{ {}; }} > /tmp/health", INSIDE[2]);
        let options = Options { health: Some(&check), ..Options::default() };
        let container = engine.start("health", &image, &options, &["/bin/sleep", "600"]).unwrap();
        // The CRI has no health checks: kubelet's are `exec`.
        let healthy = (name != "containerd").then_some(true);
        assert_eq!(engine.healthy(&container), healthy, "{name}");
        if healthy.is_some() {
            let written = success(&engine.exec(&container, &["/bin/cat", "/tmp/health"]));
            same(&facts(&written), &expected, &format!("{name}: health check"));
        }
        engine.remove(container);
    }
}

#[test]
fn commands_are_found_as_without_it() {
    needs_engines!();
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
    needs_engines!();
    let image = Image::busybox();
    let rules = Rules::new(&[("conformance", PROFILE), ("more", WIDE)]);
    let engines = rules.engines("default: ./conformance.yaml\n");
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    let digest = image.digest();
    for engine in engines.iter().filter(|engine| engine.name() != "containerd") {
        engine.load(&image);
        let bounding = |rule: &str| {
            rules.write(&places, &format!("default: ./conformance.yaml\nrules:\n  - {rule}\n"));
            let labels = [("tier", "db")];
            let options = Options { labels: &labels, annotations: &labels, ..Options::default() };
            let output = engine.run("vouched", &image, &options, &["grep", "CapBnd", "/proc/self/status"]);
            success(&output)
        };
        let expect =
            |rule: &str, expected: &str| assert_eq!(bounding(rule), expected, "{}, {rule}", engine.name());
        // podman itself gives fewer than Docker.
        let (less, more) = match engine.name() {
            "podman" => ("CapBnd:\t0000000000000021", "CapBnd:\t00000000800405fb"),
            _ => ("CapBnd:\t0000000000000021", "CapBnd:\t00000000a80425fb"),
        };
        // What is said of the container by whoever starts it can only tighten.
        expect("{when: {image: 'localhost/*'}, profile: ./more.yaml}", less);
        expect("{when: {name: vouched}, profile: ./more.yaml}", less);
        expect("{when: {annotations: {tier: db}}, profile: ./more.yaml}", less);
        expect("{when: {labels: {tier: db}}, profile: ./more.yaml}", less);
        expect(&format!("{{when: {{digest: '{digest}'}}, profile: ./more.yaml}}"), more);
        expect("{when: {digest: 'sha256:0000*'}, profile: ./more.yaml}", less);
        // And tightens.
        let denied = |rule: &str| {
            rules.write(&places, &format!("default: ./conformance.yaml\nrules:\n  - {rule}\n"));
            // Annotations of whoever starts it hide nothing.
            let hides =
                [("io.kubernetes.cri.image-name", "other"), ("io.kubernetes.cri.container-name", "other")];
            let options = Options { labels: &[("tier", "db")], annotations: &hides, ..Options::default() };
            let output =
                engine.start("vouched", &image, &options, &["sleep", "600"]).map(|it| engine.remove(it));
            assert!(
                output.is_err_and(|output| text(&output).contains("not here")),
                "{}, {rule}",
                engine.name()
            );
        };
        denied("{when: {image: 'localhost/busybox:1'}, deny: not here}");
        denied("{when: {name: vouched}, deny: not here}");
        denied("{when: {labels: {tier: db}}, deny: not here}");
    }
}

#[test]
fn another_user_keeps_to_the_same_profile() {
    needs_engines!("cc");
    let image = image();
    let named = PROFILE.replace("process:\n", "process:\n  user: 101:101\n");
    let rules = Rules::new(&[("conformance", PROFILE), ("named", &named)]);
    let mut expected = launched(&rules, &image, &["--set", "process: {user: \"101:101\"}"]);
    assert_eq!(expected["Uid:"], "101 101 101 101");
    // A launch gives another user what the profile keeps; an engine gives none, which is stricter.
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(expected.insert(set.to_owned(), "0".repeat(16)).unwrap(), expected["CapBnd:"]);
    }
    let engines = rules.engines("default: ./named.yaml\n");
    let places: Vec<_> = engines.iter().map(|engine| engine.directory()).collect();
    for engine in &engines {
        let name = engine.name();
        engine.load(&image);
        let options = Options { user: Some((101, 101)), ..Options::default() };
        let container = engine
            .start("user", &image, &options, &["/bin/sleep", "600"])
            .unwrap_or_else(|output| panic!("{name}: {}", text(&output)));
        same(&outside(wait_for_init(&**engine, &container)), &visible(&expected), name);
        same(&facts(&success(&engine.exec(&container, &INSIDE))), &expected, &format!("{name}: exec"));
        // Landlock: what the image lets everyone read, the profile does not.
        let output = engine.exec(&container, &["/bin/sh", "-c", "echo x > /tmp/x && cat /tmp/x /var/notes"]);
        assert_eq!(output.stdout, b"x\n", "{}", text(&output));
        assert!(text(&output).contains("/var/notes': Permission denied"), "{}", text(&output));
        engine.remove(container);
        // By `exec --user`. Where the profile names no user, the engine adds the groups that the image names.
        for (profile, groups) in [("named", ""), ("conformance", "102")] {
            rules.write(&places, &format!("default: ./{profile}.yaml\n"));
            let container = engine.start(profile, &image, &options, &["/bin/sleep", "600"]).unwrap();
            let expected = expected.clone().into_iter().chain([("Groups:".to_owned(), groups.to_owned())]);
            if let Some(output) = engine.exec_as(&container, 101, &INSIDE) {
                same(
                    &facts(&success(&output)),
                    &expected.collect(),
                    &format!("{name}, {profile}: exec --user"),
                );
            }
            engine.remove(container);
        }
        rules.write(&places, "default: ./named.yaml\n");
    }
}

#[test]
fn what_has_no_meet_is_refused_where_the_engine_shows_it() {
    needs_engines!();
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
