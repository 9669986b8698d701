//! Processes that util-linux put under known restrictions, with the kernel as it is. As root.

use super::*;
use crate::sys::filters::spawn_under;
use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use stockade_policy::plan::{
    Capabilities, Identity, Instruction, MountEntry, MountKind, Mounts, Namespaces, Process, Seccomp,
};
use stockade_policy::policy::{ProcView, Rlimit};
use stockade_policy::vocab::{Arch, CapSet};

/// The first process of a pid namespace, which ends with the test and takes all others in it with it;
/// and the one that waits for it outside.
struct Confined {
    waiting: Child,
    first: Option<crate::sys::pidfd::Held>,
}

impl Drop for Confined {
    fn drop(&mut self) {
        // Not through its parent's death: changing the user clears the signal that would tell it.
        if let Some(first) = &self.first {
            let _ = first.kill();
        }
        let _ = self.waiting.kill();
        let _ = self.waiting.wait();
    }
}

const FILTER: [Instruction; 1] = [Instruction(6, 0, 0, 0x7fff_0000)];

/// What `confined` below really is under.
fn plan(root: &Path) -> Plan {
    let none = CapSet::EMPTY;
    let chown = CapSet(1);
    let root = root.to_str().expect("text").to_owned();
    let entry = |at: &str, what| MountEntry { at: at.to_owned(), what, origins: Default::default() };
    Plan {
        profile: "test".to_owned(),
        floors: String::new(),
        arch: Arch::X86_64,
        identity: Identity { uid: 1234, gid: 2345, groups: vec![77], user_namespace: None },
        namespaces: Namespaces {
            private: [NamespaceKind::Mount, NamespaceKind::Pid, NamespaceKind::Uts].into(),
            network_path: None,
        },
        mounts: Mounts {
            root,
            read_only: true,
            proc: ProcView::Minimal,
            devices: None,
            tmp: Some(100_000),
            entries: vec![
                entry("/rw", MountKind::Writable { exec: false }),
                entry("/secret", MountKind::Hide),
                entry("/nothing", MountKind::Hide),
            ],
        },
        process: Process {
            no_new_privileges: true,
            write_xor_execute: false,
            environment: None,
            securebits: 0,
            umask: 0o027,
            limits: [(Rlimit::OpenFiles, 99), (Rlimit::Core, 0)].into(),
            workdir: None,
            hostname: None,
            sysctls: BTreeMap::new(),
        },
        capabilities: Capabilities {
            bounding: chown,
            permitted: none,
            effective: none,
            inheritable: none,
            ambient: none,
        },
        landlock: None,
        seccomp: Some(Seccomp { flags: 0, program: FILTER.to_vec() }),
        cgroup: None,
        disk: None,
        traffic: None,
        lsm: None,
        gaps: Vec::new(),
    }
}

/// Runs `sleep` in a root of its own below `root`, with what `plan` above says, and `extra` shell
/// commands before the root is entered. Gives the outermost process and the one that is confined.
fn confined(root: &Path, extra: &str) -> (Confined, u32) {
    for directory in ["usr", "proc", "tmp", "rw", "secret", "old"] {
        fs::create_dir(root.join(directory)).expect("mkdir");
    }
    fs::write(root.join("secret/key"), "x").expect("write");
    for link in ["bin", "sbin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{link}"), root.join(link)).expect("link");
    }
    let script = format!(
        "set -e; cd '{}'; umask 027
        mount --make-rprivate /
        mount --bind . .; cd \"$PWD\"
        mount --bind /usr usr; mount -o remount,bind,ro usr
        mount --bind rw rw; mount -o remount,bind,noexec,nosuid,nodev rw
        mount -t tmpfs -o ro,noexec,nosuid,nodev none secret
        mount -t tmpfs -o size=100000,noexec,nosuid,nodev none tmp
        mount -t proc -o hidepid=4,subset=pid,noexec,nosuid,nodev none proc
        {extra}
        mount -o remount,bind,ro .
        pivot_root . old; umount -l old
        exec setpriv --reuid=1234 --regid=2345 --groups=77 --inh-caps=-all --bounding-set=-all,+chown \
            --no-new-privs prlimit --nofile=99 --core=0 sh -c 'echo ready; exec sleep 1000'",
        root.display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", &script]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut outer = Confined { waiting: spawn_under(command, vec![FILTER.to_vec()]), first: None };
    let mut line = String::new();
    BufReader::new(outer.waiting.stdout.take().expect("pipe")).read_line(&mut line).expect("line");
    if line != "ready\n" {
        let mut why = String::new();
        let _ = outer.waiting.stderr.take().expect("pipe").read_to_string(&mut why);
        panic!("{why}\n{script}");
    }
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", outer.waiting.id())).expect("children");
    let inner: u32 = children.trim().parse().expect("one child");
    outer.first = Some(crate::sys::pidfd::hold(inner).expect("hold"));
    while Task::open(inner).and_then(|task| task.status()).expect("status").name != "sleep" {
        std::thread::yield_now();
    }
    (outer, inner)
}

fn of(status: &Status, layer: Layer) -> &Verdict {
    &status.layers.iter().find(|one| one.layer == layer).expect("layer").verdict
}

#[test]
fn what_is_declared_is_exact_and_every_difference_has_its_witness() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIP verify-layers: it needs root");
    }
    let root = tempfile::tempdir().expect("scratch");
    let (_outer, pid) = confined(root.path(), "");
    let exact = plan(root.path());
    let status = verify(&exact, pid, &Options::default()).expect("verify");
    for layer in status.layers.iter().filter(|one| one.layer != Layer::Keyring) {
        match (&layer.layer, &layer.verdict) {
            // Without CAP_SYS_ADMIN in the initial namespace, or under seccomp, nobody sees them.
            (Layer::Seccomp, Verdict::NotVisible { why }) => println!("SKIP verify-filters: filters: {why}"),
            (name, verdict) => assert_eq!(*verdict, Verdict::Exact, "{name}: {}", layer.detail),
        }
    }
    assert!(matches!(of(&status, Layer::Keyring), Verdict::NotVisible { .. }));
    assert!(!status.is_drift());
    let attested =
        Options { attested_by: Some("a test".to_owned()), scope: Scope::Container, ..Options::default() };
    let status = verify(&exact, pid, &attested).expect("verify");
    assert_eq!(*of(&status, Layer::Keyring), Verdict::Attested { by: "a test".to_owned() });
    assert_eq!(status.processes, 1);

    // One change of the plan at a time: the layer that must notice, and what it must say.
    type Change = fn(&mut Plan);
    let looser: [(Change, Layer, &str); 16] = [
        (|plan| plan.identity.uid = 1, Layer::Identity, "real uid is 1234, planned 1"),
        (|plan| plan.identity.gid = 1, Layer::Identity, "effective gid is 2345, planned 1"),
        (|plan| plan.identity.groups.clear(), Layer::Identity, "in the groups [77] too"),
        (
            |plan| _ = plan.namespaces.private.insert(NamespaceKind::Network),
            Layer::Namespaces,
            "shares the host's net",
        ),
        (|plan| plan.capabilities.bounding = CapSet::EMPTY, Layer::Capabilities, "bounding has chown"),
        (|plan| _ = plan.process.limits.insert(Rlimit::OpenFiles, 98), Layer::Limits, "hard OpenFiles is 99"),
        (|plan| plan.process.umask = 0o077, Layer::Umask, "is 0027, planned 0077"),
        (
            |plan| plan.seccomp = Some(Seccomp { flags: 0, program: vec![Instruction(6, 0, 0, 0)] }),
            Layer::Seccomp,
            "differs from instruction 0",
        ),
        (|plan| plan.mounts.root = "/usr".to_owned(), Layer::Mounts, "its root is not /usr"),
        (|plan| plan.mounts.proc = ProcView::None, Layer::Mounts, "/proc is mounted"),
        (|plan| plan.mounts.tmp = Some(4096), Layer::Mounts, "/tmp has 102400 bytes, planned 4096"),
        (|plan| plan.mounts.tmp = None, Layer::Mounts, "/tmp (tmpfs) can be written"),
        (|plan| plan.mounts.devices = Some(BTreeSet::new()), Layer::Mounts, "used for devices"),
        (|plan| _ = plan.mounts.entries.remove(0), Layer::Mounts, "can be written"),
        (
            |plan| plan.mounts.entries[0].at = "/usr".to_owned(),
            Layer::Mounts,
            "programs in /usr can be started",
        ),
        (|plan| plan.mounts.entries[1].at = "/usr/lib".to_owned(), Layer::Mounts, "/usr/lib is not hidden"),
    ];
    for (change, layer, witness) in looser {
        let mut plan = exact.clone();
        change(&mut plan);
        let status = verify(&plan, pid, &Options::default()).expect("verify");
        match of(&status, layer) {
            Verdict::Looser { witness: actual } => assert!(actual.contains(witness), "{witness}: {actual}"),
            Verdict::NotVisible { why } if layer == Layer::Seccomp => {
                println!("SKIP verify-filters: filters: {why}")
            }
            other => panic!("{witness}: {other}"),
        }
        assert!(status.is_drift() || layer == Layer::Seccomp);
    }
    let stricter: [(Change, Layer, &str); 8] = [
        (|plan| plan.identity.groups = vec![77, 78], Layer::Identity, "[78]"),
        (|plan| _ = plan.namespaces.private.remove(&NamespaceKind::Uts), Layer::Namespaces, "uts"),
        (|plan| plan.capabilities.permitted = CapSet(2), Layer::Capabilities, "permitted lacks dac_override"),
        (|plan| plan.process.no_new_privileges = false, Layer::NoNewPrivileges, "no exec"),
        (|plan| _ = plan.process.limits.insert(Rlimit::Core, 5), Layer::Limits, "hard Core is 0"),
        (|plan| plan.process.umask = 0o022, Layer::Umask, "planned 0022"),
        (|plan| plan.seccomp = None, Layer::Seccomp, "no filter"),
        (|plan| plan.mounts.proc = ProcView::Full, Layer::Mounts, "Minimal only"),
    ];
    for (change, layer, detail) in stricter {
        let mut plan = exact.clone();
        change(&mut plan);
        let status = verify(&plan, pid, &Options::default()).expect("verify");
        let Verdict::Stricter { detail: actual } = of(&status, layer) else {
            panic!("{detail}: {}", of(&status, layer));
        };
        assert!(actual.contains(detail), "{detail}: {actual}");
    }
}

#[test]
fn what_stands_open_behind_links_and_covers_is_found() {
    if !rustix::process::geteuid().is_root() {
        return println!("SKIP verify-layers: it needs root");
    }
    for (extra, witness) in [
        // A hidden directory with something in it.
        (
            "mount -o remount,rw secret; echo x > secret/y; mount -o remount,ro secret",
            "/secret is not hidden",
        ),
        // A cover that can be written.
        ("mount -o remount,rw secret", "can be written"),
        // A second way to a writable place.
        ("mkdir tmp/in; mount -t tmpfs -o nosuid,nodev none tmp/in", "/tmp/in (tmpfs) can be started from"),
        ("mount -o remount,bind,rw usr", "/usr"),
        ("mount --make-shared rw", "what is mounted in /rw appears outside too"),
        ("mount -o remount,size=1m tmp", "/tmp has 1048576 bytes"),
        ("umount tmp; rmdir tmp; ln -s /rw tmp", "/tmp is not its own"),
        (
            "umount secret; rmdir -p secret 2>/dev/null || rm -r secret; ln -s /usr secret",
            "/secret is not hidden",
        ),
        ("mkdir usr2; mount -t proc none usr2", "another procfs stands at /usr2"),
    ] {
        let root = tempfile::tempdir().expect("scratch");
        let (_outer, pid) = confined(root.path(), extra);
        let status = verify(&plan(root.path()), pid, &Options::default()).expect("verify");
        let verdict = of(&status, Layer::Mounts);
        assert!(
            matches!(verdict, Verdict::Looser { witness: text } if text.contains(witness)),
            "{extra}: {verdict}"
        );
    }
}

#[test]
fn a_process_that_is_gone_is_an_error() {
    // Above the highest number there can be: PID_MAX_LIMIT, linux/threads.h.
    let error = verify(&plan(Path::new("/")), 1 << 22, &Options::default()).expect_err("gone");
    assert!(matches!(error, VerifyError::Observe(ObserveError::Vanished { .. })), "{error}");
}

#[test]
fn only_a_sealed_plan_outside_the_container_is_declared() {
    let plan = plan(Path::new("/"));
    let text = serde_json::to_vec(&plan).expect("json");
    let mut child = Command::new("sleep").arg("1000").spawn().expect("sleep");
    // No launcher among our ancestors holds one of this content.
    assert!(declared(child.id()).expect("declared").is_none_or(|found| found.plan != plan));
    let held = crate::sys::seals::test_file(c"stockade-plan", &text, false);
    assert!(declared(child.id()).expect("declared").is_none_or(|found| found.plan != plan), "not sealed");
    drop(held);
    let held = crate::sys::seals::test_file(c"stockade-plan", &text, true);
    let found = declared(child.id()).expect("declared").expect("a plan");
    assert_eq!((found.launcher, found.plan), (std::process::id(), plan));
    drop(held);
    let held = crate::sys::seals::test_file(c"stockade-plan", b"{}", true);
    assert!(
        matches!(declared(child.id()), Err(VerifyError::Declared { pid, .. }) if pid == std::process::id())
    );
    drop(held);
    child.kill().expect("kill");
    child.wait().expect("wait");
}
