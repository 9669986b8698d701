//! How often calls are made: what the search for a number is weighed by.

use super::Segment;
use crate::vocab::{frequency, syscalls};

/// What the search for a number is optimal for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weights {
    /// Calls as programs make them, and a part of every call alike so that seldom ones stay near.
    #[default]
    Mix,
    /// Every call alike.
    Uniform,
}

/// All calls of one interface together.
const TOTAL: u32 = 1 << 24;
/// Shares of calls are counted in these.
const MILLION: u32 = 1_000_000;
/// Parts of [`TOTAL`].
const WHOLE: u32 = 64;
/// The part that all calls share alike: what programs did not call while they were counted, they call at other times.
/// More makes the frequent calls slower, less the others.
const ALIKE: u32 = 10;
/// What an instruction costs that is never executed: attaching copies, checks and translates it.
pub(super) const PRICE: u32 = TOTAL / 256;

impl Weights {
    /// The calls of a segment with their weights, by number.
    pub(super) fn numbers(self, segment: &Segment) -> Vec<(u32, u32)> {
        // Only the first segment of an interface has calls with names.
        if segment.first != segment.offset {
            return Vec::new();
        }
        let calls = syscalls::table(segment.arch);
        let alike = match self {
            Weights::Mix => ALIKE,
            Weights::Uniform => WHOLE,
        };
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX).max(1);
        let least = TOTAL / WHOLE * alike / count;
        let mut weights: Vec<(u32, u32)> =
            calls.iter().map(|(number, _)| (number + segment.offset, least)).collect();
        if alike < WHOLE {
            for (number, millionths) in frequency::of(segment.arch) {
                let number = number + segment.offset;
                if let Ok(at) = weights.binary_search_by_key(&number, |(number, _)| *number) {
                    weights[at].1 += TOTAL / WHOLE * (WHOLE - alike) / MILLION * millionths;
                }
            }
        }
        weights
    }
}
