//! Parents: which ones, in which order, and how they are joined in.
//!
//! `extends` is textual. The ancestors are put in one line, each once and after its own parents; then
//! each adds to what stands before it: lists grow, single values replace. So of two parents that share
//! a grandparent neither undoes the other with what it only inherited.

use super::Mode;
use crate::diagnostic::Diagnostic;
use crate::lookup::{Lookup, Source};
use crate::origin::Origin;
use crate::parse::parse;
use crate::parse::read::{Inherit, unknown};
use crate::parse::report::Report;
use crate::profile::{Profile, Sections};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Generations that a profile may have.
const DEPTH: usize = 16;
/// Ancestors that a profile may have.
const ANCESTORS: usize = 64;

/// The parent of a profile that names none.
const DEFAULT: &str = "restricted";
/// The one other profile that has no parent.
const ROOT: &str = "unconfined";

/// `profile` with everything that its ancestors say; `None` where one is missing or faulty.
pub(super) fn flatten(
    profile: &Profile,
    lookup: &dyn Lookup,
    mode: Mode,
    report: &mut Report,
) -> Option<Sections> {
    let mut line = Line { lookup, mode, report, ancestors: Vec::new(), met: BTreeSet::new() };
    line.visit(profile, &mut Vec::new())?;
    let mut merged: Option<Sections> = None;
    for mut next in line.ancestors {
        if let Some(older) = merged {
            next.inherit(older);
        }
        merged = Some(next);
    }
    merged
}

/// The ancestors in line, the oldest first.
struct Line<'a> {
    lookup: &'a dyn Lookup,
    mode: Mode,
    report: &'a mut Report,
    ancestors: Vec<Sections>,
    met: BTreeSet<Arc<str>>,
}

impl Line<'_> {
    /// Puts the ancestors of `profile` in line, then itself. `path` is how it was come to.
    fn visit(&mut self, profile: &Profile, path: &mut Vec<Arc<str>>) -> Option<()> {
        self.report.add(Arc::clone(&profile.text));
        path.push(Arc::clone(profile.file()));
        for (source, origin) in self.parents(profile)? {
            self.parent(&source, origin.as_ref(), path)?;
        }
        path.pop();
        if self.met.insert(Arc::clone(profile.file())) {
            self.ancestors.push(profile.sections.clone());
        }
        Some(())
    }

    /// Reads a parent and puts it in line.
    fn parent(&mut self, source: &Source, origin: Option<&Origin>, path: &mut Vec<Arc<str>>) -> Option<()> {
        if path.contains(&source.file) {
            let way = path.iter().chain([&source.file]).map(|file| format!("`{file}`"));
            let way = way.collect::<Vec<_>>().join(" → ");
            return self.refuse(origin, Diagnostic::error(format!("the profile extends itself: {way}")));
        }
        if self.met.contains(&source.file) {
            return Some(());
        }
        if path.len() >= DEPTH {
            let message = format!("a profile has at most {DEPTH} generations of parents");
            return self.refuse(origin, Diagnostic::error(message));
        }
        if self.met.len() >= ANCESTORS {
            let message = format!("a profile has at most {ANCESTORS} ancestors");
            return self.refuse(origin, Diagnostic::error(message));
        }
        match parse(source) {
            Ok(parent) => self.visit(&parent, path),
            Err(diagnostics) => {
                let from = origin.map(|origin| self.report.place(origin));
                for mut diagnostic in diagnostics {
                    diagnostic.related.extend(from.clone().map(|from| (from, "extended here".to_owned())));
                    self.report.push_placed(diagnostic);
                }
                None
            }
        }
    }

    fn refuse<T>(&mut self, origin: Option<&Origin>, diagnostic: Diagnostic) -> Option<T> {
        match origin {
            Some(origin) => self.report.push(diagnostic, origin),
            None => self.report.push_placed(diagnostic),
        }
        None
    }

    /// The sources of the parents, each with the place that names it; all that are missing are reported.
    fn parents(&mut self, profile: &Profile) -> Option<Vec<(Source, Option<Origin>)>> {
        let named = profile.sections.extends.as_ref().map(|list| list.items.as_slice()).unwrap_or_default();
        let named: Vec<_> = named.iter().map(|name| self.find(&name.value.0, Some(&name.origin))).collect();
        if !named.is_empty() {
            return named.into_iter().collect();
        }
        if self.mode == Mode::Floor || self.is(profile, ROOT) || self.is(profile, DEFAULT) {
            return Some(Vec::new());
        }
        self.find(DEFAULT, None).map(|parent| vec![parent])
    }

    /// Whether `profile` is the built-in one of that name, or a copy of it to the letter.
    fn is(&self, profile: &Profile, name: &str) -> bool {
        let same = |source: &Source| {
            source.file == *profile.file() || source.text == profile.text.as_str().as_bytes()
        };
        matches!(self.lookup.profile(name, None), Ok(Some(source)) if same(&source))
    }

    /// The source of the profile called `name`.
    fn find(&mut self, name: &str, origin: Option<&Origin>) -> Option<(Source, Option<Origin>)> {
        let diagnostic = match self.lookup.profile(name, origin) {
            Ok(Some(source)) => return Some((source, origin.cloned())),
            Err(why) => Diagnostic::error(format!("the profile `{name}` cannot be read: {why}")),
            Ok(None) => {
                let names = self.lookup.profile_names();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                unknown("profile", name, &names).into()
            }
        };
        self.refuse(origin, diagnostic)
    }
}
