//! How a probe ended.

/// How a probe ended.
#[derive(Clone, Copy)]
pub(crate) enum Found {
    /// It holds what it was after.
    Obtained,
    /// The kernel's answer, an error number.
    Refused(i32),
    /// What it obtained is its own alone: process 1 is the drill itself, the namespace is the one it is in.
    Own,
    /// Something else stands where it should be.
    Masked,
    /// There is nothing here to try it on.
    Nothing,
    /// The caller did not allow it.
    NotTried,
}

/// Exit codes of the processes that try. Error numbers end at 133 (errno-base.h, errno.h).
pub(crate) const OBTAINED: usize = 0;
/// The code of the small program that the exec probes start.
pub(crate) const RAN: usize = 142;
const OWN: usize = 150;
const NOTHING: usize = 151;
const NOT_TRIED: usize = 152;
const MASKED: usize = 154;
/// What an error number that does not fit is told as.
const OTHER: usize = 153;

impl Found {
    /// As the exit code that [`Found::from_code`] reads.
    pub(crate) fn code(self) -> usize {
        match self {
            Found::Obtained => OBTAINED,
            Found::Refused(errno @ 1..=133) => errno as usize,
            Found::Refused(_) => OTHER,
            Found::Own => OWN,
            Found::Masked => MASKED,
            Found::Nothing => NOTHING,
            Found::NotTried => NOT_TRIED,
        }
    }

    /// `None`: no code of a probe.
    pub(crate) fn from_code(code: usize) -> Option<Found> {
        Some(match code {
            OBTAINED | RAN => Found::Obtained,
            1..=133 => Found::Refused(code as i32),
            OWN => Found::Own,
            MASKED => Found::Masked,
            NOTHING => Found::Nothing,
            NOT_TRIED => Found::NotTried,
            _ => return None,
        })
    }

    /// Where the errors in `passed` come only from behind what stops it: a bad argument is looked at last.
    pub(crate) fn reached(answer: isize, passed: &[isize]) -> Found {
        if passed.contains(&-answer) { Found::Obtained } else { answer.into() }
    }
}

impl From<isize> for Found {
    fn from(answer: isize) -> Found {
        if answer < 0 { Found::Refused(-answer as i32) } else { Found::Obtained }
    }
}

/// Error numbers that probes tell apart. asm-generic/errno-base.h and errno.h.
pub(crate) mod errno {
    pub(crate) const EPERM: isize = 1;
    pub(crate) const ENOENT: isize = 2;
    pub(crate) const EBADF: isize = 9;
    pub(crate) const EAGAIN: isize = 11;
    pub(crate) const EACCES: isize = 13;
    pub(crate) const EFAULT: isize = 14;
    pub(crate) const EBUSY: isize = 16;
    pub(crate) const ENODEV: isize = 19;
    pub(crate) const EISDIR: isize = 21;
    pub(crate) const EINVAL: isize = 22;
    pub(crate) const ENOTTY: isize = 25;
    pub(crate) const ENOTBLK: isize = 15;
    pub(crate) const EOPNOTSUPP: isize = 95;
    pub(crate) const ESTALE: isize = 116;
    pub(crate) const ENOKEY: isize = 126;
}
