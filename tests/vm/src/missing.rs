//! What guests need of the host.

use crate::{GuestError, Kernel, program};
use std::path::Path;

/// Programs without which there is no guest, or no disk of one.
const PROGRAMS: [&str; 8] =
    ["qemu-system-x86_64", "setpriv", "busybox", "ldd", "strip", "mkfs.xfs", "mkfs.ext4", "mkfs.btrfs"];

/// Why no guests with these kernels can run here, if they cannot: a test that needs them prints it as
/// `SKIP NAME: WHY` and returns. Fetches the kernels.
pub fn missing(kernels: &[&str]) -> Option<String> {
    // The programs of a guest are the host's.
    if !cfg!(target_arch = "x86_64") {
        return Some("guests are x86_64, and this machine is not".to_owned());
    }
    if let Some(name) = PROGRAMS.iter().find(|name| program::find(Path::new(name)).is_none()) {
        return Some(GuestError::NoProgram((*name).to_owned()).to_string());
    }
    kernels.iter().find_map(|name| match Kernel::fetch(name) {
        Err(error @ GuestError::NoKernel { .. }) => Some(error.to_string()),
        // Any other fault is one of the test's, which will say it.
        _ => None,
    })
}
