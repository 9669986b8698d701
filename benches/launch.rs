//! What a launch costs, beside the least a launcher can do and beside bubblewrap.
//!
//! `cargo bench --bench launch [-- ROUNDS]`, as root, on a quiet machine: every case once a round, in turn,
//! so that what disturbs one disturbs all; medians, and the median of each round's ratio to the first case.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Rounds where none are given.
const ROUNDS: usize = 60;
/// What is launched: the least program there is.
const TRUE: &str = "int main(void) { return 0; }\n";
/// What `restricted` puts around a program, in the yardstick's letters: the same namespaces, processes, mounts, and
/// filter. It does less in each of these, and so is the harder to come close to: one Landlock rule and not nine, no
/// hidden path looked for, no descriptor of the program and no report of its end, an init that is a fork and no
/// program of its own, no resource limit, no session, no keyring, no refusal of what did not work.
const FLOOR_FLAGS: &str = "ptincmPDTNLCSRu";

struct Case {
    name: &'static str,
    argv: Vec<String>,
}

fn main() {
    let rounds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(ROUNDS);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("launch");
    let root = prepare(&scratch);
    let cases = cases(&scratch, &root);
    for case in &cases {
        let status = command(case).status().unwrap();
        assert!(status.success(), "{}: {status}", case.name);
    }
    let mut times = vec![Vec::with_capacity(rounds); cases.len()];
    for _ in 0..rounds {
        for (case, times) in cases.iter().zip(&mut times) {
            let start = Instant::now();
            let status = command(case).status().unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e6);
            assert!(status.success(), "{}: {status}", case.name);
        }
    }
    let base = times[0].clone();
    let yardstick = times[1].clone();
    println!(
        "{rounds} rounds\n\n| case | µs | to fork+exec | to the bare program | system calls |\n|---|---|---|---|---|"
    );
    for (case, times) in cases.iter().zip(&times) {
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {} |",
            case.name,
            median(times.clone()),
            ratio(times, &base),
            ratio(times, &yardstick),
            system_calls(&scratch, case),
        );
    }
}

fn command(case: &Case) -> Command {
    let mut command = Command::new(&case.argv[0]);
    command.args(&case.argv[1..]).stdin(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin");
    command
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn ratio(times: &[f64], base: &[f64]) -> f64 {
    median(times.iter().zip(base).map(|(time, base)| time / base).collect())
}

/// How many system calls the case makes: in all, and by process in the order in which they appear.
fn system_calls(scratch: &Path, case: &Case) -> String {
    let trace = scratch.join("trace");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", "signal=none", "-o"])
        .arg(&trace)
        .args(&case.argv)
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .status()
        .unwrap();
    assert!(status.success(), "strace {}: {status}", case.name);
    let trace = fs::read_to_string(trace).unwrap();
    let mut processes: Vec<(&str, usize)> = Vec::new();
    for line in trace.lines().filter(|line| !line.contains(" resumed>")) {
        let pid = line.split_once(' ').map_or("", |(pid, _)| pid);
        match processes.iter_mut().find(|(of, _)| *of == pid) {
            Some((_, count)) => *count += 1,
            None => processes.push((pid, 1)),
        }
    }
    let counts: Vec<String> = processes.iter().map(|(_, count)| count.to_string()).collect();
    format!("{} = {}", processes.iter().map(|(_, count)| count).sum::<usize>(), counts.join(" + "))
}

/// The root with its one program, the yardstick, the compiled plan and its filter.
fn prepare(scratch: &Path) -> PathBuf {
    let root = scratch.join("root");
    for directory in ["bin", "proc", "dev", "tmp"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(scratch.join("true.c"), TRUE).unwrap();
    compile(&scratch.join("true.c"), &root.join("bin/true"));
    compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/launch/floor.c"), &scratch.join("floor"));
    for (emit, format, file) in [("plan", "json", "plan.json"), ("seccomp-bpf", "text", "filter.bpf")] {
        let output = Command::new(env!("CARGO_BIN_EXE_stockade"))
            .args(["compile", "restricted", "--emit", emit, "--format", format, "--root"])
            .arg(&root)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::write(scratch.join(file), output.stdout).unwrap();
    }
    root
}

fn compile(source: &Path, program: &Path) {
    let status =
        Command::new("gcc").args(["-O2", "-static", "-w", "-o"]).args([program, source]).status().unwrap();
    assert!(status.success(), "gcc {}: {status}", source.display());
}

fn cases(scratch: &Path, root: &Path) -> Vec<Case> {
    let path = |name: &str| scratch.join(name).display().to_string();
    let root = root.display().to_string();
    let stockade = env!("CARGO_BIN_EXE_stockade");
    let case = |name, words: &str| Case { name, argv: words.split(' ').map(str::to_owned).collect() };
    vec![
        case("fork and exec", &format!("{root}/bin/true")),
        case(
            "the bare program",
            &format!("{} {FLOOR_FLAGS} {root} {} /bin/true", path("floor"), path("filter.bpf")),
        ),
        case("stockade, compiled plan", &format!("{stockade} run --plan {} -- /bin/true", path("plan.json"))),
        case("stockade, profile", &format!("{stockade} run --profile restricted --root {root} -- /bin/true")),
        case("bwrap, minimal", &format!("bwrap --ro-bind {root} / /bin/true")),
        case(
            "bwrap, everything unshared, no filter",
            &format!("bwrap --unshare-all --proc /proc --dev /dev --ro-bind {root} / /bin/true"),
        ),
    ]
}
