//! Changes the state of the kernel: launches a program inside a plan.
//!
//! ```text
//! Plan → applied
//!  launch::launch
//! ```
//!
//! `unsafe` stands only in [`mod@sys`], one kernel interface a file.

pub mod launch;
pub mod layer;
pub mod sys;
