//! Containers of engines: what stands between an engine and its OCI runtime.
//!
//! ```text
//! engine → bundle → claims → (policy crate: choose, tighten) → init, record, sources, bundle → inner runtime
//! ```

pub mod bundle;
pub mod canonical;
pub mod claims;
pub mod handed;
pub mod init;
pub mod inner;
mod maker;
mod others;
pub mod record;
pub mod restored;
pub mod sources;
pub mod surroundings;
