//! What an export does not say as the policy does, as comments.

use super::engine::{Asked, Said};
use crate::origin::Origins;

/// How a setting stands to the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// It allows more.
    Looser,
    /// It allows less.
    Stricter,
    /// It is something else.
    Differs,
}

/// The remarks of one export: a reason with everything that it is about.
#[derive(Debug, Default)]
pub(super) struct Remarks(Vec<(Side, String, Vec<String>)>);

/// Places that one subject names.
const PLACES: usize = 3;

impl Remarks {
    /// The settings of all answers; what they lack is noted.
    pub(super) fn settings<'a, T>(
        &mut self,
        asked: &[Asked<'a>],
        say: &mut dyn FnMut(usize, &Asked<'a>) -> Said<T>,
    ) -> Vec<T> {
        let mut settings = Vec::new();
        for (index, item) in asked.iter().enumerate() {
            let said = say(index, item);
            settings.extend(said.settings);
            for (side, why) in said.lacks {
                self.note(side, why, format!("{}{}", item.subject, places(&item.origins)));
            }
        }
        settings
    }

    fn note(&mut self, side: Side, why: String, subject: String) {
        match self.0.iter_mut().find(|(known, reason, _)| *known == side && *reason == why) {
            Some((_, _, subjects)) => subjects.push(subject),
            None => self.0.push((side, why, vec![subject])),
        }
    }

    /// Lines without the mark of a comment; what is looser comes first.
    pub(super) fn lines(mut self) -> Vec<String> {
        self.0.sort_by_key(|(side, ..)| *side);
        let mut lines = Vec::new();
        for (side, why, subjects) in self.0 {
            let side = match side {
                Side::Looser => "LOOSER",
                Side::Stricter => "stricter",
                Side::Differs => "differs",
            };
            lines.push(format!("{side}: {why}"));
            lines.extend(subjects.into_iter().map(|subject| format!("    {subject}")));
        }
        lines
    }
}

/// Files and lines, each once.
fn places(origins: &Origins) -> String {
    let mut places: Vec<String> =
        origins.iter().map(|origin| format!("{}:{}", origin.file, origin.line)).collect();
    places.dedup();
    let more = places.len() > PLACES;
    places.truncate(PLACES);
    let more = if more { ", …" } else { "" };
    if places.is_empty() { String::new() } else { format!(" ({}{more})", places.join(", ")) }
}

/// Lines as comments: nothing in them ends the comment.
pub(super) fn comments(lines: &[String]) -> String {
    let printable = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    let harmless = |line: &String| line.chars().map(|c| if printable(c) { c } else { '\u{fffd}' }).collect();
    // A backslash at the end would draw the next line into a comment of systemd's.
    let comment =
        |line: String| format!("# {}", line.trim_end().trim_end_matches('\\')).trim_end().to_owned() + "\n";
    lines.iter().map(harmless).map(comment).collect()
}
