//! The container init in containers that real runc starts, and by itself under strace.
//!
//! The oracle is the command inside, or its `/proc`: what it may do, and what it finds on itself.
#![forbid(unsafe_code)]
#![cfg(target_arch = "x86_64")]
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[macro_use]
#[path = "../../../tests/host/needs.rs"]
mod needs;
mod calls;
#[path = "../../../tests/host/cgroups.rs"]
mod cgroups;
mod conjunction;
mod container;
mod ended;
mod faults;
mod holds;
mod look_up;
mod scene;
mod untraced;
#[path = "../../../policy/tests/profiles/world.rs"]
#[expect(dead_code, reason = "its lookup is wanted here")]
mod world;
