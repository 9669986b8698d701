//! The words of the language: architectures, system calls, capabilities, constants.
//!
//! The tables are written by `cargo run -p stockade-generate` from `policy/data`. They hold no pointers, so
//! that a start of the binary relocates nothing for them; typed views are built on first use.

pub mod arch;
pub mod capabilities;
pub mod constants;
mod generated;
pub mod nearest;
pub mod parameters;
mod pool;
pub mod syscalls;
pub mod version;

pub use arch::Arch;
pub use capabilities::{Cap, CapSet};
pub use nearest::nearest;
pub use parameters::Parameter;
pub use version::{TABLE_VERSION, TableVersion};
