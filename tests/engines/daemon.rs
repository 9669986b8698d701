//! A daemon that ends with its test, and says what it said where the test failed.

use crate::patience::{PATIENCE, patiently};
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running daemon, told to stop and waited for when it is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts a daemon that writes to `log`, and waits until something accepts on `socket`. It is told to stop,
    /// too, when the thread that started it ends: a test that is killed leaves no daemon behind.
    pub(crate) fn start(
        program: &str,
        arguments: &[String],
        environment: &[(&str, &str)],
        log: &Path,
        socket: &Path,
    ) -> Self {
        let file = File::create(log).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--", program])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let mut daemon = Daemon { child, log: log.to_owned() };
        patiently(program, || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("{program} ended with {status}:\n{}", daemon.log());
            }
            UnixStream::connect(socket).ok()
        });
        daemon
    }

    /// What it said.
    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let worth = log.lines().filter(|line| !line.contains("level=info"));
            worth.for_each(|line| eprintln!("{line}"));
        }
        let told = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        let start = Instant::now();
        while told.is_ok() && start.elapsed() < PATIENCE / 3 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
