//! Writes of the audit.
#![forbid(unsafe_code)]
