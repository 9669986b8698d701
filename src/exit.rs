//! Exit codes, as documented.

/// The code with which the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    /// All went well, and the answer is "yes" where there is a question.
    pub(crate) const FINE: Exit = Exit(0);
    /// The answer is "no": drift, looser, not proven.
    pub(crate) const NO: Exit = Exit(1);
    /// Wrong usage or bad input.
    pub(crate) const BAD_INPUT: Exit = Exit(2);
    /// This host cannot enforce what was asked.
    pub(crate) const HOST: Exit = Exit(3);
    /// An error of stockade itself while it launches a command.
    pub(crate) const LAUNCH: Exit = Exit(125);
    /// An error of stockade itself.
    pub(crate) const INTERNAL: Exit = Exit(70);
}
