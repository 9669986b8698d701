//! A root with busybox in it, plans, and launchers to run them.

use crate::launcher::{Request, VARIABLE};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use stockade_policy::plan::*;
use stockade_policy::policy::{Device, NamespaceKind, ProcView, Rlimit};
use stockade_policy::vocab::{Arch, CapSet};

/// A static busybox: `busybox-static` of Debian.
const BUSYBOX: [&str; 2] = ["/bin/busybox", "/usr/bin/busybox"];
/// An ordinary user, in number alone.
pub(crate) const USER: u32 = 1000;

/// Why no launch can be tried here.
pub(crate) fn possible() -> Result<(), String> {
    if std::fs::metadata("/proc/self/fd/0").is_err() {
        return Err("there is no /proc".to_owned());
    }
    if !std::process::Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n") {
        return Err("not root".to_owned());
    }
    BUSYBOX
        .iter()
        .any(|path| Path::new(path).exists())
        .then_some(())
        .ok_or_else(|| "no static busybox".to_owned())
}

/// A root directory.
pub(crate) struct Root {
    scratch: tempfile::TempDir,
}

impl Root {
    pub(crate) fn new() -> Root {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        // Everyone may walk in, as into any image.
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for directory in
            ["bin", "proc", "dev", "tmp", "etc", "srv", "srv/data", "srv/data/inner", "secret", "home"]
        {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        let busybox = BUSYBOX.iter().find(|path| Path::new(path).exists()).unwrap();
        std::fs::copy(busybox, root.join("bin/busybox")).unwrap();
        for name in [
            "sh", "true", "cat", "id", "ls", "env", "sleep", "kill", "readlink", "stat", "touch", "grep",
            "hostname", "ps", "tty", "echo", "mkdir", "pwd", "head", "wc", "dd", "ip", "umount", "mount",
            "stty", "test", "od",
        ] {
            symlink("busybox", root.join("bin").join(name)).unwrap();
        }
        std::fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
            .unwrap();
        std::fs::write(root.join("secret/key"), "hidden text").unwrap();
        std::fs::write(root.join("srv/data/file"), "text").unwrap();
        std::fs::write(root.join("srv/data/inner/file"), "inner").unwrap();
        for path in ["srv/data", "srv/data/inner", "srv/data/file", "srv/data/inner/file"] {
            chown(root.join(path), Some(USER), Some(USER)).unwrap();
            std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(0o777)).unwrap();
        }
        Root { scratch }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.scratch.path().join("root")
    }

    /// Beside the root, on the host.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A program for `#!` and the like.
    pub(crate) fn script(&self, at: &str, text: &str) {
        let path = self.path().join(at);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A plan like that of the strict built-in profile: every namespace private, nothing kept.
    pub(crate) fn strict(&self) -> Plan {
        let one = |id| vec![IdMap { inside: id, outside: id, count: 1 }];
        Plan {
            profile: "strict".to_owned(),
            floors: String::new(),
            arch: if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 },
            identity: Identity {
                uid: USER,
                gid: USER,
                groups: Vec::new(),
                user_namespace: Some(IdMaps { uids: one(USER), gids: one(USER), deny_setgroups: true }),
            },
            namespaces: Namespaces { private: BTreeSet::from(NamespaceKind::ALL), network_path: None },
            mounts: Mounts {
                root: self.path().to_str().unwrap().to_owned(),
                read_only: true,
                proc: ProcView::Minimal,
                devices: Some(
                    ["null", "zero", "full", "random", "urandom", "tty"]
                        .map(|name| Device::Node(name.to_owned()))
                        .into_iter()
                        .collect(),
                ),
                tmp: Some(1 << 20),
                entries: Vec::new(),
            },
            process: Process {
                no_new_privileges: true,
                write_xor_execute: true,
                environment: Some(["PATH", "LANG"].map(str::to_owned).into_iter().collect()),
                securebits: 0,
                umask: 0o022,
                limits: BTreeMap::from([(Rlimit::Core, 0)]),
                workdir: None,
                hostname: None,
                sysctls: BTreeMap::new(),
            },
            capabilities: Capabilities {
                bounding: CapSet::EMPTY,
                permitted: CapSet::EMPTY,
                effective: CapSet::EMPTY,
                inheritable: CapSet::EMPTY,
                ambient: CapSet::EMPTY,
            },
            landlock: Some(Landlock {
                abi: 7,
                handled_fs: (1 << 16) - 1,
                scoped: 3,
                rules: vec![
                    rule("/", READ | READ_DIR | EXECUTE),
                    rule("/dev", WRITE | READ),
                    rule("/tmp", (1 << 16) - 1),
                ],
            }),
            seccomp: Some(filter(&[])),
            cgroup: None,
            disk: None,
            traffic: None,
            lsm: None,
            gaps: Vec::new(),
        }
    }

    /// The same as root inside its own user namespace, without Landlock.
    pub(crate) fn as_root(&self) -> Plan {
        let mut plan = self.strict();
        let all = |outside| vec![IdMap { inside: 0, outside, count: 65536 }];
        plan.identity = Identity {
            uid: 0,
            gid: 0,
            groups: Vec::new(),
            user_namespace: Some(IdMaps { uids: all(0), gids: all(0), deny_setgroups: false }),
        };
        plan.landlock = None;
        plan
    }

    /// A launcher for this plan.
    pub(crate) fn launcher(&self, plan: &Plan, command: &[&str]) -> Launcher {
        let request = Request {
            plan: plan.clone(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            pass_fds: Vec::new(),
            tty: false,
            status_fd: None,
            at_exec: None,
        };
        Launcher { request, prefix: Vec::new() }
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, plan: &Plan, command: &[&str]) -> Output {
        self.launcher(plan, command).output()
    }

    /// Runs a shell script inside; what it says, once it has ended well.
    pub(crate) fn shell(&self, plan: &Plan, script: &str) -> String {
        let output = self.run(plan, &["sh", "-c", script]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

/// A launcher to be started.
pub(crate) struct Launcher {
    pub(crate) request: Request,
    /// A program that the launcher is started by.
    pub(crate) prefix: Vec<String>,
}

impl Launcher {
    /// As an ordinary user.
    pub(crate) fn unprivileged(mut self) -> Launcher {
        self.prefix =
            ["setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"].map(str::to_owned).to_vec();
        self
    }

    /// The process to be started, and the file with its request.
    pub(crate) fn command(&self) -> (Command, tempfile::NamedTempFile) {
        let file =
            tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o644)).tempfile().unwrap();
        serde_json::to_writer(&file, &self.request).unwrap();
        let own = std::env::current_exe().unwrap();
        let mut command = match self.prefix.split_first() {
            None => Command::new(own),
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(own);
                command
            }
        };
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("SECRET", "of the caller");
        command.env(VARIABLE, file.path()).stdin(Stdio::null());
        (command, file)
    }

    pub(crate) fn output(&self) -> Output {
        let (mut command, _file) = self.command();
        command.output().unwrap()
    }
}

pub(crate) const EXECUTE: u64 = 1;
pub(crate) const WRITE: u64 = 1 << 1;
pub(crate) const READ: u64 = 1 << 2;
pub(crate) const READ_DIR: u64 = 1 << 3;

pub(crate) fn rule(path: &str, access: u64) -> LandlockRule {
    let rights = stockade_policy::lattice::files::Rights::READ;
    LandlockRule { path: path.to_owned(), access, rights, origins: Default::default() }
}

pub(crate) fn entry(at: &str, what: MountKind) -> MountEntry {
    MountEntry { at: at.to_owned(), what, origins: Default::default() }
}

/// A filter that answers EPERM to the calls given by number, and allows the others.
pub(crate) fn filter(denied: &[u32]) -> Seccomp {
    const LOAD: u16 = 0x20;
    const EQUALS: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let mut program = vec![Instruction(LOAD, 0, 0, 0)];
    for number in denied {
        program.push(Instruction(EQUALS, 0, 1, *number));
        program.push(Instruction(RETURN, 0, 0, 0x0005_0001));
    }
    program.push(Instruction(RETURN, 0, 0, 0x7fff_0000));
    Seccomp { flags: 0, program }
}

/// The text of both streams.
pub(crate) fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A line of /proc/PID/status.
pub(crate) fn status_line(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in\n{status}")).trim().to_owned()
}

/// A launch that runs, with the target's process id on the host.
pub(crate) struct Running {
    pub(crate) launcher: Child,
    pub(crate) target: u32,
    status: BufReader<ChildStderr>,
    _request: tempfile::NamedTempFile,
}

impl Launcher {
    /// Starts it and waits until the target has executed. The stages come through standard error.
    pub(crate) fn start(mut self) -> Running {
        self.request.status_fd = Some(2);
        let (mut command, file) = self.command();
        let mut launcher =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut status = BufReader::new(launcher.stderr.take().unwrap());
        let mut line = String::new();
        status.read_line(&mut line).unwrap();
        let stage: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        let target = stage["pid"].as_u64().unwrap_or_else(|| panic!("{line}"));
        Running { launcher, target: u32::try_from(target).unwrap(), status, _request: file }
    }
}

impl Running {
    /// A file of the target in /proc, as the host sees it.
    pub(crate) fn proc(&self, name: &str) -> String {
        proc_of(self.target, name)
    }

    /// The first process, as the host sees it.
    pub(crate) fn init(&self) -> u32 {
        status_line(&self.proc("status"), "PPid").parse().unwrap()
    }

    /// The exit code of the launcher, and what it said.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        drop(self.launcher.stdin.take());
        let mut text = String::new();
        self.status.read_to_string(&mut text).unwrap();
        let code = self.launcher.wait().unwrap().code();
        (code, text)
    }

    /// Sends a signal to the launcher.
    pub(crate) fn signal(&self, name: &str) {
        signal(self.launcher.id(), name);
    }
}

/// A file in /proc.
pub(crate) fn proc_of(pid: u32, name: &str) -> String {
    let path = format!("/proc/{pid}/{name}");
    String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}")))
        .into_owned()
}

/// kill(1)
pub(crate) fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap().success());
}

/// Descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> Vec<u32> {
    let mut all: Vec<u32> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
        .collect();
    all.sort_unstable();
    all
}
