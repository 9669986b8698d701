//! `stockade run` end to end: through the binary, on the real kernel, with the target's own `/proc` as the
//! judge. Needs root.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

#[macro_use]
#[path = "../host/needs.rs"]
mod needs;
mod defence;
#[path = "../command/ended.rs"]
mod ended;
mod escapes;
mod faults;
mod harness;
mod hostile_root;
mod leftovers;
#[path = "../host/mounts.rs"]
mod mounts;
mod programs;
mod verified;
mod view;
