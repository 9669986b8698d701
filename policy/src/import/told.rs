//! What of a container's configuration no profile can say.

use crate::origin::Origin;

/// Where things are told that the sections cannot say.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// One sentence each.
    pub(super) notes: Vec<String>,
    /// Keys that no word stands for, with their lines.
    wordless: Vec<String>,
}

impl Told {
    /// What is otherwise in the profile, with its line.
    pub(super) fn note(&mut self, origin: &Origin, text: impl std::fmt::Display) {
        self.notes.push(format!("line {}: {text}", origin.line));
    }

    /// A key that no word stands for.
    pub(super) fn no_word(&mut self, key: &str, origin: &Origin) {
        self.wordless.push(format!("{key} (line {})", origin.line));
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.wordless.is_empty() {
            let keys = std::mem::take(&mut self.wordless).join(", ");
            self.notes.push(format!("the language has no word for: {keys}"));
        }
        self.notes
    }
}
