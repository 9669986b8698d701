//! Of all who make a container of one id at once, one does: what the others keep of theirs would be what exec and update
//! of this one are met with.

use super::bundle::BundleError;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use stockade_observe::read;

/// Who makes, or has made, a container: process id and start, as proc(5) has them. It stands in the record: one file
/// fewer for each container.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Maker {
    pid: u32,
    start: String,
}

/// What of a record says who its maker is.
#[derive(Deserialize)]
struct Recorded {
    maker: Maker,
}

/// This process, where it makes the container that is kept in `directory`, at `path`; `None`: another one does. The
/// directory is locked until it is closed, and whoever is killed lets go. Once the record is written, that says who makes it,
/// also as the runtime that it becomes.
pub(super) fn ours(directory: &OwnedFd, path: &Path, record: &Path) -> Result<Option<Maker>, BundleError> {
    let fault = |operation, source: io::Error| BundleError::File { operation, path: path.to_owned(), source };
    flock(directory, FlockOperation::LockExclusive).map_err(|errno| fault("lock", errno.into()))?;
    let pid = std::process::id();
    let start = started(pid).ok_or_else(|| fault("find this process for", io::ErrorKind::NotFound.into()))?;
    let other = match std::fs::read(record) {
        // One that cannot be read is no maker's: it is given its name when it is whole.
        Ok(text) => serde_json::from_slice(&text).ok().map(|Recorded { maker }| maker),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fault("read the record in", error)),
    };
    let makes =
        |other: &Maker| other.pid != pid && started(other.pid).is_some_and(|start| start == other.start);
    Ok(if other.as_ref().is_some_and(makes) { None } else { Some(Maker { pid, start }) })
}

/// When a process that has not ended began, ticks since the boot. proc_pid_stat(5), fields 3 and 22.
fn started(pid: u32) -> Option<String> {
    let stat = read::record(Path::new(&format!("/proc/{pid}/stat"))).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name may hold anything, a parenthesis too.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?;
    (!matches!(state, "Z" | "X")).then(|| start.to_owned())
}

#[cfg(test)]
mod tests {
    use super::started;
    use std::process::Command;

    #[test]
    fn who_has_ended_makes_nothing() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert_eq!(started(child.id()).map(|start| start.parse::<u64>().is_ok()), Some(true));
        child.kill().unwrap();
        // Not waited for: it is still listed.
        while started(child.id()).is_some() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert_eq!(started(child.id()), None);
    }
}
