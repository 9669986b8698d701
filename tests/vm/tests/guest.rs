//! Guests are what they say they are.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::process::Command;
use std::time::Duration;
use stockade_vm::{Disk, Ending, Guest, KERNELS, test};

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn a_test_runs_there_as_root_with_what_it_needs() {
    let equip =
        |guest: Guest| Ok(guest.disk(Disk::blank(3)?).disk(Disk::xfs(300)?).module("xfs").program("unshare"));
    test(KERNELS, equip, || {
        let kernel = std::env::var("STOCKADE_TEST_GUEST").unwrap();
        assert!(read("/proc/sys/kernel/osrelease").starts_with(&format!("{kernel}.")));
        assert!(read("/proc/self/status").contains("Uid:\t0\t0\t0\t0"));
        assert!(fs::metadata("/dev/vda").unwrap().file_type().is_block_device());
        assert_eq!(read("/sys/block/vda/size"), (3 * 2048).to_string());
        let mounts = read("/proc/self/mounts");
        for (kind, place) in [
            ("cgroup2", "/sys/fs/cgroup"),
            ("bpf", "/sys/fs/bpf"),
            ("securityfs", "/sys/kernel/security"),
            ("tmpfs", "/"),
        ] {
            assert!(mounts.lines().any(|line| line.contains(&format!(" {place} {kind} "))), "{mounts}");
        }
        let run = |command: &[&str]| {
            let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
            assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["unshare", "-U", "-r", "true"]);
        run(&["mount", "-t", "xfs", "-o", "prjquota", "/dev/vdb", "/mnt"]);
        run(&["umount", "/mnt"]);
    });
}

#[test]
fn what_fails_there_fails_here() {
    let outcome = std::panic::catch_unwind(|| {
        test(&["6.12"], Ok, || assert_eq!(1 + 1, 3, "sums are off"));
    });
    if std::env::var_os("STOCKADE_TEST_GUEST").is_some() {
        std::panic::resume_unwind(outcome.unwrap_err());
    }
    let why = outcome.unwrap_err().downcast::<String>().unwrap();
    assert!(why.contains("sums are off") && why.contains("kernel 6.12"), "{why}");
}

#[test]
fn output_and_code_come_back() {
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo \"it's\" >&2; exit 37";
    let ended = Guest::new("6.1").run(&["sh", "-c", script]).unwrap();
    assert_eq!(ended.ending, Ending::Exited(37), "{}", ended.console);
    assert_eq!((ended.stdout.len(), ended.stderr.as_str()), (3_000_000, "it's\n"));
    assert!(ended.boot.is_some());
}

#[test]
fn parameters_reach_the_kernel() {
    for lsm in ["landlock,bpf", "apparmor"] {
        let guest = Guest::new("6.12").parameter(&format!("lsm={lsm}"));
        let ended = guest.run(&["cat", "/sys/kernel/security/lsm"]).unwrap();
        assert!(ended.stdout.contains(lsm), "{}", ended.stdout);
        assert!(!ended.stdout.contains("selinux"), "{}", ended.stdout);
    }
}

#[test]
fn a_disk_keeps_what_was_written_before_a_reset() {
    let disk = Disk::blank(1).unwrap();
    let guest = Guest::new("6.1").disk(disk);
    let script = "echo kept | dd of=/dev/vda conv=fsync 2>/dev/null; echo b >/proc/sysrq-trigger; sleep 600";
    assert_eq!(guest.run(&["sh", "-c", script]).unwrap().ending, Ending::Reset);
    assert_eq!(guest.run(&["head", "-n", "1", "/dev/vda"]).unwrap().stdout, "kept\n");
}

#[test]
fn its_time_is_limited() {
    let guest = Guest::new("6.1").patience(Duration::from_secs(1));
    assert_eq!(guest.run(&["sleep", "600"]).unwrap().ending, Ending::TimedOut);
}

#[test]
fn what_is_not_there_is_said() {
    let why = |guest: Guest| guest.run(&["true"]).unwrap_err().to_string();
    assert_eq!(why(Guest::new("6.1").module("xfsx")), "the kernel has no module xfsx");
    assert_eq!(why(Guest::new("6.1").program("no-such")), "there is no program no-such");
    assert_eq!(why(Guest::new("5.0")), "no kernel 5.0: no kernel 5.0 in tests/vm/kernels");
}
