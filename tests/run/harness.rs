//! What every end-to-end test stands on: the binary, scratch places, small roots, servers that end with
//! their test.

use crate::ended::Ended;
use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for something that must happen; only a hang takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// `stockade` with these arguments, in an environment of its own.
pub(crate) fn stockade(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LANG", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

/// Runs to the end, with both outputs as text.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    Ended::from(stockade(arguments).output().unwrap())
}

/// A directory that is gone after the test, open to every user.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        // Not in the build directory: that may lie where another user cannot go.
        let directory = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Scratch(directory)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A directory in it that `uid` owns.
    pub(crate) fn directory_of(&self, name: &str, uid: u32) -> String {
        let path = self.join(name);
        fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(uid), Some(uid)).unwrap();
        path.display().to_string()
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

/// A static program from C, at `path`.
pub(crate) fn compile_c(source: &Path, path: &Path) {
    let status = Command::new("gcc").args(["-O1", "-static", "-o"]).args([path, source]).status().unwrap();
    assert!(status.success(), "gcc {}: {status}", source.display());
}

/// A root of a few directories with busybox and links for its applets in `/bin`.
pub(crate) fn busybox_root(at: &Path) {
    for directory in ["bin", "etc", "proc", "dev", "tmp", "sys", "root", "run", "usr", "var"] {
        fs::create_dir_all(at.join(directory)).unwrap();
    }
    fs::copy("/bin/busybox", at.join("bin/busybox")).unwrap();
    for applet in ["sh", "cat", "ls", "id", "echo", "sleep", "touch", "mount", "true", "env", "kill"] {
        std::os::unix::fs::symlink("busybox", at.join("bin").join(applet)).unwrap();
    }
    fs::write(at.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:101:101::/:/bin/sh\n").unwrap();
    fs::write(at.join("etc/group"), "root:x:0:\nweb:x:101:\n").unwrap();
}

/// A TCP port of loopback that nobody else takes as long as this lives: below those that the kernel gives out, and
/// claimed against other tests.
pub(crate) struct Port {
    pub(crate) number: u16,
    _claim: UnixListener,
}

impl Port {
    pub(crate) fn claim() -> Port {
        let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
        let given_out: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
        let claimed = |number: u16| {
            let name = SocketAddr::from_abstract_name(format!("stockade-test-port-{number}")).unwrap();
            let claim = UnixListener::bind_addr(&name).ok()?;
            // Whoever is no test may have it.
            TcpListener::bind(("127.0.0.1", number)).ok()?;
            Some(Port { number, _claim: claim })
        };
        (10_000..given_out).find_map(claimed).expect("a free port")
    }
}

/// A server that is told to stop, and waited for, when the test ends.
pub(crate) struct Server {
    child: Child,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Server { child }
    }

    /// Waits until something accepts on `port`.
    pub(crate) fn listening(mut self, port: u16) -> Self {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut text = String::new();
                self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
                self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
                panic!("the server ended with {status}:\n{text}");
            }
            assert!(start.elapsed() < PATIENCE, "nothing listens on {port}");
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The launcher passes the signal on; a container that ignores it ends with its launcher.
        let pid = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status();
        let start = Instant::now();
        while told.is_ok() && start.elapsed() < PATIENCE / 6 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The children of a process, as the kernel lists them.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// The process that a launcher confines: the child of its child.
pub(crate) fn target_of(launcher: u32) -> u32 {
    let start = Instant::now();
    loop {
        if let Some(&pid) =
            children(launcher).iter().flat_map(|init| children(*init)).collect::<Vec<_>>().first()
            && fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| !name.starts_with("stockade"))
        {
            return pid;
        }
        assert!(start.elapsed() < PATIENCE, "no target below {launcher}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// One field of `/proc/PID/status`.
pub(crate) fn status_field(pid: u32, field: &str) -> String {
    fs::read_to_string(format!("/proc/{pid}/status"))
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
        .unwrap_or_else(|| panic!("no {field}"))
        .trim()
        .to_owned()
}
