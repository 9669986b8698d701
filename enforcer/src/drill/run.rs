//! Runs the program: without confinement, under a plan, or by whoever starts containers.

use super::DrillError;
use super::place::Place;
use super::report::{self, Outcome};
use crate::launch::{self, Launch, launch};
use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, IntoRawFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use stockade_policy::plan::Plan;
use stockade_policy::policy::Rlimit;

/// How long each thing is waited for of a program that is no child of a launch. The probes themselves end after ten seconds each,
/// and hardly any of them waits for anything.
const PATIENCE: Duration = Duration::from_secs(180);
/// Bytes of a client's messages that are kept.
const MESSAGES: u64 = 4 << 10;
/// Processes, descriptors and bytes that the bursts ask for; a limit below stands before the host's own.
const BURSTS: (u64, u64, u64) = (2048, 65_536, 1 << 30);

/// What the program may try beyond its share, because a limit stands before the host's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bursts {
    /// Processes.
    pub processes: bool,
    /// Descriptors.
    pub descriptors: bool,
    /// Memory.
    pub memory: bool,
}

impl Bursts {
    /// All of them: somebody vouches for limits.
    pub const ALL: Bursts = Bursts { processes: true, descriptors: true, memory: true };

    /// Those that a plan has limits for.
    pub fn within(plan: &Plan) -> Bursts {
        let (processes, descriptors, memory) = BURSTS;
        let limited = |limit, most| plan.process.limits.get(&limit).is_some_and(|value| *value < most);
        let values = || plan.cgroup.iter().flat_map(|cgroup| &cgroup.hierarchies).flat_map(|one| &one.values);
        let bounded = |files: &[&str], most: u64| {
            let below = |value: &str| value.parse::<u64>().is_ok_and(|value| value < most);
            values().any(|(file, value)| files.contains(&file.as_str()) && below(value))
        };
        Bursts {
            processes: limited(Rlimit::Processes, processes) || bounded(&["pids.max"], processes),
            descriptors: limited(Rlimit::OpenFiles, descriptors),
            memory: limited(Rlimit::AddressSpace, memory)
                || bounded(&["memory.max", "memory.limit_in_bytes"], memory),
        }
    }

    /// The program's letters for them.
    pub fn letters(self) -> String {
        let letters = [(self.processes, 'p'), (self.descriptors, 'd'), (self.memory, 'm')];
        letters.into_iter().filter_map(|(may, letter)| may.then_some(letter)).collect()
    }
}

/// What the program obtains without any confinement, in mounts of its own where the caller can have them: the
/// yardstick of what this kernel has and this caller may.
pub fn outside(place: &Place) -> Result<Vec<Outcome>, DrillError> {
    let mut command = Command::new(place.program());
    command.args(place.arguments(1, "a")).env_clear().current_dir("/");
    by_client(command, "the drill")
}

/// What it obtains inside `plan`, whose root is that of `place`.
///
/// The calling thread is one that [`launch()`] takes.
pub fn under(plan: &Plan, place: &Place, program: &str) -> Result<Vec<Outcome>, DrillError> {
    let fault = |source| DrillError::Place { operation: "make a pipe for the report", source };
    let (reader, writer) = io::pipe().map_err(fault)?;
    let descriptor = writer.as_raw_fd();
    let arguments = place.arguments(descriptor, &Bursts::within(plan).letters());
    let command: Vec<OsString> =
        [program.to_owned()].into_iter().chain(arguments).map(OsString::from).collect();
    // The launch closes it: it is the program's from then on.
    let passed = [writer.into_raw_fd()];
    let outcome = launch(Launch {
        plan,
        command: &command,
        environment: &[],
        pass_fds: &passed,
        tty: false,
        status_fd: None,
        at_exec: None,
    })?;
    if outcome != launch::Outcome::Exited(0) {
        let code = Some(i32::from(outcome.exit_code()));
        let said = "it ended before its report".to_owned();
        return Err(DrillError::Refused { client: "the drill".to_owned(), code, said });
    }
    // Nobody is left to write: a report fits into the pipe, and what does not fit was not written.
    let mut text = Vec::new();
    reader.take(bound()).read_to_end(&mut text).map_err(fault)?;
    Ok(report::parse(&text)?)
}

/// One byte more than a report has, so that a longer one is told.
fn bound() -> u64 {
    u64::try_from(report::LIMIT).unwrap_or(u64::MAX).saturating_add(1)
}

/// What it obtains where `command`, the client `name` of an engine, puts it. The client is killed where it does not end.
pub fn by_client(mut command: Command, name: &str) -> Result<Vec<Outcome>, DrillError> {
    let started = |source| DrillError::Client { client: name.to_owned(), source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(started)?;
    let output = child.stdout.take().map(|stream| read(stream, bound()));
    let messages = child.stderr.take().map(|stream| read(stream, MESSAGES));
    let patience = |received: Option<mpsc::Receiver<Vec<u8>>>| match received {
        Some(received) => received.recv_timeout(PATIENCE).ok(),
        None => Some(Vec::new()),
    };
    // Who writes more than is read, or closes what it writes to and goes on, is not waited for.
    let text = patience(output).filter(|text| text.len() <= report::LIMIT || child.kill().is_ok());
    let status = if text.is_some() { end(&mut child)? } else { None };
    let (Some(text), Some(status), Some(said)) = (text, status, patience(messages)) else {
        // It may have ended meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(DrillError::Patience { client: name.to_owned(), seconds: PATIENCE.as_secs() });
    };
    if !status.success() && text.len() <= report::LIMIT {
        let said = String::from_utf8_lossy(&said).trim().to_owned();
        return Err(DrillError::Refused { client: name.to_owned(), code: status.code(), said });
    }
    Ok(report::parse(&text)?)
}

/// Waits for a process to end; `None`: it does not.
pub(super) fn end(child: &mut Child) -> Result<Option<ExitStatus>, DrillError> {
    const PAUSE: Duration = Duration::from_millis(5);
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let ended = child.try_wait();
        let fault = |source| DrillError::Place { operation: "wait for a process", source };
        if let Some(status) = ended.map_err(fault)? {
            return Ok(Some(status));
        }
        thread::sleep(PAUSE);
    }
    Ok(None)
}

/// Reads a stream up to `most` bytes in a thread of its own; then closes it, so that a writer that goes on ends.
fn read(stream: impl Read + Send + 'static, most: u64) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read is judged; nobody may be left to hear of it.
        let _ = stream.take(most).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}
