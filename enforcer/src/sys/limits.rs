//! Resource limits of the calling process. prlimit(2).

use super::{Errno, Sys, call};

/// `struct rlimit64`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Limit {
    soft: u64,
    hard: u64,
}

/// Sets hard and soft limit alike. `resource` is a `RLIMIT_*` number.
pub(crate) fn set(sys: &dyn Sys, resource: u32, value: u64) -> Result<(), Errno> {
    let limit = Limit { soft: value, hard: value };
    // SAFETY: the new limit is read, and with a null pointer no old one is written.
    unsafe { call!(sys, SYS_prlimit64, 0, resource, &raw const limit, 0usize) }.map(|_| ())
}

/// The hard limit.
pub(crate) fn hard(sys: &dyn Sys, resource: u32) -> Result<u64, Errno> {
    // Starts as infinity, so that an answer which writes nothing is never taken for a strict limit.
    let mut limit = Limit { soft: u64::MAX, hard: u64::MAX };
    // SAFETY: with a null new limit only the old one is written, which lives here.
    unsafe { call!(sys, SYS_prlimit64, 0, resource, 0usize, &raw mut limit) }?;
    Ok(limit.hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(std::mem::size_of::<Limit>(), 16);
        assert_eq!(std::mem::offset_of!(Limit, hard), 8);
    }
}
