//! The profile language through its public interface: parse, resolve, findings, schema.

mod language {
    mod faults;
    mod hostile;
    mod meaning;
    mod schema;
    pub(crate) mod world;
}
