//! What is not met is the inner runtime's: the same words, codes, descriptors and signals.

use crate::bench::{Bench, ended};
use crate::patience::patiently;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

/// What differs between twins: where they lie, and numbers.
fn normal(bench: &Bench, text: &str) -> String {
    if let Ok(stats) = serde_json::from_str::<Value>(text)
        && stats["type"] == "stats"
    {
        // A number that is 0 is left out.
        let kinds: Vec<&String> = stats["data"].as_object().unwrap().keys().collect();
        return format!("{} {kinds:?}", stats["id"]);
    }
    let text = text.replace(bench.join("").to_str().unwrap(), "BENCH/");
    let mut normal = String::new();
    for part in text.split(|c: char| c.is_ascii_digit()) {
        normal.push_str(part);
        if !normal.ends_with('#') {
            normal.push('#');
        }
    }
    // Tables are as wide as their numbers, and name the cgroup's numbers.
    normal.split_whitespace().collect::<Vec<_>>().join(" ").replace("#Z", "Z").replace("#.#", "#")
}

/// A command line on both twins: code, standard output, standard error, and the file that `--log` names.
fn twins(met: &Bench, plain: &Bench, line: &str) -> [(Option<i32>, [String; 3]); 2] {
    let asked = |bench: &Bench, of: fn(&Bench, &[&str]) -> Command| {
        let log = bench.join("log");
        drop(fs::remove_file(&log));
        let line = line
            .replace("LOG", log.to_str().unwrap())
            .replace("BUNDLE", bench.join("bundle-x").to_str().unwrap());
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut command = of(bench, &words);
        let input = bench.join("input");
        fs::write(&input, r#"{"pids": {"limit": 10}}"#).unwrap();
        let ended = ended(command.stdin(fs::File::open(input).unwrap()));
        let log = fs::read_to_string(log).unwrap_or_default();
        (ended.code, [ended.stdout, ended.stderr, log].map(|text| normal(bench, &text)))
    };
    [asked(met, Bench::stockade), asked(plain, Bench::plain)]
}

/// In this order: what one does the next one finds.
const LINES: [&str; 42] = [
    "--version",
    "-v",
    "--help",
    "-h",
    "",
    "features",
    "frobnicate",
    "help state",
    "spec --bundle BUNDLE",
    "state x",
    "ps x",
    "ps -f json x",
    "list",
    "list -q",
    "list --format json",
    "pause x",
    "state x",
    "resume x",
    "events --stats x",
    "update --resources - x",
    "update --pids-limit 5 x",
    "kill x 0",
    "kill --all x 0",
    "kill x NOSUCHSIGNAL",
    "start x",
    "delete x",
    "state",
    "state nobody",
    "kill nobody",
    "start nobody",
    "pause nobody",
    "events --stats nobody",
    "delete nobody",
    "delete --force nobody",
    "--log LOG state nobody",
    "--log LOG --log-format json state nobody",
    "--log-format json state nobody",
    "--log-format=json --debug state nobody",
    "kill x KILL",
    "delete --force x",
    "delete x",
    "state x",
];

fn say_the_same(made: fn() -> Bench) {
    let (met, plain) = (made(), made());
    for bench in [&met, &plain] {
        bench.start(&bench.bundle("x"));
    }
    let mut differ = Vec::new();
    for line in LINES {
        let [ours, theirs] = twins(&met, &plain, line);
        if ours != theirs {
            differ.push(format!("`{line}`:\n{ours:#?}\n{theirs:#?}"));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn plain_runc_and_the_wrapper_say_the_same() {
    needs!("runtime", "runc", "busybox");
    say_the_same(Bench::new);
}

#[test]
fn plain_crun_and_the_wrapper_say_the_same() {
    needs!("runtime-crun", "runc", "crun", "unshare", "busybox");
    say_the_same(Bench::of_crun);
}

#[test]
fn the_name_is_the_command() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let name = bench.join("stockade-runtime");
    symlink(env!("CARGO_BIN_EXE_stockade"), &name).unwrap();
    let own = |words: &[&str]| {
        let mut command = Command::new(&name);
        command.arg("--rules").arg(bench.join("runtime.yaml")).arg("--root").arg(bench.join("inner-state"));
        ended(command.args(words))
    };
    let bundle = bench.bundle("x");
    own(&["create", "--bundle", bundle.text(), "x"]).success();
    own(&["start", "x"]).success();
    crate::broken::is_tight(bench.pid("x"));
    assert!(own(&["state", "x"]).success().contains("\"running\""));
    let version = ended(Command::new("runc").arg("--version")).success();
    assert_eq!(ended(Command::new(&name).arg("--version")).success(), version);
    own(&["delete", "--force", "x"]).success();
    assert!(bench.state("x").is_none());
}

/// A bundle whose command is a script of sh.
fn script(bench: &Bench, script: &str) -> crate::bench::Bundle {
    let bundle = bench.bundle("x");
    bundle.edit(|config| config["process"]["args"] = json!(["/bin/sh", "-c", script]));
    bundle
}

#[test]
fn signals_reach_the_container() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = script(&bench, "trap 'exit 42' USR1; echo ready; while :; do sleep 0.1; done");
    let mut child = bench
        .stockade(&["run", "--bundle", bundle.text(), "x"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    assert_eq!(&ready, b"ready\n");
    // It is the runtime itself by now.
    let program = fs::read_link(format!("/proc/{}/exe", child.id())).unwrap();
    assert!(program.ends_with("runc"), "{}", program.display());
    assert!(Command::new("kill").args(["-USR1", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn input_and_output_are_untouched() {
    needs!("runtime", "runc", "busybox");
    let bench = Bench::new();
    let bundle = bench.bundle("x");
    bundle.edit(|config| config["process"]["args"] = json!(["/bin/cat"]));
    let mut child = bench
        .stockade(&["run", "--bundle", bundle.text(), "x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let sent: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    child.stdin.take().unwrap().write_all(&sent).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout == sent);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The command with descriptor 3 open on a file.
fn with_descriptor(command: &Command, file: &std::path::Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec 3<\"$0\"; exec \"$@\""]).arg(file);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// The wrapper and the inner runtime alone, each on a bench of its own.
fn each_twin(made: fn() -> Bench, test: impl Fn(&Bench, fn(&Bench, &[&str]) -> Command)) {
    test(&made(), Bench::stockade);
    test(&made(), Bench::plain);
}

fn descriptors(bench: &Bench, of: fn(&Bench, &[&str]) -> Command) {
    let file = bench.join("passed");
    fs::write(&file, "through descriptor 3").unwrap();
    let bundle = script(bench, "cat <&3");
    let run = of(bench, &["run", "--bundle", bundle.text(), "--preserve-fds", "1", "x"]);
    assert_eq!(ended(&mut with_descriptor(&run, &file)).success(), "through descriptor 3");
    let sleeping = bench.bundle("y");
    ended(&mut of(bench, &["create", "--bundle", sleeping.text(), "y"])).success();
    ended(&mut of(bench, &["start", "y"])).success();
    let process = json!({"user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "-c", "cat <&3"], "cwd": "/"});
    let part = bench.join("process.json");
    fs::write(&part, process.to_string()).unwrap();
    let part = part.to_str().unwrap();
    let exec = of(bench, &["exec", "--preserve-fds", "1", "--process", part, "y"]);
    assert_eq!(ended(&mut with_descriptor(&exec, &file)).success(), "through descriptor 3");
}

#[test]
fn descriptors_arrive() {
    needs!("runtime", "runc", "busybox");
    each_twin(Bench::new, descriptors);
}

#[test]
fn descriptors_arrive_through_crun() {
    needs!("runtime-crun", "runc", "crun", "unshare", "busybox");
    each_twin(Bench::of_crun, descriptors);
}

fn pid_file(bench: &Bench, of: fn(&Bench, &[&str]) -> Command) {
    let bundle = bench.bundle("x");
    let file = bench.join("pid");
    let path = file.to_str().unwrap();
    ended(&mut of(bench, &["create", "--pid-file", path, "--bundle", bundle.text(), "x"])).success();
    let pid = bench.state("x").unwrap()["pid"].to_string();
    assert_eq!(fs::read_to_string(&file).unwrap(), pid);
}

#[test]
fn the_pid_is_written_where_it_is_asked_for() {
    needs!("runtime", "runc", "busybox");
    each_twin(Bench::new, pid_file);
}

#[test]
fn the_pid_is_written_by_crun() {
    needs!("runtime-crun", "runc", "crun", "unshare", "busybox");
    each_twin(Bench::of_crun, pid_file);
}

/// Takes the terminal that a runtime sends, and prints what is written to it.
const TERMINAL: &str = "
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(1)
connection = listener.accept()[0]
terminal = socket.recv_fds(connection, 4096, 1)[1][0]
try:
    while True:
        sys.stdout.write(os.read(terminal, 4096).decode())
        sys.stdout.flush()
except OSError:
    pass
";

fn terminal(bench: &Bench, of: fn(&Bench, &[&str]) -> Command) {
    let bundle = script(bench, "test -t 0 && test -t 1 && echo a terminal");
    bundle.edit(|config| config["process"]["terminal"] = true.into());
    let socket = bench.join("console");
    let receiver =
        Command::new("python3").args(["-c", TERMINAL]).arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
    patiently("the socket", || socket.exists().then_some(()));
    let path = socket.to_str().unwrap();
    ended(&mut of(bench, &["create", "--bundle", bundle.text(), "--console-socket", path, "x"])).success();
    ended(&mut of(bench, &["start", "x"])).success();
    let output = receiver.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "a terminal");
}

#[test]
fn a_terminal_is_sent() {
    needs!("runtime", "runc", "busybox", "python3");
    each_twin(Bench::new, terminal);
}

#[test]
fn a_terminal_is_sent_by_crun() {
    needs!("runtime-crun", "runc", "crun", "unshare", "busybox", "python3");
    each_twin(Bench::of_crun, terminal);
}
