//! Reads the state of the kernel and of container engines, never changes it.
//!
//! Everything read here is hostile: a process may name its mounts as it likes, change while it is read
//! and vanish at any time. So reads are bounded, a process is held by its directory in /proc (a pid
//! that is given to another process in between is an error, never a mixture of two), and a file that
//! does not look as proc(5) says is an error with the text that was not understood.
//!
//! The four small formats are read here and not by the `procfs` crate because of what is verified with
//! them: that crate leaves the octal escapes of mount points as they are, refuses the whole file for one
//! name that is not UTF-8 (which a container may choose), reads without a bound, and does not know
//! `Seccomp_filters`.
#![forbid(unsafe_code)]

pub mod cgroup;
pub mod engine;
pub mod error;
pub mod limits;
pub mod mounts;
pub mod namespace;
pub mod process;
pub mod read;
pub mod status;

pub use error::{FormatError, ObserveError};
pub use process::Task;
