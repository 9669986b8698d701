//! Proofs as people read them.

use super::{Difference, Proof};
use crate::lattice::action::Action;
use crate::lattice::event;
use crate::seccomp::cache::{Bitmap, Missed};
use crate::seccomp::interpret::Event;
use crate::vocab::{Arch, syscalls};
use std::fmt::Write as _;

/// Names of calls that are spelled out in one line.
const MOST_NAMES: usize = 8;

/// A call as `explain` takes it.
pub(super) fn call(interface: Option<Arch>, number: u32, example: &Event) -> String {
    let Event { arch: audit, arguments, instruction_pointer, .. } = *example;
    let mut text = match interface {
        Some(arch) => event::Event::Syscall { arch, number, arguments, answer: Action::Allow }.to_string(),
        None => format!("number {number} under the audit number {audit:#x}"),
    };
    if instruction_pointer != 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, " from {instruction_pointer:#x}");
    }
    text
}

impl Proof {
    /// One line, and the differences below it.
    pub fn text(&self) -> String {
        let mut out = format!("{}: {}\n", self.host, self.verdict());
        for difference in &self.differences {
            out.push_str(&self.difference(difference));
        }
        if self.more > 0 {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "  and {} ranges of numbers that differ in other ways", self.more);
        }
        for Bitmap { interface, missed, .. } in self.bitmaps.iter().filter(|bitmap| !bitmap.missed.is_empty())
        {
            let missed = missed.iter().map(|Missed { number, name }| match name {
                Some(name) => format!("{name} ({number})"),
                None => number.to_string(),
            });
            let missed = listed(missed.collect());
            let _ = writeln!(out, "  always allowed on {interface}, and not cached: {missed}");
        }
        out
    }

    fn verdict(&self) -> String {
        let lengths: Vec<String> = self.instructions.iter().map(ToString::to_string).collect();
        let filter = match self.instructions.as_slice() {
            [] => "no filter".to_owned(),
            [1] => "1 instruction".to_owned(),
            [length] => format!("{length} instructions"),
            _ => format!("{} instructions", lengths.join(" + ")),
        };
        let decided = format!(
            "{} interfaces, {} ranges of numbers, {} classes of arguments",
            self.decided.interfaces, self.decided.ranges, self.decided.classes
        );
        let bitmaps = self.bitmaps.iter().filter(|bitmap| bitmap.allowed > 0);
        let bitmaps = bitmaps.map(|Bitmap { interface, allowed, missed }| {
            format!("; {} of {allowed} unconditional allows cached on {interface}", allowed - missed.len())
        });
        let cached: String = bitmaps.collect();
        let verdict = match (self.differing, self.proven) {
            (0, true) => "proven equal".to_owned(),
            (0, false) if self.complete => "equal, but not cached".to_owned(),
            (1, _) if self.complete => "NOT equal: 1 number is answered otherwise".to_owned(),
            (many, _) => {
                let bound = if self.complete { "" } else { "at least " };
                format!("NOT equal: {bound}{many} numbers are answered otherwise")
            }
        };
        format!("{verdict}: {filter}, {decided}{cached}")
    }

    fn difference(&self, difference: &Difference) -> String {
        let Difference { filter, policy, .. } = difference;
        let places: Vec<String> = policy.origins.iter().map(ToString::to_string).collect();
        let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
        let which = match self.instructions.as_slice() {
            [] => String::new(),
            [_] => format!(" (instruction {})", filter.instruction),
            _ => format!(" (filter {}, instruction {})", filter.filter, filter.instruction),
        };
        let Event { number, arch, instruction_pointer, arguments } = difference.example;
        let arguments = arguments.map(|argument| format!("{argument:#x}")).join(", ");
        format!(
            "  {}: the filter answers {}{which}, the policy {}{places}\n    as for {}: nr={number:#x} \
             arch={arch:#x} ip={instruction_pointer:#x} args=[{arguments}]\n",
            numbers(difference),
            filter.action,
            policy.action,
            difference.call,
        )
    }
}

/// The numbers of a difference: names, and ranges of those that have none.
fn numbers(difference: &Difference) -> String {
    let Some(arch) = difference.interface else {
        return "an audit number that is not of this host".to_owned();
    };
    let table = syscalls::table(arch);
    let mut parts = Vec::new();
    let mut named: u64 = 0;
    for (first, last) in &difference.numbers {
        let from = table.partition_point(|(number, _)| number < first);
        let names = table[from..].iter().take_while(|(number, _)| number <= last).map(|(_, name)| *name);
        for name in names {
            named += 1;
            parts.push(name.to_owned());
        }
    }
    let mut parts = if parts.is_empty() { Vec::new() } else { vec![listed(parts)] };
    let unnamed = difference.count.saturating_sub(named);
    match (unnamed, difference.numbers.first()) {
        (0, _) | (_, None) => {}
        (1, Some((first, _))) if named == 0 => parts.push(format!("number {first}")),
        (unnamed, _) => parts.push(format!("{unnamed} numbers without a name")),
    }
    format!("{} on {arch}", parts.join(", "))
}

/// The first few, and how many more.
fn listed(mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    names.truncate(MOST_NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    names.join(", ")
}
