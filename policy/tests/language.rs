//! The profile language through its public interface: parse, resolve, findings, schema.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod language {
    mod faults;
    mod hostile;
    mod meaning;
    mod schema;
    pub(crate) mod world;
}
