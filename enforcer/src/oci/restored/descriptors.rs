//! What a process that was restored has open. criu opens it as root from what its images say: a filter that denies the
//! call by which such a descriptor is made has never seen it.

use super::RestoredError;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use stockade_observe::mounts::Mounts;
use stockade_observe::{ObserveError, Task};

/// Descriptors of one process; criu asks for no more.
const MOST: usize = 1 << 20;

/// Files without a name that give nothing beyond the process itself. anon_inode names of fs/eventfd.c, fs/eventpoll.c,
/// fs/signalfd.c, fs/timerfd.c, fs/notify/inotify; pidfds of fs/pidfs.c.
const NAMELESS: [&str; 7] = [
    "anon_inode:[eventfd]",
    "anon_inode:[eventpoll]",
    "anon_inode:[signalfd]",
    "anon_inode:[timerfd]",
    "anon_inode:inotify",
    "anon_inode:[inotify]",
    "anon_inode:[pidfd]",
];

/// Devices that every container has: null, zero, full, random, urandom, tty and the multiplexer of terminals, and
/// terminals. Documentation/admin-guide/devices.txt.
const DEVICES: [(u32, Option<u32>); 8] = [
    (1, Some(3)),
    (1, Some(5)),
    (1, Some(7)),
    (1, Some(8)),
    (1, Some(9)),
    (5, Some(0)),
    (5, Some(2)),
    (136, None),
];

/// Refuses what lies outside of the container, devices of the host, and kinds that no policy speaks of.
pub(super) fn check(task: &Task) -> Result<(), RestoredError> {
    let mounts = task.mounts()?;
    let packets = match task.read("net/packet") {
        // A kernel without packet sockets.
        Err(ObserveError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Vec::new(),
        table => inodes(&String::from_utf8_lossy(&table?)),
    };
    let memory = memory()?;
    for number in task.descriptors(MOST)? {
        let link = task.link(&format!("fd/{number}"))?;
        let link = link.to_string_lossy();
        let wrong = |what: String| Err(RestoredError::Descriptor { pid: task.pid(), number, what });
        let about = task.metadata(&format!("fd/{number}"))?;
        let kind = about.file_type();
        let info = task.read(&format!("fdinfo/{number}"))?;
        let info = String::from_utf8_lossy(&info);
        if !link.starts_with('/') {
            let packet = kind.is_socket() && packets.contains(&about.ino());
            if packet {
                return wrong("a packet socket".to_owned());
            }
            if holds(&info) {
                return wrong(format!(
                    "{link}, in which descriptors are on their way that nobody can look at"
                ));
            }
            if !kind.is_socket() && !kind.is_fifo() && !NAMELESS.contains(&&*link) {
                return wrong(format!("{link}, of which no policy speaks"));
            }
            continue;
        }
        let device = (rustix::fs::major(about.rdev()), rustix::fs::minor(about.rdev()));
        let is_usual = DEVICES
            .iter()
            .any(|(major, minor)| *major == device.0 && minor.is_none_or(|minor| minor == device.1));
        if kind.is_block_device() || kind.is_char_device() && !is_usual {
            return wrong(format!("the device {link}"));
        }
        if !is_inside(&info, &mounts) && about.dev() != memory && !is_ours(&about) {
            return wrong(format!("{link} outside of the container"));
        }
    }
    Ok(())
}

/// Whether a file lies on one of the mounts that the process sees. proc_pid_fdinfo(5), `mnt_id`, 3.15.
fn is_inside(info: &str, mounts: &Mounts) -> bool {
    let mount = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    let mount = mount.and_then(|id| id.trim().parse().ok());
    mount.is_some_and(|id| mounts.by_id(id).is_some())
}

/// Whether descriptors wait in a socket, or in one that waits to be accepted there, to be received. net/unix/af_unix.c,
/// `unix_show_fdinfo`, 5.6.
fn holds(info: &str) -> bool {
    let waiting = info.lines().find_map(|line| line.strip_prefix("scm_fds:"));
    waiting.is_some_and(|number| number.trim() != "0")
}

/// The device of all files that are memory and nothing else. memfd_create(2).
fn memory() -> Result<u64, RestoredError> {
    let made = rustix::fs::memfd_create("", rustix::fs::MemfdFlags::CLOEXEC).and_then(rustix::fs::fstat);
    let failed = |errno: rustix::io::Errno| ObserveError::Read { path: "memfd".into(), source: errno.into() };
    Ok(made.map_err(failed)?.st_dev)
}

/// Whether a file is one that the engine gave for standard input, output or error.
fn is_ours(about: &std::fs::Metadata) -> bool {
    let own = [0, 1, 2].map(|number| std::fs::metadata(format!("/proc/self/fd/{number}")));
    own.into_iter().flatten().any(|own| (own.dev(), own.ino()) == (about.dev(), about.ino()))
}

/// The inodes of packet sockets, the last field of each line. net/packet/af_packet.c, `packet_seq_show`.
fn inodes(table: &str) -> Vec<u64> {
    table.lines().skip(1).filter_map(|line| line.split_whitespace().last()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::asleep::Asleep;
    use super::*;
    use std::fs::File;
    use std::process::Stdio;

    /// What is said of a process that has `input` open.
    fn said(input: impl Into<Stdio>) -> Result<(), String> {
        let asleep = Asleep::new("exec sleep 60", "sleep", input);
        check(&asleep.task()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_lies_outside_and_what_is_the_hosts_is_refused() {
        if !rustix::process::geteuid().is_root() {
            println!("SKIP restored-descriptors: a mount namespace takes root");
            return;
        }
        // A pipe is nobody's file. What all have open here is what the engine gave: it is ours.
        assert_eq!(said(Stdio::piped()), Ok(()));
        let memory = rustix::fs::memfd_create("x", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        assert_eq!(said(memory), Ok(()));
        let outside = tempfile::NamedTempFile::new().unwrap();
        let refused = said(File::open(outside.path()).unwrap()).unwrap_err();
        assert!(refused.contains("outside of the container"), "{refused}");
        let disk = std::fs::read_dir("/dev").unwrap().flatten().map(|entry| entry.path()).find_map(|path| {
            let is_disk = std::fs::metadata(&path).is_ok_and(|data| data.file_type().is_block_device());
            is_disk.then(|| File::open(&path).ok()).flatten()
        });
        let Some(disk) = disk else {
            println!("SKIP restored-device: no block device here can be opened");
            return;
        };
        let refused = said(disk).unwrap_err();
        assert!(refused.contains("the device /dev/"), "{refused}");
    }

    #[test]
    fn tables_are_read() {
        let table = "sk RefCnt Type Proto Iface R Rmem User Inode\n0000 3 3 0003 0 1 0 0 4711\n";
        assert_eq!(inodes(table), [4711]);
        let mounts = Mounts::parse(b"20 1 0:5 / / rw - tmpfs none rw\n").unwrap();
        assert!(is_inside("pos:\t0\nmnt_id:\t20\n", &mounts));
        assert!(!is_inside("pos:\t0\nmnt_id:\t21\n", &mounts) && !is_inside("", &mounts));
        assert!(holds("ino:\t7\nscm_fds: 1\n") && !holds("ino:\t7\nscm_fds: 0\n") && !holds("ino:\t7\n"));
    }
}
