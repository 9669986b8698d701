//! Every system call of a launch is made to fail in turn: the target runs as declared, or not at all.

use crate::ended::Ended;
use crate::harness::{Scratch, busybox_root, compile_c, stockade};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A policy in which every layer has something to do.
const PROFILE: &str = r#"
stockade: 1
name: every-layer
about: Every layer has something to do
process:
  user: 101:101
  no_new_privileges: true
  write_xor_execute: true
  environment: {replace: [PATH]}
  umask: "077"
  hostname: inside
  workdir: /tmp
  limits: {open_files: 64, processes: 32, core: 0}
capabilities: {replace: []}
files:
  root: read-only
  read: {replace: [/etc]}
  write: {replace: []}
  execute: {replace: [/bin]}
  hide: [/hidden]
  tmp: 1 MiB
  proc: minimal
devices: {replace: [standard]}
namespaces: {user: private, network: private}
resources: {processes: 32, memory: 64 MiB}
"#;

/// What the calls are made to fail with: refused, not there, not understood; and how the probe prints it.
const ERRORS: [(&str, &str); 3] = [
    ("EPERM", "Operation not permitted"),
    ("ENOSYS", "Function not implemented"),
    ("EINVAL", "Invalid argument"),
];

/// A call of each layer, whose failure must stop a launch.
const LAYERS: [&str; 16] = [
    "capset",
    "clone3",
    "execve",
    "execveat",
    "keyctl",
    "landlock_restrict_self",
    "mount",
    "mount_setattr",
    "move_mount",
    "openat2",
    "pivot_root",
    "prctl",
    "seccomp",
    "setresuid",
    "umount2",
    "unshare",
];

struct Bench {
    scratch: Scratch,
    arguments: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        let scratch = Scratch::new();
        let root = scratch.join("root");
        busybox_root(&root);
        fs::create_dir(root.join("hidden")).unwrap();
        fs::write(root.join("hidden/file"), "hidden").unwrap();
        fs::write(root.join("secret"), "secret").unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/run/faults/probe.c");
        compile_c(&source, &root.join("bin/probe"));
        let profile = scratch.file("every-layer.yaml", PROFILE);
        let arguments = ["run", "--profile", &profile, "--root", root.to_str().unwrap(), "--", "/bin/probe"]
            .map(str::to_owned);
        Bench { scratch, arguments: arguments.to_vec() }
    }

    /// The launch, traced, with strace told `more`.
    fn traced(&self, more: &[&str]) -> (Ended, String) {
        let trace = self.scratch.join("trace");
        let output = Command::new("strace")
            .args(["-f", "-qq", "-e", "signal=none", "-o"])
            .arg(&trace)
            .args(more)
            .arg(env!("CARGO_BIN_EXE_stockade"))
            .args(&self.arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("SECRET", "not passed on")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (Ended::from(output), fs::read_to_string(trace).unwrap_or_default())
    }
}

/// The facts that the probe printed; none where it did not run to its end.
fn facts(ended: &Ended) -> Option<Vec<String>> {
    let lines: Vec<String> = ended
        .stdout
        .lines()
        // Two runs never share a namespace; whose it is counts, and is asked below.
        .map(|line| if line.starts_with("namespace ") { namespace(line) } else { line.to_owned() })
        .collect();
    (lines.last().map(String::as_str) == Some("done")).then_some(lines)
}

/// Whether a fact is neither declared, nor the loss of something that was allowed, nor a question of the probe
/// that met the fault itself: strace counts on in the target.
fn is_weaker(fact: &str, declared: &[String], error: &str) -> bool {
    let lost = fact.starts_with("open ")
        && fact.ends_with("Permission denied")
        && declared.iter().any(|line| {
            line.strip_suffix(" ok")
                .is_some_and(|allowed| fact.strip_prefix(allowed).is_some_and(|rest| rest.starts_with(' ')))
        });
    let unanswered = fact.ends_with(error) || fact == "mdwe -1" || fact == "securebits ffffffff";
    !lost && !unanswered && !declared.iter().any(|line| line == fact)
}

/// A namespace line as "private" or "host".
fn namespace(line: &str) -> String {
    let link = line.trim_start_matches("namespace ");
    let kind = link.split([':', ' ']).next().unwrap_or_default();
    let host = fs::read_link(format!("/proc/self/ns/{kind}")).unwrap();
    format!("namespace {kind} {}", if host.as_os_str() == link { "host" } else { "private" })
}

/// How often each call is made before the target's exec by the process that makes it most: strace counts
/// occurrences by process.
fn occurrences(trace: &str) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut started = None;
    for line in trace.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        let Some((call, _)) = rest.split_once('(') else { continue };
        if rest.starts_with("<...") || call.is_empty() || started == Some(pid) {
            continue;
        }
        if rest.starts_with("execve(\"/bin/probe\"") {
            started = Some(pid);
        }
        *counts.entry((call.to_owned(), pid.to_owned())).or_default() += 1;
    }
    let mut most = BTreeMap::new();
    for ((call, _), count) in counts {
        let entry = most.entry(call).or_insert(0);
        *entry = count.max(*entry);
    }
    most
}

#[test]
fn every_declared_restriction_is_a_fact_inside() {
    needs!("run", "busybox", "gcc", "strace");
    let bench = Bench::new();
    let arguments: Vec<&str> = bench.arguments.iter().map(String::as_str).collect();
    let ended = Ended::from(stockade(&arguments).env("SECRET", "not passed on").output().unwrap());
    let facts = facts(&ended).unwrap_or_else(|| panic!("{ended:?}"));
    let has = |fact: &str| assert!(facts.iter().any(|line| line == fact), "no `{fact}` in {facts:#?}");
    for fact in [
        "Umask:\t0077",
        "Uid:\t101\t101\t101\t101",
        "Gid:\t101\t101\t101\t101",
        "CapInh:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "CapAmb:\t0000000000000000",
        "NoNewPrivs:\t1",
        "Seccomp:\t2",
        "Seccomp_filters:\t1",
        "limit 4 0 0",
        "limit 6 32 32",
        "limit 7 64 64",
        "open /secret 0 Permission denied",
        "open /tmp/new 41 ok",
        "open /hidden/file 0 Permission denied",
        "open /dev/null 2 ok",
        "open /dev/kmsg 0 No such file or directory",
        "open /proc/kcore 0 No such file or directory",
        "mount Operation not permitted",
        "unshare Operation not permitted",
        "bpf Operation not permitted",
    ] {
        has(fact);
    }
    assert!(
        facts.iter().any(|line| line.starts_with("open /bin/new 41 ") && !line.ends_with(" ok")),
        "{facts:#?}"
    );
    for kind in ["user", "mnt", "pid", "ipc", "uts", "cgroup", "net"] {
        has(&format!("namespace {kind} private"));
    }
    let environment: Vec<&String> = facts.iter().filter(|line| line.starts_with("environment ")).collect();
    assert_eq!(environment.len(), 1, "{environment:?}");
    assert!(!facts.iter().any(|line| line.starts_with("descriptor ")), "{facts:#?}");
}

#[test]
fn no_failing_call_weakens_a_launch() {
    needs!("run", "busybox", "gcc", "strace");
    let bench = Bench::new();
    let (ended, trace) = bench.traced(&[]);
    let declared = facts(&ended).unwrap_or_else(|| panic!("{ended:?}"));
    let (mut injections, mut refused, mut harmless, mut stricter) = (0, 0, 0, 0);
    let mut violations = Vec::new();
    let mut stopped_by = BTreeSet::new();
    for (call, count) in occurrences(&trace) {
        for occurrence in 1..=count {
            for (error, text) in ERRORS {
                let inject = format!("inject={call}:error={error}:when={occurrence}");
                let (ended, _) = bench.traced(&["-e", &inject]);
                injections += 1;
                match facts(&ended) {
                    None if ended.code != Some(0) => {
                        refused += 1;
                        stopped_by.insert(call.clone());
                    }
                    Some(found) if found == declared => harmless += 1,
                    Some(found) => {
                        let weaker: Vec<_> =
                            found.into_iter().filter(|fact| is_weaker(fact, &declared, text)).collect();
                        if weaker.is_empty() {
                            stricter += 1;
                        } else {
                            violations.push((inject, weaker, ended.stderr));
                        }
                    }
                    None => {
                        violations.push((inject, vec!["ended well without a word".to_owned()], ended.stderr))
                    }
                }
            }
        }
    }
    println!(
        "{injections} injections: {refused} refused, {harmless} as declared, {stricter} with less or unanswered, {} violations",
        violations.len()
    );
    assert!(violations.is_empty(), "{violations:#?}");
    // The faults reached every layer: each of these was refused once at least.
    for call in LAYERS {
        assert!(stopped_by.contains(call), "no fault of {call} stopped the launch");
    }
}
