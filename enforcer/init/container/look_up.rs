//! Finds a command as runc does: Go's `exec.LookPath`, os/exec/lp_unix.go.

use crate::bare::call;
use crate::machine::STAT_MODE;
use crate::number;
use core::ffi::CStr;
use core::mem::MaybeUninit;

/// `PATH_MAX`, linux/limits.h, with the NUL: a longer path is found nowhere.
const LONGEST: usize = 4096;

/// Where a path is put together. Nothing is there before: clearing it would cost more than the look-up.
pub type Place = MaybeUninit<[u8; LONGEST]>;

/// Where a command is.
pub enum Found {
    /// There; NUL ends it.
    At(*const u8),
    /// Under the current directory, through an entry of `PATH` that is empty or relative: since Go 1.19 nothing is
    /// started from there that was not asked for by a path.
    InCurrentDirectory,
    /// Nowhere.
    Nowhere,
}

/// A command with a slash is a path itself. `place` is where a path is put together.
pub fn find(command: &CStr, environment: *const *const u8, place: &mut Place) -> Found {
    // Not `contains`: the library's search is not here.
    if command.to_bytes().iter().any(|byte| *byte == b'/') {
        return Found::At(command.as_ptr().cast());
    }
    let Some(path) = path(environment) else { return Found::Nowhere };
    if path.is_empty() {
        return Found::Nowhere;
    }
    for entry in path.split(|byte| *byte == b':') {
        let directory = if entry.is_empty() { b"." } else { entry };
        if join(directory, command.to_bytes(), place) && is_executable(place.as_ptr().cast()) {
            let absolute = directory.first() == Some(&b'/');
            return if absolute { Found::At(place.as_ptr().cast()) } else { Found::InCurrentDirectory };
        }
    }
    Found::Nowhere
}

/// The first `PATH` of the environment, as Go takes it.
fn path(mut environment: *const *const u8) -> Option<&'static [u8]> {
    loop {
        // SAFETY: the kernel ends the environment with a null pointer, and every entry with NUL.
        let entry = unsafe {
            if (*environment).is_null() {
                return None;
            }
            CStr::from_ptr((*environment).cast()).to_bytes()
        };
        if let Some(value) = entry.strip_prefix(b"PATH=") {
            return Some(value);
        }
        // SAFETY: this was not the last one.
        environment = unsafe { environment.add(1) };
    }
}

/// Whether both, a slash and a NUL fit.
fn join(directory: &[u8], name: &[u8], place: &mut Place) -> bool {
    let parts = [directory, b"/", name, b"\0"];
    if parts.iter().map(|part| part.len()).sum::<usize>() > LONGEST {
        return false;
    }
    let mut to = place.as_mut_ptr().cast::<u8>();
    for byte in parts.iter().flat_map(|part| part.iter()) {
        // SAFETY: not more bytes than the place has.
        unsafe {
            to.write(*byte);
            to = to.add(1);
        }
    }
    true
}

/// Whether it is no directory, and somebody may execute it; whether this user may, execve(2) says. newfstatat(2).
fn is_executable(path: *const u8) -> bool {
    const CURRENT: usize = -100isize as usize; // AT_FDCWD
    const TYPE: u32 = 0o170_000;
    const DIRECTORY: u32 = 0o40_000;
    // 144 bytes on x86_64, 128 on aarch64.
    let mut stat = MaybeUninit::<[u64; 18]>::uninit();
    let args = [CURRENT, path as usize, &raw mut stat as usize, 0, 0, 0];
    if call(number::NEWFSTATAT, args) != 0 {
        return false;
    }
    // SAFETY: a word inside the structure, which the kernel filled in.
    let mode = unsafe { (&raw const stat).byte_add(STAT_MODE).cast::<u32>().read_volatile() };
    mode & TYPE != DIRECTORY && mode & 0o111 != 0
}
