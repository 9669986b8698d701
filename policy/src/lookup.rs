//! What the policy crate may ask of the world outside: it does no I/O itself.

use crate::origin::Origin;
use std::sync::Arc;

/// The text of a profile with the name its origins carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file as the user named it, or `builtin:NAME`.
    pub file: Arc<str>,
    /// The text; may be bad UTF-8, which the parser reports.
    pub text: Vec<u8>,
}

/// A program that must be executable for another one to start: its ELF interpreter or `#!` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loader {
    /// Absolute path inside the root.
    pub path: String,
}

/// Answers from outside. An error is a sentence for the user; `Ok(None)` means "no such thing".
pub trait Lookup {
    /// The profile called `name` in an `extends` written at `from` (a path is relative to its file).
    fn profile(&self, name: &str, from: Option<&Origin>) -> Result<Option<Source>, String>;
    /// Names that [`Lookup::profile`] would find, for "did you mean".
    fn profile_names(&self) -> Vec<String>;
    /// The user id of `name` and its primary group in the root's own passwd.
    fn user(&self, name: &str) -> Result<Option<(u32, u32)>, String>;
    /// The group id of `name` in the root's own group file.
    fn group(&self, name: &str) -> Result<Option<u32>, String>;
    /// The chain of interpreters of the program at `path` inside the root (ELF `PT_INTERP`, `#!`), and
    /// the path itself with its symbolic links followed, in the order in which the kernel opens them.
    fn loaders(&self, path: &str) -> Result<Vec<Loader>, String>;
}
