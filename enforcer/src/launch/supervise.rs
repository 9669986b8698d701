//! The launcher's side once the child is on its way: what it reports, signals, the terminal, the end.

use super::init::message;
use super::progress::Progress;
use super::relay::Relay;
use super::sequence::STEPS;
use super::start::launcher;
use super::{LaunchError, Outcome};
use crate::sys::file::owned;
use crate::sys::{Errno, Sys, process, signal, socket};
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What was heard of the child.
#[derive(Default)]
pub(super) struct Heard {
    /// The target, once it has executed.
    target: Option<OwnedFd>,
    /// Whether it has.
    pub(super) started: bool,
    /// Its wait status, as the init reports it.
    ended: Option<i32>,
    failure: Option<LaunchError>,
    /// The other side is gone.
    closed: bool,
    /// Signals that came before there was a target, as a mask.
    early: u64,
}

/// Everything around a running child.
pub(super) struct Supervisor<'a> {
    pub(super) sys: &'a dyn Sys,
    pub(super) control: RawFd,
    pub(super) signals: RawFd,
    pub(super) relay: Option<Relay<'a>>,
    pub(super) progress: &'a Progress,
    pub(super) program: OsString,
}

impl Supervisor<'_> {
    /// Listens until the first process is gone, or has said why it goes.
    pub(super) fn run(&mut self, heard: &mut Heard) -> Result<(), LaunchError> {
        while heard.ended.is_none() && heard.failure.is_none() && !heard.closed {
            let mut interests = vec![socket::readable(self.control), socket::readable(self.signals)];
            interests.extend(self.relay.iter().flat_map(Relay::interests));
            match socket::poll(self.sys, &mut interests, true) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(launcher("wait for", "first process")(errno)),
            }
            let mut ready = interests.iter().map(|interest| interest.revents != 0);
            if ready.next().unwrap_or_default() {
                self.listen(heard)?;
            }
            if ready.next().unwrap_or_default() {
                self.forward(heard)?;
            }
            if let Some(relay) = &mut self.relay {
                relay.pass(interests.get(2..).unwrap_or_default());
            }
        }
        if let Some(relay) = &mut self.relay {
            relay.drain();
        }
        Ok(())
    }

    /// Takes one message. What comes from inside is checked: anything else than expected is a failure.
    fn listen(&self, heard: &mut Heard) -> Result<(), LaunchError> {
        let mut buffer = [0u8; 512];
        let (length, descriptor) = match socket::receive_with_descriptor(self.sys, self.control, &mut buffer)
        {
            Ok(received) => received,
            Err(Errno::ECONNRESET) => (0, None),
            Err(errno) => return Err(launcher("hear from", "first process")(errno)),
        };
        let descriptor = descriptor.map(owned);
        let Some(([a, b, c, d, e, f, g, h], rest)) =
            buffer.get(..length).and_then(|all| all.split_first_chunk())
        else {
            heard.closed = true;
            return Ok(());
        };
        let kind = u32::from_ne_bytes([*a, *b, *c, *d]);
        let value = u32::from_ne_bytes([*e, *f, *g, *h]);
        let errno = Errno(value.cast_signed());
        match kind {
            message::STARTED => {
                heard.started = true;
                self.progress.started(|| descriptor.as_ref().and_then(pid_of));
                heard.target = descriptor;
                for number in (1..=64).filter(|number| heard.early >> (number - 1) & 1 == 1) {
                    self.send(heard, number)?;
                }
            }
            message::ENDED if heard.started => heard.ended = Some(value.cast_signed()),
            message::EXEC => heard.failure = Some(LaunchError::Exec { program: self.program.clone(), errno }),
            message::FAILED => heard.failure = Some(step_failure(value, rest)),
            message::FILTER => heard.failure = Some(init_failure("seccomp", errno)),
            message::CAPABILITIES => {
                heard.failure = Some(init_failure("capabilities after the filter", errno))
            }
            message::SESSION => heard.failure = Some(init_failure("session of the program", errno)),
            message::WRITE_XOR_EXECUTE => heard.failure = Some(init_failure("write xor execute", errno)),
            message::FORK => heard.failure = Some(init_failure("fork of the program", errno)),
            message::CONFINE => heard.failure = Some(init_failure("confinement of the init", errno)),
            _ => return Err(launcher("hear from", "first process")(Errno::EPROTO)),
        }
        Ok(())
    }

    fn forward(&self, heard: &mut Heard) -> Result<(), LaunchError> {
        while let Some(number) = signal::next(self.sys, self.signals).map_err(launcher("read", "signals"))? {
            match (number, &self.relay) {
                // Of the first process, whose end the control socket tells.
                (libc::SIGCHLD, _) => {}
                // The kernel tells the program when its own terminal changes.
                (libc::SIGWINCH, Some(relay)) => relay.resize(),
                _ if heard.started => self.send(heard, number)?,
                _ => heard.early |= 1u64.checked_shl(number.cast_unsigned().wrapping_sub(1)).unwrap_or(0),
            }
        }
        Ok(())
    }

    fn send(&self, heard: &Heard, number: i32) -> Result<(), LaunchError> {
        let Some(target) = &heard.target else { return Ok(()) };
        match process::signal(self.sys, target.as_raw_fd(), number) {
            // It has ended; that comes next.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(launcher("forward a signal to", "program")(errno)),
        }
    }
}

impl Heard {
    /// What it comes to, with the wait status of the first process.
    pub(super) fn conclude(self, first: i32) -> Result<Outcome, LaunchError> {
        match (self.failure, self.ended) {
            (Some(failure), _) => Err(failure),
            (None, Some(status)) => Ok(outcome(status)),
            // The first process was killed, and everything inside with it.
            (None, None) if self.started => Ok(outcome(first)),
            (None, None) => Err(LaunchError::Died { status: first }),
        }
    }
}

fn outcome(status: i32) -> Outcome {
    if libc::WIFSIGNALED(status) {
        Outcome::Signaled(libc::WTERMSIG(status))
    } else {
        Outcome::Exited(u8::try_from(libc::WEXITSTATUS(status)).unwrap_or(u8::MAX))
    }
}

fn init_failure(step: &'static str, errno: Errno) -> LaunchError {
    LaunchError::Step { step, object: String::new(), errno, host: false }
}

fn step_failure(value: u32, object: &[u8]) -> LaunchError {
    let step = usize::try_from(value >> 16)
        .ok()
        .and_then(|index| STEPS.get(index))
        .map_or("unknown step", |step| step.name);
    let errno = Errno((value & 0xffff).cast_signed());
    // A kernel without the call, or a file system that a user namespace may not mount here.
    let host = matches!(errno, Errno::ENOSYS | Errno::EOPNOTSUPP | Errno::ENODEV)
        || (step, errno) == ("proc", Errno::EPERM);
    LaunchError::Step { step, object: String::from_utf8_lossy(object).into_owned(), errno, host }
}

/// The number behind a process descriptor, as this side sees it. `Pid:` of fdinfo, pidfd_open(2).
fn pid_of(pidfd: &OwnedFd) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:"))?.trim().parse().ok()
}
