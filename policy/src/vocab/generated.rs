//! What `cargo run -p stockade-generate` writes. Not for reading, and not for the formatter.

#[rustfmt::skip]
pub(super) mod constants;
#[rustfmt::skip]
pub(super) mod frequency;
#[rustfmt::skip]
pub(super) mod groups;
#[rustfmt::skip]
pub(super) mod parameters;
#[rustfmt::skip]
pub(super) mod syscalls;
