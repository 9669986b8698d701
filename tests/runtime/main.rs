//! `stockade runtime` as an engine calls it, before real runc: whatever fails, no container runs weaker than its policy;
//! what is not met passes through.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[macro_use]
#[path = "../host/needs.rs"]
mod needs;
mod added;
mod again;
mod bench;
mod broken;
#[path = "../host/cgroups.rs"]
mod cgroups;
#[path = "../host/criu.rs"]
mod criu;
#[path = "../command/ended.rs"]
mod ended;
mod facts;
mod guests;
#[path = "../host/hierarchy.rs"]
mod hierarchy;
mod hooks;
mod injected;
mod joined;
mod labelled;
#[path = "../host/limits.rs"]
mod limits;
mod meet;
mod passed;
#[path = "../host/patience.rs"]
mod patience;
mod reached;
mod refused;
mod restored;
mod settings;
mod shared;
mod swapped;
mod together;
mod unified;
mod updated;
mod verified;
