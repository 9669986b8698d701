//! `stockade drill` end to end: every probe real, every verdict with its line, nothing left behind. Needs root.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[macro_use]
#[path = "../host/needs.rs"]
mod needs;
mod drilled;
#[path = "../command/ended.rs"]
#[expect(dead_code, reason = "a drill ends with a finding, which is asked for by its code")]
mod ended;
mod hostile;
mod leftovers;
mod profiles;
mod runc;
mod single;
