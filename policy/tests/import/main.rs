//! Other tools' filters as profiles, and back.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

#[path = "../profiles/world.rs"]
mod builtin;
mod containers;
mod docker;
#[path = "../profiles/docker_json.rs"]
#[expect(dead_code, reason = "written for the built-in profile's test")]
mod docker_json;
mod export;
mod filter;
#[path = "../seccomp/policies.rs"]
mod policies;
mod seccomp_json;
mod world;
