//! `stockade` on hosts that this machine is not, as guests.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use stockade_vm::{Guest, KERNELS, test};

/// Where the binary stands in a guest.
const STOCKADE: &str = "/usr/local/bin/stockade";

fn with_stockade(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    Ok(guest.built(env!("CARGO_BIN_EXE_stockade"), STOCKADE))
}

/// A program that runs until this value is gone.
struct Running(Child);

impl Running {
    /// One under a profile.
    fn confined(profile: &str) -> Running {
        fs::write("/tmp/profile.yaml", profile).unwrap();
        let mut launcher = Command::new(STOCKADE)
            .args(["run", "--profile", "/tmp/profile.yaml", "--"])
            .args(["/usr/bin/sh", "-c", "echo up; exec /usr/bin/sleep 12345"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(launcher.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        Running(launcher)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process with this command line. The shell becomes it a moment after it says that it is up.
fn process(command_line: &[u8]) -> String {
    loop {
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            if fs::read(entry.path().join("cmdline")).is_ok_and(|found| found == command_line) {
                return entry.file_name().into_string().unwrap();
            }
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn verify(arguments: &[&str]) -> Output {
    Command::new(STOCKADE).arg("verify").args(arguments).output().unwrap()
}

/// The line on one layer.
fn layer(output: &Output, name: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(name));
    let line =
        line.unwrap_or_else(|| panic!("no {name} in {text}{}", String::from_utf8_lossy(&output.stderr)));
    line.to_owned()
}

#[test]
fn resources_hold_where_the_unified_hierarchy_is_the_only_one() {
    test(KERNELS, with_stockade, || {
        let confined = Running::confined(
            "stockade: 1\nname: limited\nprocess: {write_xor_execute: false}\nfiles: {execute: [/usr/bin], read: [/etc]}\n\
             resources: {memory: 64 MiB, cpu: 1.5, processes: 32}\n",
        );
        let pid = process(b"/usr/bin/sleep\x0012345\0");
        let membership = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        let own = membership.strip_prefix("0::").unwrap().trim_end();
        assert!(own.len() > 1 && !own.contains('\n'), "{membership}");
        for (file, limit) in
            [("memory.max", "67108864\n"), ("pids.max", "32\n"), ("cpu.max", "150000 100000\n")]
        {
            assert_eq!(fs::read_to_string(format!("/sys/fs/cgroup{own}/{file}")).unwrap(), limit, "{file}");
        }
        assert!(layer(&verify(&[&pid]), "cgroup").contains("exact"));
        fs::write(format!("/sys/fs/cgroup{own}/memory.max"), "max").unwrap();
        assert!(layer(&verify(&[&pid]), "cgroup").contains("LOOSER"));
        drop(confined);
    });
}

#[test]
fn a_kernel_that_lacks_what_the_profile_asks_for_is_refused_by_name() {
    test(&["6.1"], with_stockade, || {
        fs::write("/tmp/profile.yaml", "stockade: 1\nname: strict\nprocess: {write_xor_execute: true}\n")
            .unwrap();
        let command = ["run", "--profile", "/tmp/profile.yaml", "--", "/usr/bin/echo", "ran"];
        let output = Command::new(STOCKADE).args(command).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(3), &b""[..]), "{stderr}");
        assert!(stderr.contains("process: write_xor_execute") && stderr.contains("6.3 or later"), "{stderr}");
    });
}
