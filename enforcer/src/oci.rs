//! What is put around the containers of engines, by way of the OCI runtime that they call.

pub mod init;
