//! How a command ended.

use std::process::Output;

#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// The facts that the probe printed; it must have come to its end.
    pub(crate) fn facts(&self) -> Vec<&str> {
        let facts: Vec<&str> = self.stdout.lines().collect();
        assert_eq!(facts.last(), Some(&"done"), "{self:?}");
        facts
    }

    /// Whether the probe printed anything.
    pub(crate) fn reached_the_command(&self) -> bool {
        !self.stdout.is_empty()
    }
}
