//! Policies as what engines are told. That the engines take it is tested through the binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[path = "../profiles/world.rs"]
mod builtin;
mod fields;
#[path = "../compile/world.rs"]
#[expect(dead_code, reason = "written for the tests of the compiler")]
mod hosts;

use stockade_policy::compile::{Request, compile};
use stockade_policy::export::{Engine, engine};
use stockade_policy::lookup::Source;
use stockade_policy::parse::parse;
use stockade_policy::policy::Policy;
use stockade_policy::resolve::{Mode, resolve};

pub(crate) const ENGINES: [(&str, Engine); 4] = [
    ("docker-args", Engine::DockerArgs),
    ("compose", Engine::Compose),
    ("kubernetes", Engine::Kubernetes),
    ("systemd", Engine::Systemd),
];

fn told(policy: &Policy, to: Engine) -> String {
    let request = Request { root: "/".to_owned(), floors: String::new() };
    let plan = compile(policy, &hosts::root_on_v1(), &request, &builtin::BuiltIn).unwrap();
    engine(to, policy, &plan)
}

/// What an engine is told of a profile.
pub(crate) fn of(profile: &str, to: Engine) -> String {
    let source = Source { file: "web.yaml".into(), text: profile.as_bytes().to_vec() };
    let policy = parse(&source).and_then(|profile| resolve(&profile, &builtin::BuiltIn, Mode::Profile));
    told(&policy.unwrap(), to)
}

/// Every section, and what is not in the built-in profiles.
pub(crate) const WEB: &str = r#"stockade: 1
name: web
about: Everything that a profile can ask for
process:
  user: 101:102
  groups: [44, 45]
  environment: {replace: [PATH]}
  umask: "077"
  workdir: /srv
  hostname: inside
  sysctls: {kernel.shm_rmid_forced: 1}
  securebits: [noroot, noroot_locked]
  limits: {open_files: 4096, address_space: 4 GiB, cpu: 60 s}
capabilities: [net_bind_service]
syscalls:
  deny:
    - socket: eafnosupport
files:
  write: [/var/cache/web, /run/web]
  read: [/run/systemd/resolve]
mounts:
  - {from: /srv/site, at: /srv}
  - {from: /srv/data, at: /data, options: [writable, exec, suid, dev]}
devices: [/dev/fuse, shm]
namespaces: {user: private, network: {join: /run/netns/web}, ipc: private}
resources: {memory: 512 MiB, swap: 0, cpu: 1.5, processes: 128, io: {write: 20 MiB/s}}
disk: {size: 2 GiB, files: 100k}
network:
  egress: {rate: 100 Mbit/s, to: [10.0.0.0/8 tcp/5432, 192.168.0.1]}
  ingress: {from: ["2001:db8::/32 tcp/443"]}
lsm: {apparmor: web-profile, selinux: web_t, trusted_paths: true}
"#;

#[test]
fn the_built_in_profiles() {
    for name in builtin::names() {
        let policy = builtin::policy(&name);
        for (form, to) in ENGINES {
            insta::assert_snapshot!(format!("{name}.{form}"), told(&policy, to));
        }
    }
}

#[test]
fn every_section() {
    for (form, to) in ENGINES {
        insta::assert_snapshot!(format!("every-section.{form}"), of(WEB, to));
    }
}

/// A comment names the section and the line, and nothing is looser without one.
#[test]
fn what_is_looser_says_where_it_was_asked_for() {
    for (form, to) in ENGINES {
        let text = of(WEB, to);
        for (section, line) in [("disk.size", 27), ("disk.files", 27), ("network.egress.rate", 29)] {
            let wanted = format!("#     {section} (web.yaml:{line})");
            assert!(text.lines().any(|line| line == wanted), "{form}: {wanted}\n{text}");
        }
    }
    let looser = |name: &str, to| told(&builtin::policy(name), to).contains("# LOOSER");
    for (form, to) in ENGINES {
        assert!(looser("restricted", to), "{form}");
        // Nothing is asked for, but a process namespace, which systemd has no word for.
        assert_eq!(looser("unconfined", to), to == Engine::Systemd, "{form}");
    }
}

/// Values are data: none of them becomes a comment, a directive or a key of its own.
#[test]
fn values_stay_values() {
    let profile = "stockade: 1\nname: \"a: #\\\"\\\\ '$x\"\nextends: [unconfined]\n\
                   process: {workdir: \"/a \\\"b\\\" '%n' $HOME `c` #d\\\\\"}\n\
                   mounts: [{from: \"/x,readonly=false\", at: \"/y z\"}]\n";
    let docker = of(profile, Engine::DockerArgs);
    assert!(docker.contains("\n'--workdir=/a \"b\" '\\''%n'\\'' $HOME `c` #d\\'\n"), "{docker}");
    assert!(docker.contains(r#"'--mount=type=bind,"source=/x,readonly=false",target=/y z,"#), "{docker}");
    let compose = of(profile, Engine::Compose);
    assert!(compose.contains(r##"working_dir: "/a \"b\" '%n' $$HOME `c` #d\\""##), "{compose}");
    assert!(compose.contains("\n  a----"), "{compose}");
    let pod = of(profile, Engine::Kubernetes);
    assert!(pod.contains(r##"workingDir: "/a \"b\" '%n' $HOME `c` #d\\""##), "{pod}");
    assert!(pod.contains("\n  name: profile\n") || pod.contains("\n  name: a"), "{pod}");
    let unit = of(profile, Engine::Systemd);
    // A backslash at the end of a line would draw the next one in: the directive is left out, and that is said.
    assert!(!unit.contains("\nWorkingDirectory") && unit.contains("cannot be given this value"), "{unit}");
    assert!(unit.contains("\nBindReadOnlyPaths=\"/x,readonly=false:/y z:rbind\"\n"), "{unit}");
    for (form, to) in ENGINES {
        let text = of(&profile.replace("x,readonly=false", "%i\\\\ \\\"x"), to);
        assert!(text.lines().all(|line| !line.is_empty()), "{form}: {text}");
    }
    let unit = of(&profile.replace("x,readonly=false", "%i\\\\ \\\"x"), Engine::Systemd);
    assert!(unit.contains(r#"BindReadOnlyPaths="/%%i\\ \"x:/y z:rbind""#), "{unit}");
}

#[test]
fn a_filter_that_no_json_says_is_not_passed_over() {
    let profile = "stockade: 1\nextends: [docker-default]\nsyscalls: {deny: [mkdir: trap(5)]}\n";
    let docker = of(profile, Engine::DockerArgs);
    assert!(!docker.contains("seccomp=") && docker.contains("# LOOSER: no seccomp JSON says"), "{docker}");
    let pod = of(profile, Engine::Kubernetes);
    assert!(pod.contains("type: RuntimeDefault") && pod.contains("# LOOSER: no seccomp JSON says"), "{pod}");
}
