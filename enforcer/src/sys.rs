//! The unsafe fence: one kernel interface a file.
#![expect(unsafe_code, reason = "the fence itself: raw system calls live here and nowhere else")]

pub(crate) mod filters;
pub(crate) mod in_root;
pub(crate) mod pidfd;
pub(crate) mod probe;

pub(crate) mod seals;
