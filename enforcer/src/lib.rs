//! Changes the state of the kernel.

pub mod layer;
pub mod ledger;
pub mod probe;
pub mod status;
mod sys;
pub mod verify;
