//! What the probe said.

#[path = "../../../tests/command/ended.rs"]
#[expect(dead_code, reason = "a container of a test need not end well")]
mod command;

pub(crate) use command::Ended;

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
