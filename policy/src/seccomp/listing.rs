//! A filter as a listing: every instruction with what comes there and why.
//!
//! The filter is walked once from its start with everything that may arrive: for each instruction the numbers
//! of each interface, exactly, and what the accumulator holds. Only tests of the interface and the number part
//! them; a test of an argument lets all go both ways.

mod reach;
mod reason;

use super::bpf;
use crate::lattice::syscalls::Syscalls;
use crate::plan::Instruction;
use crate::vocab::Arch;
use std::fmt::Write as _;

/// Longest instruction that reasons are aligned behind, characters.
const WIDTH: usize = 52;

/// The program for a host with a reason behind each instruction; `policy` is what it was compiled from.
pub fn listing(program: &[Instruction], policy: &Syscalls, host: Arch) -> String {
    let reached = reach::walk(program, host);
    let text = bpf::text(program);
    let mut out = String::new();
    for ((line, instruction), arrivals) in text.lines().zip(program).zip(&reached) {
        let reason = reason::reason(*instruction, arrivals, policy);
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", format!("{line:<WIDTH$}  ; {reason}").trim_end());
    }
    out
}
