//! The profile language of stockade, the lattice its policies live in, and the compilers that turn a
//! policy into a plan for one host.
//!
//! ```text
//! profile text → Profile → Policy → Plan
//!     parse      resolve   compile
//! ```
//!
//! This crate does no I/O: whatever must be looked up outside (a profile named in `extends`, a user
//! name, the interpreter of a program) is asked of a [`lookup::Lookup`].
#![forbid(unsafe_code)]

pub mod compile;
pub mod condition;
pub mod defence;
pub mod diagnostic;
pub mod diff;
pub mod explain;
pub mod export;
pub mod expression;
pub mod host;
pub mod import;
pub mod lattice;
pub mod lookup;
pub mod oci;
pub mod origin;
pub mod parse;
pub mod plan;
pub mod policy;
pub mod profile;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod seccomp;
pub mod units;
pub mod vocab;
pub mod write;
