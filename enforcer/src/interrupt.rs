//! SIGINT and SIGTERM as something to be asked for, for commands that go on until they are told to stop.

use crate::sys::{Errno, Kernel, file, signal};
use std::os::fd::{AsRawFd, OwnedFd};

/// Both signals, held back from the calling thread and those that it starts.
pub struct Interrupts(OwnedFd);

impl Interrupts {
    /// Holds them back from now on, until the program ends.
    pub fn hold() -> Result<Interrupts, Errno> {
        let mask = [libc::SIGINT, libc::SIGTERM].iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
        signal::set_mask(&Kernel, mask)?;
        Ok(Interrupts(file::owned(signal::descriptor(&Kernel, mask)?)))
    }

    /// Whether one came.
    pub fn came(&self) -> bool {
        matches!(signal::next(&Kernel, self.0.as_raw_fd()), Ok(Some(_)))
    }
}
