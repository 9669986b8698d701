//! The loopback device. netdevice(7).

use super::{Errno, Sys, call, int};

/// `struct ifreq`: a name and a union, here its flags.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; libc::IFNAMSIZ],
    flags: i16,
    rest: [u8; 22],
}

/// Brings `lo` up in the calling process's network namespace.
pub(crate) fn loopback_up(sys: &dyn Sys) -> Result<(), Errno> {
    let mut request = InterfaceFlags { name: [0; libc::IFNAMSIZ], flags: UP, rest: [0; 22] };
    request.name[0] = b'l';
    request.name[1] = b'o';
    // SAFETY: takes no pointers.
    let socket =
        int(unsafe { call!(sys, SYS_socket, libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }?)?;
    // SAFETY: SIOCSIFFLAGS reads a struct ifreq, which lives here.
    unsafe { call!(sys, SYS_ioctl, socket, libc::SIOCSIFFLAGS, &raw const request) }.map(|_| ())
}

/// `IFF_UP`
const UP: i16 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::{offset_of, size_of};

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<InterfaceFlags>(), size_of::<libc::ifreq>());
        assert_eq!(offset_of!(InterfaceFlags, flags), offset_of!(libc::ifreq, ifr_ifru));
    }
}
