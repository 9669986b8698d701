//! Bounded reads.

use crate::error::ObserveError;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// First buffer, in bytes: one read takes the whole of most files in /proc.
const CHUNK: usize = 16 << 10;

/// The whole of the file at `path`, if it holds at most `limit` bytes.
pub fn bounded(path: &Path, limit: usize) -> Result<Vec<u8>, ObserveError> {
    let failed = |source| ObserveError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut content = vec![0; CHUNK.min(limit + 1)];
    let mut length = 0;
    loop {
        if length == content.len() {
            content.resize((length * 2).min(limit + 1), 0);
        }
        match file.read(&mut content[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
        if length > limit {
            return Err(ObserveError::TooLarge { path: path.to_owned(), limit });
        }
    }
    content.truncate(length);
    Ok(content)
}

/// The file at `path` in one read: for files that the kernel writes as one record (a sysctl,
/// `/proc/PID/status`, a value of a cgroup), where a read that does not fill the buffer has seen the
/// end. One call fewer on the path of every launch.
pub fn record(path: &Path) -> Result<Vec<u8>, ObserveError> {
    let failed = |source| ObserveError::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut content = vec![0; CHUNK];
    let length = loop {
        match file.read(&mut content) {
            Ok(length) => break length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    };
    if length == content.len() {
        return Err(ObserveError::TooLarge { path: path.to_owned(), limit: CHUNK - 1 });
    }
    content.truncate(length);
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_files_are_an_error() {
        let error = bounded(Path::new("/dev/zero"), 100_000).expect_err("endless");
        assert!(matches!(error, ObserveError::TooLarge { limit: 100_000, .. }), "{error}");
        assert!(matches!(record(Path::new("/dev/zero")), Err(ObserveError::TooLarge { .. })));
    }

    #[test]
    fn a_limit_is_inclusive() {
        let whole = bounded(Path::new("/proc/self/status"), 1 << 20).expect("status");
        assert!(whole.len() > 200);
        // `cmdline` does not change between two reads.
        let whole = bounded(Path::new("/proc/self/cmdline"), 1 << 20).expect("cmdline");
        assert_eq!(bounded(Path::new("/proc/self/cmdline"), whole.len()).expect("exact"), whole);
        assert!(bounded(Path::new("/proc/self/cmdline"), whole.len() - 1).is_err());
    }
}
