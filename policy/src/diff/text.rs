//! Differences as lines of text, for a terminal.

use super::groups::{Group, groups};
use super::{Diff, Difference, Side, subject};
use crate::lattice::event::lower;
use crate::origin::Origin;
use crate::policy::Section;
use crate::vocab::Arch;
use std::fmt::Write as _;

/// Names of a group that are written out.
const SHOWN: usize = 2;

impl Diff {
    /// The differences as lines of text: those that a person reads as one together.
    pub fn text(&self) -> String {
        let Diff { a, b, looser, stricter, answers } = self;
        if self.is_empty() {
            return format!("{b} and {a} mean the same\n");
        }
        let mut out = String::new();
        self.part(&mut out, &format!("{b} allows what {a} denies"), looser);
        self.part(&mut out, &format!("{b} denies what {a} allows"), stricter);
        self.part(&mut out, &format!("{b} answers otherwise than {a}"), answers);
        out
    }

    fn part(&self, out: &mut String, title: &str, differences: &[Difference]) {
        if differences.is_empty() {
            return;
        }
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{title}:");
        for group in groups(differences) {
            let Difference { section, event, conditional, .. } = group.example;
            let _ = writeln!(out, "  {}: {}", lower(section), about(&group));
            for (name, side) in [(&self.a, &group.a), (&self.b, &group.b)] {
                let _ = writeln!(out, "    {name}: {}", said(side));
            }
            // Elsewhere the name of the group is the event itself.
            if *section == Section::Syscalls && *conditional {
                let _ = writeln!(out, "    where the arguments are as in {}", subject(event));
            }
        }
    }
}

/// `mount, umount2 and 41 more on x86_64, aarch64`
fn about(group: &Group<'_>) -> String {
    // "and 1 more" would be longer than the name.
    let shown = if group.names.len() <= SHOWN + 1 { group.names.len() } else { SHOWN };
    let mut text = group.names[..shown].join(", ");
    if shown < group.names.len() {
        let _ = write!(text, " and {} more", group.names.len() - shown);
    }
    if !group.alike.is_empty() {
        let names: Vec<&str> = group.interfaces.iter().copied().map(Arch::name).collect();
        let _ = write!(text, " on {}", names.join(", "));
    }
    text
}

/// `errno(1), by web.yaml:3:5`
fn said(side: &Side) -> String {
    if side.origins.is_empty() {
        return format!("{}; no line says so", side.answer);
    }
    let places: Vec<String> = side.origins.iter().map(Origin::to_string).collect();
    let more =
        if places.len() > PLACES { format!(" and {} more", places.len() - PLACES) } else { String::new() };
    let places: Vec<String> = places.into_iter().take(PLACES).collect();
    format!("{}, by {}{more}", side.answer, places.join(", "))
}

/// Places of a side that are written out; a set of capabilities has one for each.
const PLACES: usize = 3;
