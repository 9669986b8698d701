//! The layers: how each is applied and how it is read back, side by side.

pub mod cgroup;
