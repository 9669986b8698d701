//! Of all who make a container of one id at once, one does: what the others keep of theirs would be what exec and update
//! of this one are met with.

use super::bundle::{self, BundleError};
use rustix::fs::{FlockOperation, Mode, flock};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use stockade_observe::read;

/// The file that says who it is: process id and start, as proc(5) has them.
const MAKER: &str = "maker";

/// Whether this process makes the container that is kept in `directory`, at `path`. It does so until it ends, also as
/// the runtime that it becomes.
pub(super) fn is_ours(directory: &OwnedFd, path: &Path) -> Result<bool, BundleError> {
    let fault = |operation, source: io::Error| BundleError::File { operation, path: path.to_owned(), source };
    // Until the directory is closed. Whoever is killed lets go.
    flock(directory, FlockOperation::LockExclusive).map_err(|errno| fault("lock", errno.into()))?;
    let ours = std::process::id();
    let start =
        started(ours).ok_or_else(|| fault("find this process for", io::ErrorKind::NotFound.into()))?;
    // One that is not whole is of a maker that was killed: it is given its name when it is.
    let other = fs::read_to_string(path.join(MAKER)).ok();
    let makes = other.as_deref().and_then(|text| text.split_once(' ')).is_some_and(|(pid, start)| {
        pid.parse().is_ok_and(|pid: u32| pid != ours && started(pid).is_some_and(|found| found == start))
    });
    if !makes {
        let text = format!("{ours} {start}");
        bundle::replace(directory, path, MAKER, text.as_bytes(), Mode::from_raw_mode(0o600))?;
    }
    Ok(!makes)
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
