//! The fence around `unsafe`: one kernel interface a file.

mod errno;

pub use errno::Errno;
