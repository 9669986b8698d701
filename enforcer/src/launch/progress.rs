//! One line of JSON at every stage, for machines.

use super::{LaunchError, Outcome};
use crate::sys::{Kernel, file};
use serde_json::{Value, json};
use std::os::fd::RawFd;

/// Where the stages are told, if anywhere.
pub(super) struct Progress {
    fd: Option<RawFd>,
}

impl Progress {
    pub(super) fn new(fd: Option<RawFd>) -> Progress {
        Progress { fd }
    }

    /// The program runs.
    pub(super) fn started(&self, pid: Option<i32>) {
        self.tell(|| json!({"stage": "exec", "pid": pid}));
    }

    /// The end, whatever it was.
    pub(super) fn ended(&self, end: &Result<Outcome, LaunchError>) {
        self.tell(|| match end {
            Ok(Outcome::Exited(code)) => json!({"stage": "exit", "code": code}),
            Ok(outcome @ Outcome::Signaled(signal)) => {
                json!({"stage": "exit", "code": outcome.exit_code(), "signal": signal})
            }
            Err(error) => json!({
                "stage": "failed",
                "step": error.step(),
                "errno": error.errno().map(|errno| errno.0),
                "exit": error.exit_code(),
                "message": error.to_string(),
            }),
        });
    }

    fn tell(&self, line: impl FnOnce() -> Value) {
        if let Some(fd) = self.fd {
            // A reader that is gone does not stop the program.
            let _ = file::write(&Kernel, fd, format!("{}\n", line()).as_bytes());
        }
    }
}
