//! The laws of the lattice, section by section and for whole policies.
//!
//! "With origins" means that the comparison sees who decided: it goes through the `Debug` form, as
//! equality in the lattice ignores origins.
#![expect(clippy::unwrap_used, reason = "a strategy that fails to build is a failed test")]

mod diagram;
mod diff;
mod files;
mod generate;
mod intervals;
mod network;
mod policy;
mod syscalls;
mod world;

/// Everything about a value, origins included.
fn with_origins(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
