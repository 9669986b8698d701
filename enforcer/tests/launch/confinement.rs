//! What the target has been given, as the kernel shows it to the host.

use crate::fixture::*;
use std::collections::BTreeMap;
use stockade_policy::plan::{Capabilities, MountKind};
use stockade_policy::policy::{Device, NamespaceKind, ProcView, Rlimit};
use stockade_policy::vocab::{Cap, CapSet};

const NAMESPACES: [&str; 7] = ["user", "mnt", "pid", "ipc", "uts", "cgroup", "net"];

fn assert_nothing_kept(status: &str) {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_line(status, set), "0000000000000000", "{set}");
    }
    assert_eq!(status_line(status, "NoNewPrivs"), "1");
    assert_eq!(status_line(status, "Seccomp"), "2");
    assert_eq!(status_line(status, "Seccomp_filters"), "1");
}

fn namespace(pid: u32, name: &str) -> std::path::PathBuf {
    std::fs::read_link(format!("/proc/{pid}/ns/{name}")).unwrap()
}

/// The strict plan, as the kernel tells the host about target and init.
pub(crate) fn as_planned() {
    let root = Root::new();
    look_at_strict(root.launcher(&root.strict(), &["sleep", "100"]));
}

/// The same for an ordinary user.
pub(crate) fn as_planned_without_root() {
    let root = Root::new();
    look_at_strict(root.launcher(&root.strict(), &["sleep", "100"]).unprivileged());
}

fn look_at_strict(launcher: Launcher) {
    let mut running = launcher.start();
    let status = running.proc("status");
    assert_nothing_kept(&status);
    assert_eq!(status_line(&status, "Uid"), "1000\t1000\t1000\t1000");
    assert_eq!(status_line(&status, "Gid"), "1000\t1000\t1000\t1000");
    assert_eq!(status_line(&status, "NSpid").split_whitespace().count(), 2);
    assert_eq!(status_line(&status, "SigBlk"), "0000000000000000");
    let ignored = u64::from_str_radix(&status_line(&status, "SigIgn"), 16).unwrap();
    assert_eq!(ignored & (1 << 12 | 1 << 16), 0, "SIGPIPE and SIGCHLD have their default disposition");
    let own = std::process::id();
    for name in NAMESPACES {
        assert_ne!(namespace(running.target, name), namespace(own, name), "{name}");
    }
    let mounts = running.proc("mountinfo");
    assert_eq!(mounts.lines().count(), 10, "{mounts}");
    for line in mounts.lines() {
        let fields: Vec<&str> = line.split(' ').collect();
        let (at, options) = (fields[4], fields[5]);
        assert!(!line.contains("shared:") && !line.contains("master:"), "{line}");
        let wanted: &[&str] = match at {
            "/" => &["ro", "nosuid", "nodev"],
            "/dev" => &["ro", "nosuid", "nodev", "noexec"],
            "/proc" | "/tmp" => &["rw", "nosuid", "nodev", "noexec"],
            node => {
                assert!(node.starts_with("/dev/"), "{line}");
                &[]
            }
        };
        assert!(wanted.iter().all(|option| options.split(',').any(|is| is == *option)), "{line}");
    }
    assert!(mounts.contains("hidepid=ptraceable,subset=pid"));
    assert_eq!(running.proc("environ"), "PATH=/usr/bin:/bin:/usr/sbin:/sbin\0");
    assert_eq!(descriptors(running.target), [0, 1, 2]);
    assert_eq!(running.proc("cmdline"), "sleep\x00100\0");
    assert_eq!(std::fs::read_link(format!("/proc/{}/cwd", running.target)).unwrap().to_str(), Some("/"));
    let limits = running.proc("limits");
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
    // It leads a session of its own: fields 6 and 7 of stat.
    let stat = running.proc("stat");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    assert_eq!(fields[3], running.target.to_string());
    assert_eq!(fields[4], "0", "no terminal");

    let init = running.init();
    assert_nothing_kept_by_init(init, running.target);
    drop(running.launcher.stdin.take());
    running.signal("TERM");
    assert_eq!(running.end().0, Some(143));
}

/// The init wears the layers of the target, a filter of its own, and holds two descriptors.
fn assert_nothing_kept_by_init(init: u32, target: u32) {
    // The target runs before the init has laid everything down; wait for its filter, the last of that.
    let filtered = || status_line(&proc_of(init, "status"), "Seccomp") == "2";
    assert!(eventually(filtered), "the init has no filter");
    assert_nothing_kept(&proc_of(init, "status"));
    assert_eq!(descriptors(init).len(), 2);
    let executable = std::fs::read_link(format!("/proc/{init}/exe")).unwrap();
    assert_eq!(executable.to_str(), Some("/memfd:stockade-init (deleted)"));
    assert_eq!(namespace(init, "pid"), namespace(target, "pid"));
    // Not dumpable: its files in /proc belong to root, where the target's belong to the target.
    use std::os::unix::fs::MetadataExt;
    assert_eq!(std::fs::metadata(format!("/proc/{init}/environ")).unwrap().uid(), 0);
    assert_eq!(std::fs::metadata(format!("/proc/{target}/environ")).unwrap().uid(), 1000);
}

/// Polls; only a hang takes a minute.
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    (0..6000).any(|_| {
        condition() || {
            std::thread::sleep(std::time::Duration::from_millis(10));
            false
        }
    })
}

/// Capabilities that are kept arrive at a user that is not root, and no other.
pub(crate) fn kept_capabilities() {
    let root = Root::new();
    let mut plan = root.strict();
    let kept = CapSet::EMPTY.with("net_bind_service".parse::<Cap>().unwrap());
    plan.capabilities =
        Capabilities { bounding: kept, permitted: kept, effective: kept, inheritable: kept, ambient: kept };
    // NOROOT, NO_SETUID_FIXUP and NO_CAP_AMBIENT_RAISE with their locks.
    plan.process.securebits = 0xcf;
    let text = root.shell(&plan, "cat /proc/self/status");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status_line(&text, set), "0000000000000400", "{set}");
    }
}

/// Without no_new_privs the filter is installed while CAP_SYS_ADMIN is lent, and that is gone at the exec.
pub(crate) fn without_no_new_privileges() {
    let root = Root::new();
    for mut plan in [root.strict(), root.as_root()] {
        plan.process.no_new_privileges = false;
        plan.landlock = None;
        let text = root.shell(&plan, "cat /proc/self/status");
        assert_eq!(status_line(&text, "NoNewPrivs"), "0");
        assert_eq!(status_line(&text, "Seccomp"), "2");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(status_line(&text, set), "0000000000000000", "{set}");
        }
    }
}

/// The filter that was planned is the one that answers.
pub(crate) fn the_filter_answers() {
    let root = Root::new();
    let mut plan = root.strict();
    // mkdir and mkdirat of x86_64, mkdirat of aarch64.
    plan.seccomp = Some(filter(if cfg!(target_arch = "x86_64") { &[83, 258] } else { &[34] }));
    let text = root.shell(&plan, "mkdir /tmp/x 2>&1; touch /tmp/y && echo touched");
    assert_eq!(text, "mkdir: can't create directory '/tmp/x': Operation not permitted\ntouched\n");
}

/// Root in a namespace of its own, with nothing but its number.
pub(crate) fn root_inside() {
    let root = Root::new();
    let mut plan = root.as_root();
    plan.identity.groups = vec![4, 5];
    let text = root.shell(
        &plan,
        "cat /proc/self/status; id -G; umount /proc 2>&1; mount -o remount,rw / 2>&1; touch /x 2>&1; true",
    );
    assert_nothing_kept(&text);
    assert!(text.contains("0 4 5"), "{text}");
    assert!(text.contains("can't unmount"), "{text}");
    assert!(text.contains("touch: /x: Read-only file system"), "{text}");
    assert!(!root.path().join("x").exists());
}

/// Without a user namespace: the host's root becomes the user for good.
pub(crate) fn without_user_namespace() {
    let root = Root::new();
    let mut plan = root.strict();
    plan.identity.user_namespace = None;
    plan.namespaces.private.remove(&NamespaceKind::User);
    plan.identity.groups = vec![USER, 7];
    let text = root.shell(&plan, "cat /proc/self/status; id -u; id -G; touch /tmp/mine && ls -ln /tmp");
    assert_nothing_kept(&text);
    assert!(text.contains("1000 7"), "{text}");
    assert!(text.contains("1000     1000"), "{text}");
}

/// Hidden, writable, read-only again and bound paths.
pub(crate) fn files() {
    let root = Root::new();
    std::fs::create_dir(root.beside("site")).unwrap();
    std::fs::write(root.beside("site/page"), "page").unwrap();
    let from = root.beside("site").to_str().unwrap().to_owned();
    for mut plan in [root.strict(), root.as_root()] {
        plan.landlock = None;
        plan.mounts.entries = vec![
            entry("/secret", MountKind::Hide),
            entry("/etc/passwd", MountKind::Hide),
            entry("/not/there", MountKind::Hide),
            entry("/srv/data", MountKind::Writable { exec: false }),
            entry("/srv/data/inner", MountKind::ReadOnly { exec: false }),
            entry(
                "/home",
                MountKind::Bind { from: from.clone(), write: false, exec: false, suid: false, dev: false },
            ),
        ];
        let text = root.shell(
            &plan,
            "ls /secret 2>&1; cat /secret/key 2>&1; cat /etc/passwd 2>&1; touch /secret/x /etc/passwd 2>&1; \
             touch /srv/data/new 2>&1 && echo written; touch /srv/data/inner/new 2>&1; cat /srv/data/inner/file /home/page; \
             touch /home/new 2>&1; touch /srv/new 2>&1; cat /proc/self/mountinfo",
        );
        assert!(!text.contains("hidden text") && !text.contains("root:x"), "{text}");
        assert!(
            text.contains("/secret/key: No such file") || text.contains("'/secret/key': Permission denied"),
            "{text}"
        );
        assert!(text.contains("cat: can't open '/etc/passwd': Permission denied"), "{text}");
        assert!(text.contains("written"), "{text}");
        assert!(text.contains("/srv/data/inner/new: Read-only"), "{text}");
        assert!(text.contains("innerpage"), "{text}");
        assert!(text.contains("/home/new: Read-only") && text.contains("/srv/new: Read-only"), "{text}");
        let options = |at: &str| {
            let line = text
                .lines()
                .find(|line| line.split(' ').nth(4) == Some(at))
                .unwrap_or_else(|| panic!("{at}\n{text}"));
            line.split(' ').nth(5).unwrap().to_owned()
        };
        assert!(options("/srv/data").starts_with("rw,nosuid,nodev,noexec"), "{}", options("/srv/data"));
        assert!(options("/srv/data/inner").starts_with("ro,nosuid,nodev,noexec"));
        assert!(options("/secret").starts_with("ro,nosuid,nodev,noexec"));
        assert!(options("/home").starts_with("ro,nosuid,nodev,noexec"));
        let mut places: Vec<&str> = text
            .lines()
            .filter(|line| line.contains(" - "))
            .filter_map(|line| line.split(' ').nth(4))
            .collect();
        places.retain(|place| !place.starts_with("/dev/"));
        places.sort_unstable();
        let expected =
            ["/", "/dev", "/etc/passwd", "/home", "/proc", "/secret", "/srv/data", "/srv/data/inner", "/tmp"];
        assert_eq!(places, expected);
        assert!(root.path().join("srv/data/new").exists());
        std::fs::remove_file(root.path().join("srv/data/new")).unwrap();
    }
}

/// Each view of /proc, and paths of it that are hidden or read-only.
pub(crate) fn views_of_proc() {
    let root = Root::new();
    let mut plan = root.as_root();
    let mut look = |view, script: &str| {
        plan.mounts.proc = view;
        root.shell(&plan, script)
    };
    assert!(look(ProcView::Hidden, "cat /proc/self/mountinfo").contains("rw,hidepid=ptraceable\n"));
    assert!(look(ProcView::Full, "ls /proc").contains("cmdline"));
    assert_eq!(look(ProcView::None, "ls /proc | wc -l"), "0\n");
    plan.mounts.proc = ProcView::Full;
    plan.mounts.entries = vec![
        entry("/proc/cmdline", MountKind::Hide),
        entry("/proc/sys", MountKind::ReadOnly { exec: false }),
    ];
    let text = root.shell(&plan, "cat /proc/cmdline 2>&1; cat /proc/self/mountinfo");
    assert!(text.contains("Permission denied"), "{text}");
    assert!(text.contains(" /sys /proc/sys ro,"), "{text}");
}

/// Terminals and shared memory of its own.
pub(crate) fn devices() {
    let root = Root::new();
    let mut plan = root.strict();
    let devices = plan.mounts.devices.as_mut().unwrap();
    devices.extend([Device::Pts, Device::Shm]);
    plan.landlock = None;
    let text = root.shell(
        &plan,
        "ls /dev/pts; readlink /dev/ptmx; touch /dev/shm/x && echo shared; touch /dev/x 2>&1; echo gone >/dev/null; \
         head -c 4 /dev/zero | wc -c; cat /proc/self/mountinfo",
    );
    assert!(text.starts_with("ptmx\npts/ptmx\nshared\ntouch: /dev/x: Read-only file system\n4\n"), "{text}");
    assert!(text.contains("/dev/pts rw,nosuid,noexec"), "{text}");
    assert!(text.contains("/dev/shm rw,nosuid,nodev,noexec"), "{text}");
}

/// umask, working directory, host name, sysctls, limits, environment.
pub(crate) fn attributes() {
    let root = Root::new();
    let mut plan = root.strict();
    plan.process.umask = 0o077;
    plan.process.workdir = Some("/srv/data".to_owned());
    plan.process.hostname = Some("inside".to_owned());
    plan.process.limits = BTreeMap::from([(Rlimit::OpenFiles, 64), (Rlimit::Core, 0)]);
    let sysctls = [
        ("net.ipv4.ip_unprivileged_port_start", "81"),
        ("kernel.sem", "1 2 3 4"),
        ("kernel.domainname", "example.org"),
        ("user.max_pid_namespaces", "5"),
    ];
    plan.process.sysctls = sysctls.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    plan.mounts.proc = ProcView::Full;
    let before = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    let text = root.shell(
        &plan,
        "umask; pwd; hostname; ulimit -n; ulimit -Hn; cd /proc/sys; cat net/ipv4/ip_unprivileged_port_start kernel/sem kernel/domainname user/max_pid_namespaces; env | grep -c SECRET; true",
    );
    assert_eq!(text, "0077\n/srv/data\ninside\n64\n64\n81\n1\t2\t3\t4\nexample.org\n5\n0\n");
    assert_eq!(std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap(), before);
    // One that is the host's is refused.
    plan.process.sysctls = BTreeMap::from([("vm.overcommit_memory".to_owned(), "1".to_owned())]);
    assert_eq!(root.run(&plan, &["true"]).status.code(), Some(2));
}

/// Landlock denies what the mounts would let pass.
pub(crate) fn landlock() {
    let root = Root::new();
    let mut plan = root.strict();
    if let Some(landlock) = &mut plan.landlock {
        landlock.rules = vec![
            rule("/bin", READ | READ_DIR | EXECUTE),
            rule("/etc/passwd", READ | READ_DIR | EXECUTE),
            rule("/not/there", READ),
            rule("/dev", READ | WRITE),
        ];
    }
    let text =
        root.shell(&plan, "cat /etc/passwd; cat /secret/key 2>&1; ls /srv 2>&1; touch /tmp/x 2>&1; true");
    assert!(text.contains("root:x"), "{text}");
    assert!(text.contains("'/secret/key': Permission denied"), "{text}");
    assert!(text.contains("/srv: Permission denied") || text.contains("'/srv': Permission denied"), "{text}");
    assert!(text.contains("/tmp/x: Permission denied"), "{text}");
}

/// A plan over the host's own tree.
pub(crate) fn the_hosts_tree() {
    let root = Root::new();
    let mut plan = root.strict();
    plan.mounts.root = "/".to_owned();
    for unprivileged in [false, true] {
        let launcher = root.launcher(
            &plan,
            &["/bin/busybox", "sh", "-c", "cat /proc/self/mountinfo; ls /proc; touch /tmp/mine"],
        );
        let output = if unprivileged { launcher.unprivileged() } else { launcher }.output();
        let (text, errors) = texts(&output);
        assert!(output.status.success(), "{errors}");
        for line in text.lines().filter(|line| line.contains(" - ")) {
            let (at, options) = (line.split(' ').nth(4).unwrap(), line.split(' ').nth(5).unwrap());
            // What is not the launcher's own is read-only, every file system of it. The host's /proc and /dev are covered.
            assert!(
                options.starts_with("ro,")
                    || at.starts_with("/proc")
                    || at.starts_with("/dev")
                    || at == "/tmp",
                "{line}"
            );
        }
        assert!(!text.lines().any(|line| line == "cmdline"), "the host's /proc shows through");
        assert!(!std::path::Path::new("/tmp/mine").exists());
    }
}

/// A network namespace that somebody else made.
pub(crate) fn a_joined_network() {
    let root = Root::new();
    let other = root.launcher(&root.strict(), &["sleep", "100"]).start();
    let mut plan = root.strict();
    plan.namespaces.private.remove(&NamespaceKind::Network);
    plan.namespaces.network_path = Some(format!("/proc/{}/ns/net", other.target));
    let running = root.launcher(&plan, &["sleep", "100"]).start();
    assert_eq!(namespace(running.target, "net"), namespace(other.target, "net"));
    assert_eq!(namespace(running.launcher.id(), "net"), namespace(std::process::id(), "net"));
    for launch in [running, other] {
        launch.signal("TERM");
        assert_eq!(launch.end().0, Some(143));
    }
}
