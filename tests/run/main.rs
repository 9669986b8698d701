//! `stockade run` end to end: through the binary, on the real kernel, with the target's own `/proc` as the
//! judge. Needs root.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

mod escapes;
mod faults;
mod harness;
mod hostile_root;
mod leftovers;
mod programs;
mod verified;
mod view;
