//! Where findings are collected, so that one run names as many as it can.

use crate::diagnostic::{Diagnostic, Place, Severity, Text};
use crate::origin::Origin;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Errors that one run names, and warnings; a hostile text could have one at every character.
const MOST: usize = 50;

/// Findings with the texts they are about.
#[derive(Debug)]
pub(crate) struct Report {
    /// The text that is being read.
    current: Arc<str>,
    texts: BTreeMap<Arc<str>, Arc<Text>>,
    diagnostics: Vec<Diagnostic>,
    /// Findings beyond [`MOST`] of their severity: warnings never crowd an error out.
    dropped: BTreeMap<Severity, usize>,
}

impl Report {
    /// An empty one about `text`.
    pub(crate) fn new(text: Arc<Text>) -> Self {
        let current = Arc::clone(&text.file);
        let texts = BTreeMap::from([(Arc::clone(&current), text)]);
        Report { current, texts, diagnostics: Vec::new(), dropped: BTreeMap::new() }
    }

    /// Lets findings show lines of `text` too.
    pub(crate) fn add(&mut self, text: Arc<Text>) {
        self.texts.insert(Arc::clone(&text.file), text);
    }

    /// A place in the current text.
    pub(crate) fn origin(&self, line: u32, column: u32) -> Origin {
        Origin { file: Arc::clone(&self.current), line, column }
    }

    /// The beginning of the current text.
    pub(crate) fn start(&self) -> Origin {
        self.origin(1, 1)
    }

    /// The place of the value at `origin` with its line.
    pub(crate) fn place(&self, origin: &Origin) -> Place {
        match self.texts.get(&origin.file) {
            Some(text) => text.place(origin),
            None => Place { origin: origin.clone(), width: 1, line: None },
        }
    }

    /// `width` characters at `origin`.
    pub(crate) fn span(&self, origin: &Origin, width: usize) -> Place {
        match self.texts.get(&origin.file) {
            Some(text) => text.span(origin, width),
            None => self.place(origin),
        }
    }

    /// Adds a finding about the name or number inside a rule that begins at `origin`.
    pub(crate) fn push_word(&mut self, diagnostic: impl Into<Diagnostic>, origin: &Origin) {
        let place = match self.texts.get(&origin.file) {
            Some(text) => text.word(origin),
            None => self.place(origin),
        };
        self.push_placed(diagnostic.into().at(place));
    }

    /// Adds a finding about the value at `origin`.
    pub(crate) fn push(&mut self, diagnostic: impl Into<Diagnostic>, origin: &Origin) {
        let place = self.place(origin);
        self.push_placed(diagnostic.into().at(place));
    }

    /// Adds a finding that has its place, or none.
    pub(crate) fn push_placed(&mut self, diagnostic: Diagnostic) {
        // The same fault may be met once for each architecture.
        if self.diagnostics.contains(&diagnostic) {
            return;
        }
        let alike = self.diagnostics.iter().filter(|known| known.severity == diagnostic.severity);
        if alike.count() < MOST {
            self.diagnostics.push(diagnostic);
        } else {
            *self.dropped.entry(diagnostic.severity).or_default() += 1;
        }
    }

    /// Whether something makes the profile unusable.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// All findings in the order of the text; the current one's first.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        let current = Arc::clone(&self.current);
        self.diagnostics.sort_by_key(|diagnostic| {
            let origin = diagnostic.place.as_ref().map(|place| place.origin.clone());
            (origin.as_ref().is_some_and(|origin| origin.file != current), origin)
        });
        for (severity, count) in &self.dropped {
            self.diagnostics.push(match severity {
                Severity::Error => Diagnostic::error(format!("and {count} more errors")),
                Severity::Warning => Diagnostic::warning(format!("and {count} more warnings")),
            });
        }
        self.diagnostics
    }
}
