//! What it costs to install a filter.

use std::fs;
use std::path::Path;
use std::process::Command;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::bpf;

/// Nanoseconds by program and round. A first tenth of rounds more is thrown away.
pub(crate) fn rounds(scratch: &Path, rounds: usize, programs: &[&[Instruction]]) -> Vec<Vec<f64>> {
    let warm = rounds / 10;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/seccomp/attach.c");
    let attach = scratch.join("attach");
    let status =
        Command::new("gcc").args(["-O2", "-static", "-o"]).args([&attach, &source]).status().unwrap();
    assert!(status.success(), "gcc {}: {status}", source.display());
    let files = (0..programs.len()).map(|at| scratch.join(format!("{at}.bpf")));
    let files: Vec<_> = files.collect();
    for (file, program) in files.iter().zip(programs) {
        fs::write(file, bpf::bytes(program)).unwrap();
    }
    let output = Command::new(attach).arg((rounds + warm).to_string()).args(files).output().unwrap();
    assert!(output.status.success(), "attach: {}", output.status);
    let mut times = vec![Vec::with_capacity(rounds); programs.len()];
    for line in String::from_utf8(output.stdout).unwrap().lines().skip(warm) {
        for (time, word) in times.iter_mut().zip(line.split(' ')) {
            time.push(word.parse().unwrap());
        }
    }
    times
}

/// The middle of them.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The median of each round's ratio.
pub(crate) fn ratio(times: &[f64], base: &[f64]) -> f64 {
    median(times.iter().zip(base).map(|(time, base)| time / base).collect())
}
