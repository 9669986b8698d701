//! The words of the language: architectures, system calls, capabilities, constants.

pub mod arch;
pub mod capabilities;

pub use arch::Arch;
pub use capabilities::{Cap, CapSet};
