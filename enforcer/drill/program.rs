//! The smallest program that says that it ran: an ELF file of one segment that exits with a code of its own.

use crate::call;
use crate::found::RAN;

#[cfg(target_arch = "x86_64")]
const MACHINE: u8 = 62;
#[cfg(target_arch = "aarch64")]
const MACHINE: u8 = 183;
/// `exit_group(RAN)`
#[cfg(target_arch = "x86_64")]
const CODE: [u8; 12] = [0xbf, RAN as u8, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05];
#[cfg(target_arch = "aarch64")]
const CODE: [u8; 12] = {
    let set = 0xd280_0000 | (RAN as u32) << 5;
    let [a, b, c, d] = set.to_le_bytes();
    [a, b, c, d, 0xc8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]
};

const HEAD: usize = 64 + 56;
const LENGTH: usize = HEAD + CODE.len();
const ADDRESS: u64 = 0x40_0000;

/// elf(5): Elf64_Ehdr, one Elf64_Phdr, the code.
static PROGRAM: [u8; LENGTH] = {
    let mut file = [0; LENGTH];
    let head: [(usize, u64, usize); 16] = [
        (0, 0x0001_0102_464c_457f, 8), // magic, 64-bit, little-endian, version
        (16, 2, 2),                    // ET_EXEC
        (18, MACHINE as u64, 2),
        (20, 1, 4),
        (24, ADDRESS + HEAD as u64, 8), // entry
        (32, 64, 8),                    // program headers
        (52, 64, 2),
        (54, 56, 2),
        (56, 1, 2),
        (64, 1, 4), // PT_LOAD
        (68, 5, 4), // readable, executable
        (80, ADDRESS, 8),
        (88, ADDRESS, 8),
        (96, LENGTH as u64, 8),
        (104, LENGTH as u64, 8),
        (112, 4096, 8),
    ];
    let mut at = 0;
    while at < head.len() {
        let (offset, value, length) = head[at];
        let mut byte = 0;
        while byte < length {
            file[offset + byte] = (value >> (8 * byte)) as u8;
            byte += 1;
        }
        at += 1;
    }
    let mut at = 0;
    while at < CODE.len() {
        file[HEAD + at] = CODE[at];
        at += 1;
    }
    file
};

/// Writes the program into an open file; the kernel's answer where that fails.
pub(crate) fn write(file: isize) -> Result<(), isize> {
    let written = call!(WRITE, file, &raw const PROGRAM, LENGTH);
    if written == LENGTH as isize { Ok(()) } else { Err(written.min(-5)) }
}

/// Becomes the program in an open file; returns only where that is refused.
pub(crate) fn execute(file: isize) -> isize {
    const EMPTY_PATH: usize = 0x1000;
    let name = c"program".as_ptr() as usize;
    let argv = [name, 0];
    let envp = [0usize];
    call!(EXECVEAT, file, c"".as_ptr(), &raw const argv, &raw const envp, EMPTY_PATH)
}
