//! Guests are what they say they are.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::process::Command;
use std::time::Duration;
use stockade_vm::{Disk, Ending, Guest, KERNELS, missing, test};

/// Ends a test that cannot run here, with the line that scripts/test counts.
macro_rules! needs_guests {
    ($name:literal, $kernels:expr) => {
        if std::env::var_os("STOCKADE_TEST_GUEST").is_none()
            && let Some(why) = missing($kernels)
        {
            return println!("SKIP {}: {why}", $name);
        }
    };
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap().trim().to_owned()
}

#[test]
fn a_test_runs_there_as_root_with_what_it_needs() {
    let equip = |guest: Guest| Ok(guest.disk(Disk::blank(3)?).program("unshare"));
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
        run(&["unshare", "-U", "-r", "true"]);
    });
}

fn run(command: &[&str]) {
    let output = Command::new(command[0]).args(&command[1..]).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn disks_have_file_systems_and_quotas_of_projects() {
    let equip = |guest: Guest| {
        let guest = guest.module("xfs").module("ext4").module("quota_v2").module("btrfs");
        Ok(guest.disk(Disk::xfs(300)?).disk(Disk::ext4(32)?).disk(Disk::btrfs(128)?))
    };
    test(KERNELS, equip, || {
        for (disk, kind, option) in [
            ("/dev/vda", "xfs", Some("prjquota")),
            ("/dev/vdb", "ext4", Some("prjquota")),
            // Its quotas are of subvolumes, and are turned on after the mount.
            ("/dev/vdc", "btrfs", None),
        ] {
            run(&["mount", "-t", kind, "-o", option.unwrap_or("rw"), disk, "/mnt"]);
            let mounts = read("/proc/self/mounts");
            let mount = mounts.lines().find(|line| line.starts_with(disk)).unwrap();
            assert_eq!(mount.split(' ').nth(2), Some(kind), "{mount}");
            assert!(option.is_none_or(|option| mount.contains(option)), "{mount}");
            fs::write("/mnt/file", "text").unwrap();
            run(&["umount", "/mnt"]);
        }
    });
}

#[test]
fn what_a_test_skips_there_is_skipped_here() {
    const INNER: &str = "STOCKADE_TEST_INNER";
    if std::env::var_os("STOCKADE_TEST_GUEST").is_none() && std::env::var_os(INNER).is_none() {
        needs_guests!("vm-skips", &["6.1"]);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "what_a_test_skips_there_is_skipped_here", "--nocapture"])
            .env(INNER, "")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{stdout}");
        assert!(stdout.contains("SKIP vm-example: it is one (kernel 6.1)\n"), "{stdout}");
        return;
    }
    // Not by its name, which is counted where this is read.
    test(&["6.1"], Ok, || println!("SKIP {}", ["vm", "example: it is one"].join("-")));
}

#[test]
fn what_fails_there_fails_here() {
    needs_guests!("vm-fails", &["6.12"]);
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
    needs_guests!("vm-output", &["6.1"]);
    let script = "head -c 3000000 /dev/zero | tr '\\0' x; echo \"it's\" >&2; exit 37";
    let ended = Guest::new("6.1").run(&["sh", "-c", script]).unwrap();
    assert_eq!(ended.ending, Ending::Exited(37), "{}", ended.console);
    assert_eq!((ended.stdout.len(), ended.stderr.as_str()), (3_000_000, "it's\n"));
    assert!(ended.boot.is_some());
}

#[test]
fn parameters_reach_the_kernel() {
    needs_guests!("vm-parameters", &["6.12"]);
    for lsm in ["landlock,bpf", "apparmor"] {
        let guest = Guest::new("6.12").parameter(&format!("lsm={lsm}"));
        let ended = guest.run(&["cat", "/sys/kernel/security/lsm"]).unwrap();
        assert!(ended.stdout.contains(lsm), "{}", ended.stdout);
        assert!(!ended.stdout.contains("selinux"), "{}", ended.stdout);
    }
}

#[test]
fn a_disk_keeps_what_was_written_before_a_reset() {
    needs_guests!("vm-disk", &["6.1"]);
    let disk = Disk::blank(1).unwrap();
    let guest = Guest::new("6.1").disk(disk);
    let script = "echo kept | dd of=/dev/vda conv=fsync 2>/dev/null; echo b >/proc/sysrq-trigger; sleep 600";
    assert_eq!(guest.run(&["sh", "-c", script]).unwrap().ending, Ending::Reset);
    assert_eq!(guest.run(&["head", "-n", "1", "/dev/vda"]).unwrap().stdout, "kept\n");
}

#[test]
fn its_time_is_limited() {
    needs_guests!("vm-patience", &["6.1"]);
    let guest = Guest::new("6.1").patience(Duration::from_secs(1));
    assert_eq!(guest.run(&["sleep", "600"]).unwrap().ending, Ending::TimedOut);
}

#[test]
fn what_is_not_there_is_said() {
    needs_guests!("vm-missing", &["6.1"]);
    let why = |guest: Guest| guest.run(&["true"]).unwrap_err().to_string();
    assert_eq!(why(Guest::new("6.1").module("xfsx")), "the kernel has no module xfsx");
    assert_eq!(why(Guest::new("6.1").program("no-such")), "there is no program no-such");
    assert_eq!(why(Guest::new("5.0")), "no kernel 5.0: no kernel 5.0 in tests/vm/kernels");
}

#[test]
fn a_machine_that_does_not_start_is_no_reset() {
    needs_guests!("vm-machine", &["6.1"]);
    let ended = Guest::new("6.1").memory(0x7fff_ffff).run(&["true"]);
    let why = ended.unwrap_err().to_string();
    assert!(why.starts_with("qemu-system-x86_64: exit status: 1: ") && why.contains("memory"), "{why}");
}
