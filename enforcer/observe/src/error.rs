//! What can go wrong while the kernel's files are read.

use std::io;
use std::path::PathBuf;

/// A file of the kernel that did not give an answer. None of them means "absent": unknown is never a pass.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// It ended before or while it was read.
    #[error("process {pid} is gone")]
    Vanished {
        /// Its id in the reader's pid namespace.
        pid: u32,
    },
    /// The kernel refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The kernel did not take what was written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than any honest file of this kind holds.
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bound in bytes.
        limit: usize,
    },
    /// Not as the manual page says.
    #[error("cannot understand {}: {source}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What was not understood.
        source: FormatError,
    },
}

impl ObserveError {
    /// Whether the kernel refused for want of privilege: the answer is not visible, rather than lost.
    pub fn is_denied(&self) -> bool {
        matches!(
            self,
            ObserveError::Read { source, .. } | ObserveError::Write { source, .. }
                if source.kind() == io::ErrorKind::PermissionDenied
        )
    }
}

/// A piece of text that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} in `{text}`")]
pub struct FormatError {
    /// What is wrong: `no field Uid`.
    pub what: &'static str,
    /// The text, cut to a line that can be shown.
    pub text: String,
}

impl FormatError {
    /// The error with at most 200 characters of `text`, control characters escaped: it may come from
    /// the container.
    pub fn new(what: &'static str, text: &[u8]) -> FormatError {
        let text = String::from_utf8_lossy(text).chars().take(200).flat_map(char::escape_debug).collect();
        FormatError { what, text }
    }
}
