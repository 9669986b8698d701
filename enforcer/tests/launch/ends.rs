//! How launches begin, end and are cut short.

use crate::confinement::eventually;
use crate::fixture::*;
use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;
use stockade_policy::plan::{Cgroup, CgroupHierarchy, Disk, Gap, MountKind};
use stockade_policy::policy::Section;

/// The container convention.
pub(crate) fn exit_codes() {
    let root = Root::new();
    std::fs::write(root.path().join("srv/plain"), "no program").unwrap();
    let plan = root.strict();
    let cases: [(&[&str], i32); 9] = [
        (&["true"], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["nothing-of-that-name"], 127),
        (&["/bin/nothing"], 127),
        (&["/bin"], 126),
        (&["/srv/plain"], 126),
        (&["/bin/sh/below"], 127),
    ];
    for (command, code) in cases {
        let output = root.run(&plan, command);
        assert_eq!(output.status.code(), Some(code), "{command:?} {}", texts(&output).1);
    }
}

/// Plans that are refused before anything runs.
pub(crate) fn refusals() {
    let root = Root::new();
    let mut gap = root.strict();
    gap.gaps = vec![Gap {
        section: Section::Files,
        right: "landlock: truncate".to_owned(),
        why: "the kernel is too old".to_owned(),
        remedy: "boot 6.2 or newer".to_owned(),
        optional: false,
        origins: Default::default(),
    }];
    let mut disk = root.strict();
    disk.disk = Some(Disk { size: Some(1), files: None });
    let mut split = root.strict();
    split.identity.user_namespace = None;
    let mut unknown = root.strict();
    unknown.mounts.root = "/nowhere/at/all".to_owned();
    for (plan, code, word) in [
        (&gap, 3, "boot 6.2"),
        (&disk, 3, "disk"),
        (&split, 2, "id maps"),
        (&unknown, 125, "/nowhere/at/all"),
    ] {
        let output = root.run(plan, &["echo", "ran"]);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(word), "{errors}");
        assert_eq!(text, "");
    }
    gap.gaps[0].optional = true;
    assert_eq!(root.run(&gap, &["true"]).status.code(), Some(0));
}

/// Signals to the launcher reach the program, and orphans are reaped.
pub(crate) fn signals_and_orphans() {
    let root = Root::new();
    let script = "trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; (sleep 0 & ); echo ready; while :; do sleep 0.05; done";
    let mut running = root.launcher(&root.as_root(), &["sh", "-c", script]).start();
    let mut output = running.launcher.stdout.take().unwrap();
    let mut text = String::new();
    let mut until = |output: &mut std::process::ChildStdout, word: &str| {
        while !text.contains(word) {
            let mut byte = [0; 1];
            assert_eq!(output.read(&mut byte).unwrap(), 1, "{text}");
            text.push(char::from(byte[0]));
        }
    };
    until(&mut output, "ready");
    running.signal("USR1");
    until(&mut output, "usr1");
    let init = running.init();
    let zombies = || {
        let children =
            std::fs::read_to_string(format!("/proc/{init}/task/{init}/children")).unwrap_or_default();
        children
            .split_whitespace()
            // One that is reaped meanwhile is none.
            .filter(|pid| {
                std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
            })
            .count()
    };
    assert!(eventually(|| zombies() == 0));
    running.signal("TERM");
    until(&mut output, "term");
    assert_eq!(running.end().0, Some(5));
}

/// Streams are passed on as they are, and end when the program closes them.
pub(crate) fn streams() {
    let root = Root::new();
    let (mut command, _request) = root.launcher(&root.strict(), &["sh", "-c", "cat; echo end >&2"]).command();
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"through").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(texts(&output), ("through".to_owned(), "end\n".to_owned()));
}

/// Only descriptors that were asked for arrive, and neither launcher nor init holds them open.
pub(crate) fn descriptors_asked_for() {
    let root = Root::new();
    let fifo = root.beside("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut launcher = root
        .launcher(&root.strict(), &["sh", "-c", "echo passed >&9; exec 9>&-; ls /proc/self/fd; sleep 100"]);
    launcher.request.pass_fds = vec![9];
    // Two descriptors without close-on-exec: one is asked for.
    let shell = format!("exec 9>{} 8</etc/passwd; exec \"$@\"", fifo.display());
    launcher.prefix = ["sh", "-c", &shell, "sh"].map(str::to_owned).to_vec();
    let reader = std::thread::spawn(move || std::fs::read_to_string(fifo).unwrap());
    let mut running = launcher.start();
    assert_eq!(reader.join().unwrap(), "passed\n");
    let mut listed = [0; 8];
    running.launcher.stdout.take().unwrap().read_exact(&mut listed).unwrap();
    assert_eq!(&listed, b"0\n1\n2\n3\n", "3 is the listing itself");
    running.signal("KILL");
    running.end();
    // A number that is not open is refused: it could become one of the launcher's own.
    let mut launcher = root.launcher(&root.strict(), &["true"]);
    launcher.request.pass_fds = vec![77];
    assert_eq!(launcher.output().status.code(), Some(2));
}

/// The stages, for machines.
pub(crate) fn stages() {
    let root = Root::new();
    let stages = |command: &[&str]| -> Vec<serde_json::Value> {
        let mut launcher = root.launcher(&root.strict(), command);
        launcher.request.status_fd = Some(1);
        let (text, _) = texts(&launcher.output());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let good = stages(&["sh", "-c", "exit 3"]);
    assert_eq!(good[0]["stage"], "exec");
    assert_eq!((&good[1]["stage"], &good[1]["code"]), (&"exit".into(), &3.into()));
    let bad = stages(&["nothing"]);
    assert_eq!(bad.len(), 1);
    assert_eq!(
        (&bad[0]["stage"], &bad[0]["exit"], &bad[0]["errno"]),
        (&"failed".into(), &127.into(), &2.into())
    );
}

/// At the exec everything is in place already, and a refusal there means that nothing has run.
pub(crate) fn at_exec() {
    let root = Root::new();
    for unprivileged in [false, true] {
        let launcher = |what: &str, command: &[&str]| {
            let mut launcher = root.launcher(&root.strict(), command);
            launcher.request.at_exec = Some(what.to_owned());
            if unprivileged { launcher.unprivileged() } else { launcher }
        };
        let output = launcher("print", &["sh", "-c", "sleep 0; echo ran; exit 4"]).output();
        let (text, errors) = texts(&output);
        assert_eq!((text.as_str(), output.status.code()), ("ran\n", Some(4)), "{errors}");
        let status: String = errors
            .lines()
            .filter_map(|line| line.strip_prefix("at_exec "))
            .fold(String::new(), |all, line| all + line + "\n");
        assert_eq!(status_line(&status, "CapBnd"), "0000000000000000");
        assert_eq!(status_line(&status, "Seccomp"), "2");
        assert_eq!(status_line(&status, "NoNewPrivs"), "1");
        let output = launcher("refuse", &["echo", "ran"]).output();
        assert_eq!((texts(&output).0.as_str(), output.status.code()), ("", Some(125)));
        let output = launcher("print", &["nothing"]).output();
        assert_eq!(output.status.code(), Some(127));
    }
}

/// What verification reads at the exec is what was planned, for every plan of these tests.
pub(crate) fn verified_at_exec() {
    let root = Root::new();
    let mut without_users = root.strict();
    without_users.identity.user_namespace = None;
    without_users.namespaces.private.remove(&stockade_policy::policy::NamespaceKind::User);
    let mut files = root.strict();
    files.mounts.entries = vec![
        entry("/secret", MountKind::Hide),
        entry("/etc/passwd", MountKind::Hide),
        entry("/srv/data", MountKind::Writable { exec: false }),
        entry("/srv/data/inner", MountKind::ReadOnly { exec: false }),
    ];
    for (plan, unprivileged) in [
        (root.strict(), false),
        (root.strict(), true),
        (root.as_root(), false),
        (without_users, false),
        (files, false),
    ] {
        let mut launcher = root.launcher(&plan, &["true"]);
        launcher.request.at_exec = Some("verify".to_owned());
        let output = if unprivileged { launcher.unprivileged() } else { launcher }.output();
        assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
    }
}

/// A cgroup of its own, from before its first instruction, and gone with it: in a legacy hierarchy, which it
/// is moved to, and in the unified one, which it is cloned into.
pub(crate) fn a_cgroup() {
    // The unified hierarchy of a hybrid host has no controllers; this file belongs to every cgroup there.
    let hierarchies = [
        ("/sys/fs/cgroup/pids", false, ":pids:", "pids.max"),
        ("/sys/fs/cgroup/unified", true, "0::", "cgroup.max.descendants"),
        ("/sys/fs/cgroup", true, "0::", "cgroup.max.descendants"),
    ];
    let mut tried = 0;
    for (parent, unified, mark, file) in hierarchies {
        let parent_path = std::path::Path::new(parent);
        let is_unified = parent_path.join("cgroup.controllers").exists();
        if is_unified != unified || !parent_path.join("cgroup.procs").exists() {
            continue;
        }
        tried += 1;
        let root = Root::new();
        let mut plan = root.strict();
        plan.cgroup = Some(Cgroup {
            hierarchies: vec![CgroupHierarchy {
                parent: parent.to_owned(),
                unified,
                values: vec![(file.to_owned(), "7".to_owned())],
            }],
        });
        let running = root.launcher(&plan, &["sleep", "100"]).start();
        let line = running.proc("cgroup").lines().find(|line| line.contains(mark)).unwrap().to_owned();
        let directory = std::path::PathBuf::from(format!("{parent}{}", line.rsplit(':').next().unwrap()));
        assert_ne!(directory, parent_path, "{parent}");
        assert_eq!(std::fs::read_to_string(directory.join(file)).unwrap(), "7\n", "{parent}");
        // Its cgroup namespace begins there.
        let inside = std::fs::read_to_string(format!("/proc/{}/mountinfo", running.target)).unwrap();
        assert!(!inside.contains("cgroup"), "{parent}");
        running.signal("TERM");
        assert_eq!(running.end().0, Some(143), "{parent}");
        assert!(!directory.exists(), "{parent}");
    }
    assert!(tried > 0, "no hierarchy of cgroups");
}

/// A terminal of its own.
pub(crate) fn terminal() {
    let root = Root::new();
    let mut plan = root.strict();
    plan.landlock = None;
    let mut launcher = root.launcher(
        &plan,
        &["sh", "-c", "test -t 0 && test -t 1 && test -t 2 && echo terminal; echo typed | cat; exit 6"],
    );
    launcher.request.tty = true;
    let output = launcher.output();
    let (text, errors) = texts(&output);
    assert_eq!(output.status.code(), Some(6), "{text}{errors}");
    assert!(text.contains("terminal\r\n"), "{text:?}");
    // Its terminal is the one that it controls: a control-C typed there reaches the program alone.
    // What is ignored when a shell begins it cannot trap. proc_pid_status(5), `SigIgn`.
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
    if u64::from_str_radix(ignored, 16).unwrap() & 1 << (libc::SIGINT - 1) != 0 {
        return println!("SKIP launch-interrupt: whoever started the tests ignores SIGINT");
    }
    let mut launcher = root.launcher(
        &plan,
        &["sh", "-c", "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.05; done"],
    );
    launcher.request.tty = true;
    let mut running = launcher.start();
    let mut output = running.launcher.stdout.take().unwrap();
    let mut ready = [0; 7];
    output.read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"ready\r\n");
    let mut input = running.launcher.stdin.take().unwrap();
    input.write_all(&[3]).unwrap();
    let (code, _) = running.end();
    drop(input);
    assert_eq!(code, Some(9));
}

/// Whatever is killed, and whenever: nothing runs on.
pub(crate) fn killed_at_any_time() {
    let root = Root::new();
    let marker = format!("4{:06}", std::process::id());
    let alive = || {
        let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
            .filter(|line| line.split(|byte| *byte == 0).any(|argument| argument == marker.as_bytes()))
            .count()
    };
    let plan = root.strict();
    for round in 0..60u64 {
        let (mut command, _request) = root.launcher(&plan, &["sleep", &marker]).command();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(round * 331 % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(eventually(|| alive() == 0), "{} left", alive());
    // The first process killed: everything inside goes with it, and the launcher says so.
    let running = root.launcher(&plan, &["sleep", &marker]).start();
    signal(running.init(), "KILL");
    assert_eq!(running.end().0, Some(137));
    assert!(eventually(|| alive() == 0));
}
