//! `stockade drill` end to end: every probe real, every verdict with its line, nothing left behind. Needs root.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod drilled;
mod hostile;
mod leftovers;
mod profiles;
mod runc;
mod single;
