//! The layers that a plan is made of, each applied by the steps of a launch.

pub mod cgroup;
