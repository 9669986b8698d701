//! Reads the state of the kernel, never changes it.
#![forbid(unsafe_code)]
