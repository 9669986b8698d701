//! The profile language through its public interface: parse, resolve, findings, schema.
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod language {
    mod around;
    mod contradictions;
    mod faults;
    mod hostile;
    mod meaning;
    mod schema;
    mod table;
    pub(crate) mod world;
}
