//! How long a guest takes to its first command, by kernel.
//!
//! `cargo bench --bench guest [-- ROUNDS]`, on a quiet machine. Every kernel once a round, in turn; medians. From the start of the
//! emulator to the first byte that the command writes, as the host's clock has it, and from the start of the kernel to the
//! command, as the guest's has it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

use std::fs;
use std::time::Duration;
use stockade_vm::{Ending, Guest, KERNELS, missing};

/// Rounds where none are given.
const ROUNDS: usize = 9;

fn main() {
    if let Some(why) = missing(KERNELS) {
        println!("no guests here: {why}");
        return;
    }
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(ROUNDS);
    let mut times = vec![(Vec::new(), Vec::new()); KERNELS.len()];
    for _ in 0..rounds {
        for (kernel, (first, boot)) in KERNELS.iter().zip(&mut times) {
            let ended = Guest::new(kernel).run(&["echo", "up"]).unwrap();
            assert_eq!(
                (ended.ending, ended.stdout.as_str()),
                (Ending::Exited(0), "up\n"),
                "{}",
                ended.console
            );
            first.push(ended.first.unwrap());
            boot.push(ended.boot.unwrap());
        }
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap();
    let load = load.split(' ').next().unwrap();
    println!(
        "{rounds} rounds, load {load}\n\n| kernel | first command, s | of it the guest's own, s |\n|---|---|---|"
    );
    for (kernel, (first, boot)) in KERNELS.iter().zip(times) {
        println!("| {kernel} | {:.2} | {:.2} |", median(first), median(boot));
    }
}

/// Seconds.
fn median(mut values: Vec<Duration>) -> f64 {
    values.sort();
    values[values.len() / 2].as_secs_f64()
}
