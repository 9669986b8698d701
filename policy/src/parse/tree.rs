//! YAML text → a tree in which every node knows its place.
//!
//! Only what a profile needs is taken: one document of mappings with scalar keys, sequences and
//! scalars. Anchors, aliases, tags, merge keys, directives and duplicate keys are refused, and depth
//! and number of nodes are bounded, so that no text can make a small file mean a big tree.

use super::report::Report;
use crate::diagnostic::Diagnostic;
use crate::origin::Origin;
use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StructureStyle};
use std::collections::BTreeMap;

/// Nesting that a profile may have; the language itself needs 5.
const DEPTH: usize = 16;
/// Nodes that a profile may have: Docker's default profile, the largest known, needs about 1,000.
const NODES: usize = 50_000;
/// Longest scalar, bytes.
const SCALAR: usize = 1 << 20;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) origin: Origin,
    /// What it is.
    pub(crate) content: Content,
}

/// The three kinds of nodes.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Text.
    Scalar(Scalar),
    /// `[a, b]` or `- a`.
    Sequence(Vec<Node>),
    /// `{a: b}` or `a: b`, in the order written; keys differ.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its text.
    pub(crate) scalar: Scalar,
    /// Where it begins.
    pub(crate) origin: Origin,
}

/// Text with what is needed to find a place inside it.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    /// The text after YAML's unescaping.
    pub(crate) text: String,
    /// Whether it stands without quotes.
    pub(crate) plain: bool,
    /// Whether it stands inside `[ ]` or `{ }`, where YAML cuts plain text at `,` and brackets.
    pub(crate) flow: bool,
    /// Columns between the node's origin and its first character, where the text stands in the source
    /// as it is; else a place inside it cannot be told.
    pub(crate) offset: Option<u32>,
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "nothing",
            Content::Scalar(_) => "a single value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

impl Scalar {
    /// Whether YAML takes it for no value at all.
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

/// The tree of `source`, or `None` where a finding says why there is none.
pub(crate) fn tree(source: &str, report: &mut Report) -> Option<Node> {
    let options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    let mut events = Parser::new_from_str_with_options(source, options);
    let mut builder = Builder { source, report, nodes: 0, flow: 0 };
    let mut root = None;
    loop {
        let (event, span) = match events.next_event() {
            None => return root,
            Some(Ok(next)) => next,
            Some(Err(error)) => {
                super::syntax::explain(source, &error, builder.report);
                return None;
            }
        };
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            _ if root.is_some() => {
                let diagnostic =
                    Diagnostic::error("a profile is one YAML document; a second one begins here");
                let origin = builder.origin(span.start);
                builder.report.push(diagnostic, &origin);
                return None;
            }
            event => root = Some(builder.node(event, span, &mut events, 0)?),
        }
    }
    if root.is_none() {
        let origin = builder.report.start();
        builder
            .report
            .push(Diagnostic::error("the profile is empty").help("it begins with `stockade: 1`"), &origin);
    }
    root
}

/// Builds nodes from events; recursion is bounded by the parser's own nesting limits.
struct Builder<'a> {
    source: &'a str,
    report: &'a mut Report,
    nodes: usize,
    flow: usize,
}

type Events<'a> = Parser<'a, granit_parser::StrInput<'a>>;

impl Builder<'_> {
    fn origin(&self, marker: Marker) -> Origin {
        let clamp = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        self.report.origin(clamp(marker.line().max(1)), clamp(marker.col().saturating_add(1)))
    }

    /// Reports and gives up: the tree would not be what was written.
    fn refuse<T>(&mut self, diagnostic: Diagnostic, at: Marker) -> Option<T> {
        let origin = self.origin(at);
        self.report.push(diagnostic, &origin);
        None
    }

    /// The node that `event` begins.
    fn node(&mut self, event: Event<'_>, span: Span, events: &mut Events<'_>, depth: usize) -> Option<Node> {
        self.nodes += 1;
        if self.nodes > NODES {
            let message = format!("a profile has at most {NODES} values");
            return self.refuse(Diagnostic::error(message), span.start);
        }
        if depth > DEPTH {
            let message = format!("values nest at most {DEPTH} deep");
            return self.refuse(Diagnostic::error(message), span.start);
        }
        if matches!(event, Event::Alias(_)) {
            let diagnostic = Diagnostic::error("YAML aliases (`*name`) are not part of the language")
                .help("write the value out, or share it through `extends`");
            return self.refuse(diagnostic, span.start);
        }
        if event.anchor_id().is_some() {
            let diagnostic = Diagnostic::error("YAML anchors (`&name`) are not part of the language")
                .help("write the value out, or share it through `extends`");
            return self.refuse(diagnostic, span.start);
        }
        if event.tag().is_some() {
            let diagnostic = Diagnostic::error("YAML tags (`!name`) are not part of the language")
                .help("write the value alone; to begin a text with `!`, quote it");
            return self.refuse(diagnostic, span.tag_start().unwrap_or(span.start));
        }
        let origin = self.origin(span.start);
        let content = match event {
            Event::Scalar(text, style, ..) => Content::Scalar(self.scalar(&text, style, span)?),
            Event::SequenceStart(style, ..) => {
                let flow = usize::from(style == StructureStyle::Flow);
                self.flow += flow;
                let items = self.sequence(events, depth)?;
                self.flow -= flow;
                Content::Sequence(items)
            }
            Event::MappingStart(style, ..) => {
                let flow = usize::from(style == StructureStyle::Flow);
                self.flow += flow;
                let entries = self.mapping(events, depth)?;
                self.flow -= flow;
                Content::Mapping(entries)
            }
            _ => return self.refuse(Diagnostic::error("a value is expected here"), span.start),
        };
        Some(Node { origin, content })
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: Span) -> Option<Scalar> {
        if text.len() > SCALAR {
            return self.refuse(Diagnostic::error("a value has at most 1 MiB"), span.start);
        }
        if text.contains('\0') {
            let diagnostic =
                Diagnostic::error("a value holds the character NUL, which the kernel ends text at");
            return self.refuse(diagnostic, span.start);
        }
        let plain = style == ScalarStyle::Plain;
        let quotes = if plain { 0 } else { 1 };
        // As it is in the source: on one line and without escapes, so that columns add up.
        let as_is = self
            .slice(span)
            .is_some_and(|raw| raw.get(quotes..raw.len().saturating_sub(quotes)) == Some(text));
        let offset = as_is.then_some(if plain { 0 } else { 1 });
        Some(Scalar { text: text.to_owned(), plain, flow: self.flow > 0, offset })
    }

    fn slice(&self, span: Span) -> Option<&str> {
        let raw = self.source.get(span.start.byte_offset()?..span.end.byte_offset()?)?;
        (!raw.contains('\n')).then_some(raw)
    }

    /// The next event; an error is reported.
    fn next<'e>(&mut self, events: &mut Events<'e>) -> Option<(Event<'e>, Span)> {
        match events.next_event()? {
            Ok(next) => Some(next),
            Err(error) => {
                super::syntax::explain(self.source, &error, self.report);
                None
            }
        }
    }

    fn sequence(&mut self, events: &mut Events<'_>, depth: usize) -> Option<Vec<Node>> {
        let mut items = Vec::new();
        loop {
            match self.next(events)? {
                (Event::SequenceEnd, _) => return Some(items),
                (event, span) => items.push(self.node(event, span, events, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, events: &mut Events<'_>, depth: usize) -> Option<Vec<(Key, Node)>> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let mut seen: BTreeMap<String, Origin> = BTreeMap::new();
        loop {
            let (event, span) = self.next(events)?;
            if event == Event::MappingEnd {
                return Some(entries);
            }
            let node = self.node(event, span, events, depth + 1)?;
            let Content::Scalar(scalar) = node.content else {
                let diagnostic = Diagnostic::error(format!("a key is a single word, not {}", node.kind()));
                return self.refuse(diagnostic, span.start);
            };
            let key = Key { scalar, origin: node.origin };
            if key.scalar.plain && key.scalar.text == "<<" {
                let diagnostic = Diagnostic::error("YAML merge keys (`<<`) are not part of the language")
                    .help("share sections through `extends`");
                return self.refuse(diagnostic, span.start);
            }
            let (event, span) = self.next(events)?;
            let value = self.node(event, span, events, depth + 1)?;
            if let Some(first) = seen.get(&key.scalar.text) {
                let diagnostic = Diagnostic::error(format!("`{}` is written twice", key.scalar.text))
                    .label("again here")
                    .related(self.report.place(first), "first here");
                self.report.push(diagnostic, &key.origin);
                continue;
            }
            seen.insert(key.scalar.text.clone(), key.origin.clone());
            entries.push((key, value));
        }
    }
}
