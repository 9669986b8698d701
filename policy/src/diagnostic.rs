//! What is wrong with a profile, where, and what would be right. One renderer for all of it.

mod place;

pub use place::{Place, Text};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin as Path, Renderer, Snippet,
};
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The profile is refused.
    Error,
    /// The profile is taken; it may not mean what was intended.
    Warning,
}

/// One finding about the text of a profile. It carries the lines it speaks of, so that rendering needs
/// no source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence without a full stop.
    pub message: String,
    /// Where; `None` where it is about no place (a missing file).
    pub place: Option<Place>,
    /// What stands at the caret.
    pub label: Option<String>,
    /// What would be valid, the nearest name, what to write instead.
    pub help: Vec<String>,
    /// Other places that explain it, with what they say.
    pub related: Vec<(Place, String)>,
}

/// What is wrong with a value, before its place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// One sentence without a full stop.
    pub message: String,
    /// What would be valid.
    pub help: Vec<String>,
}

impl Flaw {
    /// A flaw without help.
    pub fn new(message: impl Into<String>) -> Self {
        Flaw { message: message.into(), help: Vec::new() }
    }

    /// The same with one more help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl From<Flaw> for Diagnostic {
    fn from(flaw: Flaw) -> Self {
        Diagnostic { help: flaw.help, ..Diagnostic::error(flaw.message) }
    }
}

impl Diagnostic {
    /// An error without a place yet.
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            message: message.into(),
            place: None,
            label: None,
            help: Vec::new(),
            related: Vec::new(),
        }
    }

    /// A warning without a place yet.
    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    /// The same at `place`.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same with a text at the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with one more help line.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// The same with one more place.
    #[must_use]
    pub fn related(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }
}

/// Text that comes from a profile may hold terminal escapes: none of them reaches the terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The section that shows one place.
fn excerpt<'a>(place: &'a Place, kind: AnnotationKind, label: Option<&str>) -> Element<'a> {
    let line_number = usize::try_from(place.origin.line).unwrap_or(usize::MAX);
    let column = usize::try_from(place.origin.column).unwrap_or(usize::MAX);
    let Some(line) = &place.line else {
        return Path::path(&*place.origin.file).line(line_number).char_column(column).into();
    };
    let offset = |chars: usize| line.char_indices().nth(chars).map_or(line.len(), |(at, _)| at);
    let width = usize::try_from(place.width).unwrap_or(usize::MAX).max(1);
    let (start, end) = (offset(column - 1), offset((column - 1).saturating_add(width)));
    let annotation: Annotation<'a> = kind.span(start..end).label(label.map(harmless));
    Snippet::source(&**line)
        .line_start(line_number)
        .path(&*place.origin.file)
        .fold(false)
        .annotation(annotation)
        .into()
}

/// The findings as text in the manner of rustc: message, `file:line:column`, the line, a caret, help.
pub fn render(diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for diagnostic in diagnostics {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(harmless(&diagnostic.message));
        let mut elements: Vec<Element<'_>> = Vec::new();
        if let Some(place) = &diagnostic.place {
            elements.push(excerpt(place, AnnotationKind::Primary, diagnostic.label.as_deref()));
        }
        for (place, label) in &diagnostic.related {
            elements.push(excerpt(place, AnnotationKind::Context, Some(label)));
        }
        elements.extend(diagnostic.help.iter().map(|help| Level::HELP.message(harmless(help)).into()));
        let group = if elements.is_empty() { Group::with_title(title) } else { title.elements(elements) };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(renderer.render(&[group]).trim_end());
        text.push('\n');
    }
    text
}
