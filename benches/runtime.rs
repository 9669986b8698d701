//! What `stockade runtime` adds to making a container, beside runc and crun alone.
//!
//! `cargo bench --bench runtime [-- ROUNDS]`, as root, on a quiet machine: every case once a round, in turn, so that what
//! disturbs one disturbs all; medians, and the median of each round's difference. Processor time is of everything
//! that a command starts, the container's first process included.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "runtime/alone.rs"]
mod alone;
#[path = "runtime/bundle.rs"]
mod bundle;
#[path = "../tests/host/hierarchy.rs"]
mod hierarchy;

use bundle::Place;
use hierarchy::ONE_HIERARCHY;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Rounds where none are given.
const ROUNDS: usize = 100;

/// A runtime by which a container is made.
struct Case {
    name: &'static str,
    /// The inner runtime.
    runtime: &'static str,
    /// The profile, where stockade stands before it.
    profile: Option<&'static str>,
    /// Whether the bundle has Docker's filter.
    filtered: bool,
    /// The case that it is compared with.
    beside: usize,
}

/// Every way to make the container.
const CASES: [Case; 8] = [
    Case { name: "runc", runtime: "runc", profile: None, filtered: true, beside: 0 },
    Case { name: "runc, no filter", runtime: "runc", profile: None, filtered: false, beside: 0 },
    Case { name: "stockade, runc", runtime: "runc", profile: Some("plain"), filtered: true, beside: 0 },
    Case { name: "stockade, runc, init", runtime: "runc", profile: Some("init"), filtered: true, beside: 0 },
    Case { name: "crun", runtime: "crun", profile: None, filtered: true, beside: 5 },
    Case { name: "crun, no filter", runtime: "crun", profile: None, filtered: false, beside: 5 },
    Case { name: "stockade, crun", runtime: "crun", profile: Some("plain"), filtered: true, beside: 5 },
    Case { name: "stockade, crun, init", runtime: "crun", profile: Some("init"), filtered: true, beside: 5 },
];

/// What one round of a case took, microseconds.
struct Taken {
    /// Processor time of `create`, and of the first process until it is ended unstarted, and of `delete --force`.
    made: [f64; 3],
    /// Time of `create`.
    create: f64,
    /// Time from `start` to the end of the container's command.
    command: f64,
    /// Processor time of the first process where its command is started.
    process: f64,
}

fn main() {
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(ROUNDS);
    let place = Place::prepare(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtime"));
    let cases: Vec<&Case> = CASES.iter().filter(|case| works(&place, case)).collect();
    let mut bare: Vec<f64> = Vec::with_capacity(rounds);
    let mut times: Vec<Vec<Taken>> = cases.iter().map(|_| Vec::with_capacity(rounds)).collect();
    for _ in 0..rounds {
        bare.push(
            cost(&place, "runc", &[&[place.join("root/bin/true").display().to_string()]]).unwrap()[0][0],
        );
        for (case, times) in cases.iter().zip(&mut times) {
            times.push(taken(&place, case).unwrap());
        }
    }
    let bare = median(bare);
    println!("{rounds} rounds; fork and exec of a static program: {bare:.0} µs of processor time\n");
    println!(
        "| case | create | first process | delete | together | more than alone | in fork+exec | ratio | create takes | \
         command takes | of processor time |\n|---|---|---|---|---|---|---|---|---|---|---|"
    );
    for (case, taken) in cases.iter().zip(&times) {
        let base = cases.iter().position(|other| other.name == CASES[case.beside].name).unwrap();
        let of = |get: &dyn Fn(&Taken) -> f64| median(taken.iter().map(get).collect());
        let sum = |taken: &Taken| taken.made.iter().sum::<f64>();
        let pairs = || taken.iter().zip(&times[base]);
        let more = median(pairs().map(|(one, alone)| sum(one) - sum(alone)).collect());
        let ratio = median(pairs().map(|(one, alone)| sum(one) / sum(alone)).collect());
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.0} | {more:+.0} | {:+.2} | {ratio:.2} | {:.0} | {:.0} | {:.0} |",
            case.name,
            of(&|taken| taken.made[0]),
            of(&|taken| taken.made[2]),
            of(&|taken| taken.made[1]),
            of(&sum),
            more / bare,
            of(&|taken| taken.create),
            of(&|taken| taken.command),
            of(&|taken| taken.process),
        );
    }
    if let [Some(without), Some(with)] =
        ["stockade, runc", "stockade, runc, init"].map(|name| cases.iter().position(|case| case.name == name))
    {
        let pairs = || times[with].iter().zip(&times[without]);
        let time = median(pairs().map(|(with, without)| with.command - without.command).collect());
        let used = median(pairs().map(|(with, without)| with.process - without.process).collect());
        println!("\nThe init adds {time:.0} µs to a command, {used:.0} µs of processor time.");
    }
    alone::print(&place, rounds);
}

/// Whether a case can be measured here; says so where it cannot.
fn works(place: &Place, case: &Case) -> bool {
    let tried = taken(place, case);
    if let Err(why) = &tried {
        println!("left out: {}: {why}", case.name);
    }
    tried.is_ok()
}

fn taken(place: &Place, case: &Case) -> Result<Taken, String> {
    // As with an engine, no container has the id of an earlier one.
    static CONTAINERS: AtomicUsize = AtomicUsize::new(0);
    let id = || {
        let number = CONTAINERS.fetch_add(1, Ordering::Relaxed);
        format!("stockade-bench-{}-{number}", std::process::id())
    };
    let words = |words: &[&str], id: &str| -> Vec<String> {
        let state = place.join(&format!("state-{}", case.runtime)).display().to_string();
        let mut line = match case.profile {
            None => vec![case.runtime.to_owned()],
            Some(profile) => {
                let rules = place.join(&format!("{}-{profile}.rules.yaml", case.runtime));
                let stockade = env!("CARGO_BIN_EXE_stockade").to_owned();
                vec![stockade, "runtime".to_owned(), "--rules".to_owned(), rules.display().to_string()]
            }
        };
        line.extend(["--root".to_owned(), state]);
        line.extend(words.iter().map(|word| (*word).to_owned()));
        line.push(id.to_owned());
        line
    };
    let wait = vec!["wait".to_owned()];
    let delete = |id: &str| words(&["delete", "--force"], id);
    let create = |id: &str| {
        let bundle = place.bundle(id, case.filtered).display().to_string();
        words(&["create", "--bundle", &bundle], id)
    };
    let (unstarted, started) = (id(), id());
    let made = cost(place, case.runtime, &[&create(&unstarted), &delete(&unstarted), &wait])?;
    let start = words(&["start"], &started);
    let ran = cost(place, case.runtime, &[&create(&started), &start, &wait, &delete(&started)])?;
    Ok(Taken {
        made: [made[0][0], made[1][0], made[2][0]],
        create: made[0][1],
        command: ran[1][1] + ran[2][1],
        process: ran[2][0],
    })
}

/// Processor time and time of each command, microseconds, and its page faults.
fn cost(place: &Place, runtime: &str, commands: &[&[String]]) -> Result<Vec<[f64; 3]>, String> {
    let mut command = if runtime == "crun" {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", ONE_HIERARCHY, "sh"]).arg(place.join("cost"));
        command
    } else {
        Command::new(place.join("cost"))
    };
    for words in commands {
        command.args(*words).arg(";");
    }
    // The container keeps what it inherits: a pipe would stay open.
    let log = std::fs::File::create(place.join("log")).unwrap();
    let output = command
        .stdin(Stdio::null())
        .stderr(log)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(std::fs::read_to_string(place.join("log")).unwrap());
    }
    let line = |line: &str| {
        let mut numbers = line.split(' ').map(|number| number.parse().unwrap());
        [(); 3].map(|()| numbers.next().unwrap())
    };
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(line).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
