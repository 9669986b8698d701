//! Changes the state of the kernel.
