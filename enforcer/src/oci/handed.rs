//! What a process that is added to a container has of whoever adds it.

use crate::layer::process::number;
use crate::sys::{Kernel, limits};
use std::io;
use stockade_policy::oci::Bounds;

/// Takes on the limits of a container, or the caller's where they are stricter. prlimit(2).
///
/// # Errors
///
/// Where the kernel does not take one.
pub fn take_limits(bounds: &Bounds) -> io::Result<()> {
    let fault = |errno: crate::Errno| io::Error::from_raw_os_error(errno.0);
    for (limit, asked) in bounds.limits.iter().filter(|(_, asked)| asked.value != u64::MAX) {
        let resource = number(*limit);
        let hard = limits::hard(&Kernel, resource).map_err(fault)?;
        limits::set(&Kernel, resource, asked.value.min(hard)).map_err(fault)?;
    }
    Ok(())
}
