//! Other tools' filters as profiles, and back.
#![expect(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod docker;
#[path = "../profiles/docker_json.rs"]
#[expect(dead_code, reason = "written for the built-in profile's test")]
mod docker_json;
mod seccomp_json;
mod world;
