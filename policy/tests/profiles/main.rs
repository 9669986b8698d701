//! The built-in profiles: what holds of all of them, and `docker-default` beside Docker's own.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod builtin;
mod classes;
mod docker;
mod docker_json;
#[path = "../compile/world.rs"]
#[expect(dead_code, reason = "the hosts are wanted here, the policies are not")]
mod hosts;
mod world;
