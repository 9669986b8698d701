//! What stockade does by itself: the same commands with an inner runtime that does nothing. System calls, page faults and
//! instructions do not depend on what else the machine does.

use crate::bundle::Place;
use crate::{cost, median};
use std::process::{Command, Stdio};

/// A command of stockade's with one inner runtime.
struct Case {
    name: &'static str,
    runtime: &'static str,
    profile: &'static str,
    /// Whether it is a `create`; something that is only handed on otherwise.
    create: bool,
}

const CASES: [Case; 5] = [
    Case { name: "`state`, handed on", runtime: "runc", profile: "plain", create: false },
    Case { name: "`create`, runc", runtime: "runc", profile: "plain", create: true },
    Case { name: "`create`, runc, init", runtime: "runc", profile: "init", create: true },
    Case { name: "`create`, crun", runtime: "crun", profile: "plain", create: true },
    Case { name: "`create`, crun, init", runtime: "crun", profile: "init", create: true },
];

/// Prints the table.
pub(crate) fn print(place: &Place, rounds: usize) {
    let program = place.join("root/bin/true").display().to_string();
    let mut bare = Vec::with_capacity(rounds);
    let mut taken: Vec<Vec<[f64; 3]>> = CASES.iter().map(|_| Vec::with_capacity(rounds)).collect();
    // What is kept of a meet is there from the second one on.
    for case in &CASES {
        cost(place, "runc", &[&line(place, case, "warm")]).unwrap();
    }
    for round in 0..rounds {
        bare.push(cost(place, "runc", &[std::slice::from_ref(&program)]).unwrap()[0]);
        for (case, taken) in CASES.iter().zip(&mut taken) {
            let line = line(place, case, &format!("round-{round}"));
            taken.push(cost(place, "runc", &[&line]).unwrap()[0]);
        }
    }
    let of = |taken: &[[f64; 3]], which: usize| median(taken.iter().map(|one| one[which]).collect());
    let (bare_time, bare_faults) = (of(&bare, 0), of(&bare, 2));
    println!(
        "\nBy itself, before an inner runtime that does nothing and costs {bare_time:.0} µs:\n\n\
         | command | µs of processor time more | in fork+exec | median of ratios | system calls | page faults | \
         instructions |\n|---|---|---|---|---|---|---|"
    );
    for (case, taken) in CASES.iter().zip(&taken) {
        let ratio = median(taken.iter().zip(&bare).map(|(one, bare)| (one[0] - bare[0]) / bare[0]).collect());
        let more = of(taken, 0) - bare_time;
        // Once a minute a create looks for what is gone: the one before does, and not the one that is counted.
        let counted = |id: &str| {
            cost(place, "runc", &[&line(place, case, &format!("before-{id}"))]).unwrap();
            line(place, case, id)
        };
        println!(
            "| {} | {more:.0} | {:.2} | {ratio:.2} | {} | {:.0} | {} |",
            case.name,
            more / bare_time,
            calls(place, &counted("calls")),
            of(taken, 2) - bare_faults,
            instructions(place, &counted("steps")),
        );
    }
}

/// The command line, with a bundle that is there as an engine writes it.
fn line(place: &Place, case: &Case, id: &str) -> Vec<String> {
    let rules = place.join(&format!("idle-{}-{}.rules.yaml", case.runtime, case.profile));
    let id = format!("{}-{}-{id}", case.runtime, case.profile);
    let start = [env!("CARGO_BIN_EXE_stockade"), "runtime", "--rules"].map(str::to_owned);
    let root = ["--root".to_owned(), place.join("idle-state").display().to_string()];
    let line = start.into_iter().chain([rules.display().to_string()]).chain(root);
    if case.create {
        let bundle = place.bundle(&id, true).display().to_string();
        line.chain(["create".to_owned(), "--bundle".to_owned(), bundle, id]).collect()
    } else {
        line.chain(["state".to_owned(), id]).collect()
    }
}

/// System calls up to the one by which the program becomes another one.
fn calls(place: &Place, line: &[String]) -> usize {
    let log = place.join("calls");
    let status =
        Command::new("strace").args(["-qq", "-o"]).arg(&log).args(line).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "strace");
    let text = std::fs::read_to_string(log).unwrap();
    1 + text.lines().skip(1).take_while(|line| !line.starts_with("execve(")).count()
}

fn instructions(place: &Place, line: &[String]) -> String {
    let output = Command::new(place.join("steps")).args(line).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
