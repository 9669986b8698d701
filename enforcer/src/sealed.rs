//! A file that is handed on to the program that this process becomes.

use crate::sys::{Kernel, file, memfd};
use std::io;
use std::path::PathBuf;

/// A path by which the program that this process becomes reads `content`, which nobody can change any more. The file
/// is in memory, and gone with the program.
pub fn hand_on(content: &[u8]) -> io::Result<PathBuf> {
    let fault = |errno: crate::Errno| io::Error::from_raw_os_error(errno.0);
    let fd = memfd::sealed(&Kernel, c"handed on", content, false).map_err(fault)?;
    // Out of the way of descriptors that are passed on by number.
    let high = file::duplicate_from(&Kernel, fd, FIRST).map_err(fault)?;
    file::close(&Kernel, fd).map_err(fault)?;
    Ok(PathBuf::from(format!("/proc/self/fd/{high}")))
}

/// Above what `--preserve-fds` counts to in practice, and below the usual limit of 1024.
const FIRST: i32 = 512;
