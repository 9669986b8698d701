//! Plain data of both sides.
#![no_std]
