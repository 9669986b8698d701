//! Why an instruction is there, in words.

use super::reach::{Arrivals, Held, Numbers};
use crate::lattice::intervals::IntervalSet;
use crate::lattice::syscalls::Syscalls;
use crate::origin::Origins;
use crate::plan::Instruction;
use crate::seccomp::{bpf, segments};
use crate::vocab::parameters::parameters;
use crate::vocab::{Arch, syscalls};
use std::collections::BTreeSet;

/// Names that are listed; of more the first and the last.
const NAMES: usize = 3;
/// Places that are listed.
const PLACES: usize = 3;

/// What arrives at `instruction`, and what it decides.
pub(super) fn reason(instruction: Instruction, arrivals: &Arrivals, policy: &Syscalls) -> String {
    let Instruction(code, .., k) = instruction;
    let mut numbers = Numbers::new();
    for (audit, more) in arrivals.values().flatten() {
        let known = numbers.entry(*audit).or_insert_with(IntervalSet::empty);
        *known = known.union(more);
    }
    if numbers.values().all(IntervalSet::is_empty) {
        return "nothing comes here".to_owned();
    }
    let word = match code {
        bpf::LOAD => Some(k),
        _ => arrivals.keys().find_map(|held| match held {
            Held::Word(word, _) => Some(*word),
            Held::Unknown => None,
        }),
    };
    let who = calls(&numbers);
    match (code, word) {
        (bpf::RETURN, _) => match places(&numbers, k, policy) {
            places if places.is_empty() => who,
            places => format!("{who}: {places}"),
        },
        (bpf::JUMP, _) => who,
        (_, Some(word)) if word >= bpf::ARGUMENTS => format!("{who}: {}", parameter(word, &numbers)),
        _ => who,
    }
}

/// The interfaces with their numbers as their tables count them.
fn by_interface(numbers: &Numbers) -> Vec<(Arch, IntervalSet<u32>)> {
    let mut all: Vec<(Arch, IntervalSet<u32>)> = Vec::new();
    for host in [Arch::X86_64, Arch::Aarch64] {
        for segment in segments(host) {
            let Some(set) = numbers.get(&Some(segment.arch.audit())) else { continue };
            let own = set.intersection(&IntervalSet::range(segment.first, segment.last));
            let own =
                own.ranges().map(|(first, last)| (first - segment.offset, last - segment.offset)).collect();
            match all.iter_mut().find(|(arch, _)| *arch == segment.arch) {
                Some((_, known)) => *known = known.union(&own),
                None => all.push((segment.arch, own)),
            }
        }
    }
    all.retain(|(_, set)| !set.is_empty());
    all
}

/// The names among some numbers.
fn names(arch: Arch, set: &IntervalSet<u32>) -> Vec<&'static str> {
    let named = syscalls::table(arch).iter().filter(|(number, _)| set.contains(*number));
    named.map(|(_, name)| *name).collect()
}

/// `x86_64 read … sendto (45); i386 all`
fn calls(numbers: &Numbers) -> String {
    let mut parts: Vec<String> =
        by_interface(numbers).iter().map(|(arch, set)| format!("{arch} {}", some(*arch, set))).collect();
    if numbers.get(&None).is_some_and(|set| !set.is_empty()) {
        parts.push("other machines".to_owned());
    }
    parts.join("; ")
}

fn some(arch: Arch, set: &IntervalSet<u32>) -> String {
    let names = names(arch, set);
    let total = syscalls::table(arch).len();
    let unnamed = set.ranges().any(|(first, last)| {
        let count =
            syscalls::table(arch).iter().filter(|(number, _)| (first..=last).contains(number)).count();
        u32::try_from(count).is_ok_and(|count| count <= last - first)
    });
    let more = if unnamed { " and numbers without a name" } else { "" };
    match names.as_slice() {
        [] => "numbers without a name".to_owned(),
        names if names.len() == total => format!("all{}", if unnamed { "" } else { " that have a name" }),
        names if names.len() <= NAMES => format!("{}{more}", names.join(", ")),
        [first, .., last] => format!("{first} … {last} ({}){more}", names.len()),
        // Fewer than two names are fewer than those listed.
        [name] => (*name).to_owned(),
    }
}

/// The parameter that a word is half of, as the calls name it.
fn parameter(word: u32, numbers: &Numbers) -> String {
    let position = (word - bpf::ARGUMENTS) / 8;
    let half = if word.is_multiple_of(8) { "low" } else { "high" };
    let index = usize::try_from(position).unwrap_or(usize::MAX);
    let mut called = BTreeSet::new();
    for (arch, set) in by_interface(numbers) {
        for call in names(arch, &set) {
            let name = parameters(arch, call).and_then(|list| list.get(index)).map(|one| one.name);
            called.extend(name.filter(|name| !name.is_empty()));
        }
    }
    let called = called.into_iter().take(NAMES).collect::<Vec<_>>().join(" or ");
    let called = if called.is_empty() { format!("arg{position}") } else { called };
    format!("{called}, {half} half")
}

/// The lines of the profile that decided an answer for calls that come to it.
fn places(numbers: &Numbers, value: u32, policy: &Syscalls) -> String {
    let action = bpf::action(value);
    let mut origins = Origins::new();
    for (arch, set) in by_interface(numbers) {
        for (first, last, diagram) in policy.table(arch).intervals() {
            if set.intersection(&IntervalSet::range(first, last)).is_empty() {
                continue;
            }
            let deciding = diagram.decisions().filter(|decision| decision.action == action);
            origins.extend(deciding.flat_map(|decision| decision.origins.iter().cloned()));
        }
    }
    let shown: Vec<String> = origins
        .iter()
        .take(PLACES)
        .map(|origin| format!("{}:{}", origin.file.replace('\n', "\u{fffd}"), origin.line))
        .collect();
    let more = origins.len().saturating_sub(PLACES);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
