//! What a seccomp filter costs: stockade's beside libseccomp's and the one that runc installs, for Docker's
//! default profile with its 14 capabilities.
//!
//! `cargo bench --bench seccomp [-- ROUNDS]`, as root, on a quiet machine. Every filter is attached once a
//! round, in turn, each by a fresh process; medians, and the median of each round's ratio. Instructions that
//! are executed count the return; a call whose arguments decide counts with its longest path.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and ends where it cannot go on"
)]

#[path = "../policy/tests/seccomp/agreement.rs"]
#[expect(dead_code, reason = "the arguments are wanted here")]
mod agreement;
#[path = "seccomp/attach.rs"]
mod attach;
#[path = "../tests/host/cgroups.rs"]
mod cgroups;
#[path = "seccomp/compilers.rs"]
mod compilers;
#[path = "../tests/seccomp_runc/container.rs"]
mod container;
#[path = "../tests/seccomp_runc/docker.rs"]
mod docker;
#[path = "../policy/tests/profiles/docker_json.rs"]
#[expect(dead_code, reason = "the rules are wanted here")]
mod docker_json;
#[path = "seccomp/executed.rs"]
mod executed;
#[path = "../policy/tests/profiles/world.rs"]
mod world;

use compilers::{Compiler, Inputs, Scope};
use executed::Executed;
use std::fs;
use std::path::Path;
use std::process::Command;
use stockade_policy::lattice::action::Action;
use stockade_policy::plan::Instruction;
use stockade_policy::seccomp::bpf;

/// Rounds where none are given.
const ROUNDS: usize = 400;
/// The option that compiles one filter once, for callgrind.
const ONCE: &str = "--once";

/// A filter in the table.
struct Row {
    name: String,
    scope: Scope,
    program: Vec<Instruction>,
    /// What compiles it, as `ONCE` takes it.
    compiler: Option<Compiler>,
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let inputs = Inputs::read();
    if let Some(at) = words.iter().position(|word| word == ONCE) {
        let compiler = Compiler::named(&words[at + 1]);
        let scope = Scope::named(&words[at + 2]);
        println!("{} instructions", compilers::compiled_once(&inputs, compiler, scope).len());
        return;
    }
    let rounds = words.iter().filter_map(|word| word.parse().ok()).next().unwrap_or(ROUNDS);
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seccomp");
    fs::create_dir_all(&scratch).unwrap();
    let rows = rows(&inputs);
    let programs: Vec<&[Instruction]> = rows.iter().map(|row| row.program.as_slice()).collect();
    let times = attach::rounds(&scratch, rounds, &programs);
    let of = |scope: Scope, name: &str| {
        let found = rows.iter().position(|row| row.scope == scope && row.name == name);
        &times[found.unwrap()]
    };
    let runc = of(Scope::Three, RUNC);
    println!("{rounds} rounds\n");
    println!(
        "| filter | interfaces | instructions | uniform | worst | mix | attach µs | to libseccomp's tree | to runc's | \
         instructions to compile |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (row, times) in rows.iter().zip(&times) {
        let Executed { uniform, worst, mix } = executed::executed(&inputs, row.scope, &row.program);
        println!(
            "| {} | {} | {} | {uniform:.2} | {worst} | {mix:.2} | {:.1} | {:.3} | {:.3} | {} |",
            row.name,
            row.scope.shown(),
            row.program.len(),
            attach::median(times.clone()) / 1e3,
            attach::ratio(times, of(row.scope, TREE)),
            attach::ratio(times, runc),
            row.compiler.map_or_else(|| "–".to_owned(), |compiler| cost(&scratch, compiler, row.scope)),
        );
    }
}

/// The rows that others are compared with.
const TREE: &str = "libseccomp, tree";
const RUNC: &str = "what runc installs";

fn rows(inputs: &Inputs) -> Vec<Row> {
    let mut rows = Vec::new();
    for scope in [Scope::Native, Scope::Three] {
        for compiler in Compiler::ALL {
            let program = compilers::compiled_once(inputs, compiler, scope);
            rows.push(Row { name: compiler.shown().to_owned(), scope, program, compiler: Some(compiler) });
        }
        let container = container::Container::start(&docker::oci(&inputs.docker, scope.architectures()));
        rows.push(Row { name: RUNC.to_owned(), scope, program: container.filter(), compiler: None });
    }
    let allow = Instruction(bpf::RETURN, 0, 0, bpf::return_value(Action::Allow));
    rows.push(Row {
        name: "one ALLOW".to_owned(),
        scope: Scope::Native,
        program: vec![allow],
        compiler: None,
    });
    rows
}

/// Instructions that compiling takes, counted by callgrind; "–" where there is none.
fn cost(scratch: &Path, compiler: Compiler, scope: Scope) -> String {
    let counts = scratch.join("callgrind");
    let ended = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*compiled_once*"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(std::env::current_exe().unwrap())
        .args([ONCE, compiler.name(), scope.name()])
        .output();
    let Ok(output) = ended else { return "–".to_owned() };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = fs::read_to_string(counts).unwrap();
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
    format!("{:.2} M", total.trim().parse::<f64>().unwrap() / 1e6)
}
