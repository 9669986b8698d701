//! Changes the state of the kernel: launches a program inside a plan, and shows what the kernel enforces.
//!
//! ```text
//! Plan → applied → Status
//!  launch    verify
//! ```
//!
//! `unsafe` stands only in `sys`, one kernel interface a file.

pub mod begin;
pub mod drill;
pub mod filters;
pub mod freeze;
pub mod install;
pub mod interrupt;
pub mod launch;
pub mod layer;
pub mod ledger;
pub mod oci;
pub mod probe;
pub mod quota;
pub mod sealed;
pub mod status;
mod sys;
pub mod verify;

pub use sys::Errno;
