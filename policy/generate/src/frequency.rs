//! `generated/frequency.rs`: how often programs make which call.

use crate::error::Error;
use crate::places;
use crate::pool::{Pool, wrapped};
use crate::syscalls::Numbers;
use std::collections::BTreeMap;

/// Calls counted, by program and name.
type Counts = BTreeMap<String, BTreeMap<String, u64>>;

/// Shares are in millionths.
const WHOLE: u64 = 1_000_000;

/// The file.
pub(crate) fn file(numbers: &Numbers) -> Result<String, Error> {
    let names = Pool::new(numbers.keys().cloned())?;
    let path = places::data("syscall-mix.json");
    let counts: Counts =
        serde_json::from_str(&places::read(&path)?).map_err(|source| Error::Json { path, source })?;
    let programs = u64::try_from(counts.len()).unwrap_or(u64::MAX).max(1);
    let mut shares: BTreeMap<u16, u64> = BTreeMap::new();
    for calls in counts.values() {
        let all = calls.values().sum::<u64>().max(1);
        for (name, count) in calls {
            *shares.entry(names.index(name)?).or_default() += WHOLE * count / all / programs;
        }
    }
    let rows: Vec<String> = shares.iter().map(|(name, share)| format!("({name}, {share})")).collect();
    Ok(format!(
        "//! How often programs make which call. Written by stockade-generate; do not edit.\n\n\
         /// Positions of names with their share in millionths, every program counted alike.\n\
         pub(in crate::vocab) static FREQUENCIES: [(u16, u32); {}] = [{}];\n",
        rows.len(),
        wrapped(&rows)
    ))
}
