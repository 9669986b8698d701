//! Finds the containers, images and hosts that still need a profile. Nothing of it is built yet.
#![forbid(unsafe_code)]
