//! Containers of engines: what stands between an engine and its OCI runtime.
//!
//! ```text
//! engine → bundle → claims → (policy crate: choose, tighten) → bundle, init, record → inner runtime
//! ```

pub mod bundle;
pub mod canonical;
pub mod claims;
pub mod init;
pub mod inner;
mod maker;
pub mod record;
pub mod surroundings;
