//! The laws of the lattice, section by section and for whole policies.
//!
//! "With origins" means that the comparison sees who decided: it goes through the `Debug` form, as
//! equality in the lattice ignores origins.

mod diagram;
mod files;
mod generate;
mod intervals;
mod network;
mod policy;
mod syscalls;

/// Everything about a value, origins included.
fn with_origins(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}")
}
