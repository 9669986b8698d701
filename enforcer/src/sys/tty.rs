//! Terminals. ioctl_tty(2), pty(7).

use super::file::{CWD, open};
use super::{Errno, Sys, call, int};
use std::os::fd::RawFd;

/// A terminal's settings, `struct termios2` of asm-generic/termbits.h.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    input: u32,
    output: u32,
    control: u32,
    local: u32,
    line: u8,
    characters: [u8; 19],
    input_speed: u32,
    output_speed: u32,
}

const TCGETS2: u32 = 0x802c_542a;
const TCSETSW2: u32 = 0x402c_542c;

impl Settings {
    /// The same with nothing interpreted on the way in or out. cfmakeraw(3).
    pub(crate) fn raw(mut self) -> Settings {
        self.input &= !(libc::IGNBRK
            | libc::BRKINT
            | libc::PARMRK
            | libc::ISTRIP
            | libc::INLCR
            | libc::IGNCR
            | libc::ICRNL
            | libc::IXON);
        self.output &= !libc::OPOST;
        self.local &= !(libc::ECHO | libc::ECHONL | libc::ICANON | libc::ISIG | libc::IEXTEN);
        self.control = self.control & !(libc::CSIZE | libc::PARENB) | libc::CS8;
        self
    }
}

/// A new pair: the relaying side and the program's side, both closed at exec.
pub(crate) fn pair(sys: &dyn Sys) -> Result<[RawFd; 2], Errno> {
    let master = open(sys, CWD, c"/dev/ptmx", libc::O_RDWR | libc::O_NOCTTY)?;
    let unlocked: i32 = 0;
    // SAFETY: TIOCSPTLCK reads an int, which lives here.
    unsafe { call!(sys, SYS_ioctl, master, libc::TIOCSPTLCK, &raw const unlocked) }?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes flags in place of a pointer. 4.13.
    let slave = int(unsafe { call!(sys, SYS_ioctl, master, libc::TIOCGPTPEER, flags) }?)?;
    Ok([master, slave])
}

/// The settings of a terminal; `ENOTTY` for anything else.
pub(crate) fn settings(sys: &dyn Sys, fd: RawFd) -> Result<Settings, Errno> {
    let mut settings = Settings {
        input: 0,
        output: 0,
        control: 0,
        local: 0,
        line: 0,
        characters: [0; 19],
        input_speed: 0,
        output_speed: 0,
    };
    // SAFETY: TCGETS2 writes a struct termios2, which lives here.
    unsafe { call!(sys, SYS_ioctl, fd, TCGETS2, &raw mut settings) }?;
    Ok(settings)
}

/// Changes the settings of a terminal once its output has drained.
pub(crate) fn set_settings(sys: &dyn Sys, fd: RawFd, settings: &Settings) -> Result<(), Errno> {
    // SAFETY: TCSETSW2 reads a struct termios2.
    unsafe { call!(sys, SYS_ioctl, fd, TCSETSW2, std::ptr::from_ref(settings)) }.map(|_| ())
}

/// Gives one terminal the size of another.
pub(crate) fn copy_size(sys: &dyn Sys, from: RawFd, to: RawFd) -> Result<(), Errno> {
    let mut size = [0u16; 4];
    // SAFETY: TIOCGWINSZ writes a struct winsize: four 16-bit numbers.
    unsafe { call!(sys, SYS_ioctl, from, libc::TIOCGWINSZ, size.as_mut_ptr()) }?;
    // SAFETY: TIOCSWINSZ reads the same.
    unsafe { call!(sys, SYS_ioctl, to, libc::TIOCSWINSZ, size.as_ptr()) }.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Kernel;

    #[test]
    fn structure_is_the_kernels() {
        assert_eq!(size_of::<Settings>(), 44);
        assert_eq!(std::mem::offset_of!(Settings, input_speed), 36);
    }

    #[test]
    fn settings_are_read_and_written() {
        let [_master, slave] = pair(&Kernel).unwrap();
        let raw = settings(&Kernel, slave).unwrap().raw();
        set_settings(&Kernel, slave, &raw).unwrap();
        assert_eq!(settings(&Kernel, slave).unwrap().local & libc::ICANON, 0);
    }
}
