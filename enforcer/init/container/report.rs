//! The one line that says why there is no command.

use crate::bare::{call, exit};
use crate::number;
use core::ffi::CStr;
use core::mem::MaybeUninit;

/// What failed, as the line says it.
#[derive(Clone, Copy)]
pub enum Step {
    Command,
    Dumpable,
    NoNewPrivileges,
    Landlock,
    WriteXorExecute,
    Filter,
    RelativePath,
    Exec,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Command => "command",
            Step::Dumpable => "dumpable",
            Step::NoNewPrivileges => "no_new_privs",
            Step::Landlock => "landlock",
            Step::WriteXorExecute => "mdwe",
            Step::Filter => "seccomp",
            Step::RelativePath => "relative entry of PATH",
            Step::Exec => "exec",
        }
    }
}

/// Ends with the code of this program's own failures.
pub fn fail(step: Step, object: &CStr, answer: isize) -> ! {
    refuse(step, object, answer, 125)
}

/// `stockade: STEP: OBJECT: errno N` on standard error, and the end. In one call, so that lines of several
/// processes do not mix.
pub fn refuse(step: Step, object: &CStr, answer: isize, code: i32) -> ! {
    const STANDARD_ERROR: usize = 2;
    let mut line = Line { bytes: MaybeUninit::uninit(), length: 0 };
    line.put(b"stockade: ");
    line.put(step.name().as_bytes());
    if !object.is_empty() {
        line.put(b": ");
        // What does not fit is cut, so that the number always does.
        let bytes = object.to_bytes();
        line.put(bytes.get(..400).unwrap_or(bytes));
    }
    line.put(b": errno ");
    line.number(answer.unsigned_abs());
    line.put(b"\n");
    call(number::WRITE, [STANDARD_ERROR, line.bytes.as_ptr() as usize, line.length, 0, 0, 0]);
    exit(code)
}

const LONGEST: usize = 512;

struct Line {
    bytes: MaybeUninit<[u8; LONGEST]>,
    length: usize,
}

impl Line {
    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            // The name of a command or a path is the image's: nothing in it speaks to a terminal.
            let byte = if *byte < b' ' && *byte != b'\n' || *byte == 0x7f { b'?' } else { *byte };
            if self.length < LONGEST {
                // SAFETY: inside the bytes.
                unsafe { self.bytes.as_mut_ptr().cast::<u8>().add(self.length).write(byte) };
                self.length += 1;
            }
        }
    }

    fn number(&mut self, number: usize) {
        if number >= 10 {
            self.number(number / 10);
        }
        self.put(&[b'0' + (number % 10) as u8]);
    }
}
