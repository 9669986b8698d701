//! Capability sets of the calling process. capget(2), linux/capability.h.

use super::{Errno, Sys, call};

/// `_LINUX_CAPABILITY_VERSION_3`: two words a set, 2.6.26.
const VERSION: u32 = 0x2008_0522;

/// `struct __user_cap_header_struct`.
#[repr(C)]
struct Header {
    version: u32,
    pid: i32,
}

/// `struct __user_cap_data_struct`: 32 bits of each set.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Data {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// The three sets that capset(2) sets together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sets {
    /// Effective.
    pub effective: u64,
    /// Permitted.
    pub permitted: u64,
    /// Inheritable.
    pub inheritable: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "takes one half at a time")]
fn halves(set: u64) -> [u32; 2] {
    [set as u32, (set >> 32) as u32]
}

/// Sets the calling process's own sets.
pub(crate) fn capset(sys: &dyn Sys, sets: Sets) -> Result<(), Errno> {
    let header = Header { version: VERSION, pid: 0 };
    let [e, p, i] = [halves(sets.effective), halves(sets.permitted), halves(sets.inheritable)];
    let data = [
        Data { effective: e[0], permitted: p[0], inheritable: i[0] },
        Data { effective: e[1], permitted: p[1], inheritable: i[1] },
    ];
    // SAFETY: version 3 reads a header and two data structures, which live here.
    unsafe { call!(sys, SYS_capset, &raw const header, data.as_ptr()) }.map(|_| ())
}

/// The calling process's effective set.
pub(crate) fn effective(sys: &dyn Sys) -> Result<u64, Errno> {
    let header = Header { version: VERSION, pid: 0 };
    let mut data = [Data::default(); 2];
    // SAFETY: version 3 reads the header and writes two data structures, which live here.
    unsafe { call!(sys, SYS_capget, &raw const header, data.as_mut_ptr()) }?;
    Ok(u64::from(data[0].effective) | u64::from(data[1].effective) << 32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structures_are_the_kernels() {
        assert_eq!(size_of::<Header>(), 8);
        assert_eq!(size_of::<Data>(), 12);
        assert_eq!(offset_of!(Data, permitted), 4);
        assert_eq!(offset_of!(Data, inheritable), 8);
        assert_eq!(halves(0x1_0000_0002), [2, 1]);
    }

    #[test]
    fn effective_is_what_proc_says() {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        assert_eq!(effective(&crate::sys::Kernel).unwrap(), u64::from_str_radix(line.trim(), 16).unwrap());
    }
}
