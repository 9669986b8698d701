//! The layers that a plan is made of. Each prepares its part in the launcher, and applies it in the child, where
//! nothing may be allocated and nothing may panic.

pub(crate) mod capabilities;
pub mod cgroup;
pub(crate) mod identity;
pub(crate) mod landlock;
pub(crate) mod mounts;
pub(crate) mod namespaces;
pub(crate) mod process;

use crate::launch::LaunchError;
use crate::sys::Errno;
use std::ffi::{CStr, CString};

/// A step that failed: on what, and the kernel's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure<'a> {
    /// The path or name; empty where there is none.
    pub object: &'a CStr,
    /// The answer.
    pub errno: Errno,
}

/// The end of a step.
pub(crate) type Done<'a> = Result<(), Failure<'a>>;

/// Names the object of a failed call.
pub(crate) trait On<T> {
    /// Names it.
    fn on(self, object: &CStr) -> Result<T, Failure<'_>>;
    /// There is none.
    fn on_nothing<'a>(self) -> Result<T, Failure<'a>>;
}

impl<T> On<T> for Result<T, Errno> {
    fn on(self, object: &CStr) -> Result<T, Failure<'_>> {
        self.map_err(|errno| Failure { object, errno })
    }

    fn on_nothing<'a>(self) -> Result<T, Failure<'a>> {
        self.map_err(|errno| Failure { object: c"", errno })
    }
}

/// A text as the kernel takes it.
pub(crate) fn c_string(what: &str, text: &str) -> Result<CString, LaunchError> {
    CString::new(text).map_err(|_| LaunchError::BadInput {
        object: format!("{what} `{}`", text.escape_default()),
        why: "a NUL byte cannot be passed to the kernel",
    })
}

/// A path that starts at the root.
pub(crate) fn absolute(what: &str, path: &str) -> Result<CString, LaunchError> {
    if !path.starts_with('/') {
        return Err(LaunchError::BadInput {
            object: format!("{what} `{path}`"),
            why: "is not an absolute path",
        });
    }
    c_string(what, path)
}
