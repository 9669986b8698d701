//! Session keyrings. keyctl(2).

use super::{Errno, Sys, call};

/// Joins a new anonymous session keyring.
pub(crate) fn join_new_session(sys: &dyn Sys) -> Result<(), Errno> {
    // SAFETY: a null name asks for an anonymous keyring.
    unsafe { call!(sys, SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, 0usize) }.map(|_| ())
}
