//! The words of the language: architectures, system calls, capabilities, constants.
//!
//! The tables are written by `cargo run -p stockade-generate` from `policy/data`. They hold no pointers, so
//! that a start of the binary relocates nothing for them; typed views are built on first use.

pub mod arch;
pub mod bypass;
pub mod capabilities;
pub mod constants;
pub(crate) mod frequency;
mod generated;
pub mod groups;
pub mod masks;
pub mod nearest;
#[cfg(all(test, target_arch = "x86_64", target_os = "linux", target_env = "gnu"))]
mod oracle;
pub mod parameters;
mod pool;
pub mod syscalls;
pub mod version;

pub use arch::Arch;
pub use capabilities::{Cap, CapSet};
pub use groups::{Group, Risk};
pub use nearest::nearest;
pub use parameters::Parameter;
pub use version::{TABLE_VERSION, TableVersion};
