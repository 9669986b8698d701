//! Comparing what was written to a cgroup's file with what the kernel shows of it.

use crate::status::Verdict;
use std::path::Path;
use stockade_observe::{ObserveError, cgroup};
use stockade_policy::plan::CgroupHierarchy;

/// Page sizes of the architectures of the vocabulary, in bytes: the kernel counts memory in pages and
/// rounds limits down to them (`page_counter_memparse`).
const PAGES: [u64; 3] = [4 << 10, 16 << 10, 64 << 10];

/// From here on the legacy memory controller means "none": `PAGE_COUNTER_MAX` in bytes, whatever the
/// size of its pages.
const UNLIMITED: u64 = i64::MAX.cast_unsigned() & !(PAGES[2] - 1);

/// How the text of a file is ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Bytes, less is stricter, rounded down to pages; `max`, -1 and the largest page count: none.
    Bytes,
    /// A count, less is stricter; `max`: none.
    Count,
    /// `QUOTA PERIOD` in µs: the share is what counts; `max PERIOD`: none. `cpu.max`
    Share,
    /// µs of each period, -1: none; compared together with the period. `cpu.cfs_quota_us`
    Quota,
    /// The period that belongs to it: a longer one with the same quota is a smaller share.
    Period,
    /// `MAJOR:MINOR KEY=LIMIT …`, a line a device. `io.max`
    Devices,
    /// `MAJOR:MINOR LIMIT`, a line a device. `blkio.throttle.*`
    Device,
    /// Anything else has no order that we know: the same text, or looser.
    Text,
}

/// Files by name: cgroup-v2.rst and the files of Documentation/admin-guide/cgroup-v1/.
const FILES: [(&str, Kind); 17] = [
    ("memory.max", Kind::Bytes),
    ("memory.high", Kind::Bytes),
    ("memory.swap.max", Kind::Bytes),
    ("memory.zswap.max", Kind::Bytes),
    ("memory.limit_in_bytes", Kind::Bytes),
    ("memory.memsw.limit_in_bytes", Kind::Bytes),
    ("memory.kmem.limit_in_bytes", Kind::Bytes),
    ("memory.kmem.tcp.limit_in_bytes", Kind::Bytes),
    ("pids.max", Kind::Count),
    ("cpu.max", Kind::Share),
    ("cpu.cfs_quota_us", Kind::Quota),
    ("cpu.cfs_period_us", Kind::Period),
    ("io.max", Kind::Devices),
    ("blkio.throttle.read_bps_device", Kind::Device),
    ("blkio.throttle.write_bps_device", Kind::Device),
    ("blkio.throttle.read_iops_device", Kind::Device),
    ("blkio.throttle.write_iops_device", Kind::Device),
];

/// Reads back every value of one directory.
pub(crate) fn verify(hierarchy: &CgroupHierarchy, directory: &Path) -> Result<Verdict, ObserveError> {
    let mut verdict = Verdict::Exact;
    for (file, written) in &hierarchy.values {
        let read = cgroup::value(directory, file)?;
        verdict = verdict.and(match kind(file) {
            Kind::Quota => {
                let period = cgroup::value(directory, "cpu.cfs_period_us")?;
                let planned = hierarchy.values.iter().find(|(file, _)| file == "cpu.cfs_period_us");
                let planned = planned.map_or(period.as_str(), |(_, period)| period);
                share(&format!("{written} {planned}"), &format!("{read} {period}")).of(file)
            }
            _ => compare(file, written, &read),
        });
    }
    Ok(verdict)
}

fn kind(file: &str) -> Kind {
    FILES.iter().find(|(name, _)| *name == file).map_or(Kind::Text, |(_, kind)| *kind)
}

/// One value, by the order of its file.
pub fn compare(file: &str, written: &str, read: &str) -> Verdict {
    let (written, read) = (written.trim(), read.trim());
    match kind(file) {
        Kind::Bytes => limit(written, read, true),
        Kind::Count => limit(written, read, false),
        Kind::Share => share(written, read),
        // Judged with its quota, and alone it limits nothing.
        Kind::Period => Verdict::Exact,
        Kind::Devices => devices(written, read),
        Kind::Device => device(written, read),
        Kind::Quota | Kind::Text if written == read => Verdict::Exact,
        Kind::Quota | Kind::Text => Verdict::looser(format!("is `{read}`, planned `{written}`")),
    }
    .of(file)
}

/// A number; `None` is no limit at all.
fn number(text: &str) -> Option<Option<u64>> {
    match text {
        "max" | "-1" => Some(None),
        _ => text.parse().ok().map(|value: u64| (value < UNLIMITED).then_some(value)),
    }
}

fn limit(written: &str, read: &str, pages: bool) -> Verdict {
    let (Some(planned), Some(actual)) = (number(written), number(read)) else {
        return Verdict::looser(format!("is `{read}`, planned `{written}`"));
    };
    match (planned, actual) {
        (None, None) => Verdict::Exact,
        (Some(_), None) => Verdict::looser(format!("is not limited, planned {written}")),
        (None, Some(actual)) => Verdict::stricter(format!("is {actual}, planned no limit")),
        (Some(planned), Some(actual)) if actual > planned => {
            Verdict::looser(format!("is {actual}, planned {planned}"))
        }
        (Some(planned), Some(actual)) if actual == planned => Verdict::Exact,
        (Some(planned), Some(actual))
            if pages && PAGES.iter().any(|page| planned & !(page - 1) == actual) =>
        {
            Verdict::Exact
        }
        (Some(planned), Some(actual)) => Verdict::stricter(format!("is {actual}, planned {planned}")),
    }
}

fn share(written: &str, read: &str) -> Verdict {
    let parse = |text: &str| {
        let (quota, period) = text.split_once(' ').unwrap_or((text, "100000"));
        Some((number(quota)?, period.parse::<u64>().ok().filter(|period| *period > 0)?))
    };
    let (Some(planned), Some(actual)) = (parse(written), parse(read)) else {
        return Verdict::looser(format!("is `{read}`, planned `{written}`"));
    };
    let (left, right) = match (planned, actual) {
        ((None, _), (None, _)) => return Verdict::Exact,
        ((Some(_), _), (None, _)) => return Verdict::looser(format!("is not limited, planned `{written}`")),
        ((None, _), (Some(_), _)) => return Verdict::stricter(format!("is `{read}`, planned no limit")),
        ((Some(quota), period), (Some(read_quota), read_period)) => {
            (u128::from(read_quota) * u128::from(period), u128::from(quota) * u128::from(read_period))
        }
    };
    match left.cmp(&right) {
        std::cmp::Ordering::Equal => Verdict::Exact,
        std::cmp::Ordering::Less => Verdict::stricter(format!("is `{read}`, planned `{written}`")),
        std::cmp::Ordering::Greater => Verdict::looser(format!("is `{read}`, planned `{written}`")),
    }
}

/// The line of a device, its number stripped.
fn line<'a>(read: &'a str, device: &str) -> Option<&'a str> {
    read.lines().find_map(|line| line.trim().strip_prefix(device)?.strip_prefix(' '))
}

fn devices(written: &str, read: &str) -> Verdict {
    let (device, limits) = written.split_once(' ').unwrap_or((written, ""));
    let shown = line(read, device).unwrap_or("");
    let all = limits.split_ascii_whitespace().map(|planned| {
        let (key, value) = planned.split_once('=').unwrap_or((planned, ""));
        let actual = shown.split_ascii_whitespace().find_map(|one| one.strip_prefix(key)?.strip_prefix('='));
        limit(value, actual.unwrap_or("max"), false).of(&format!("{device} {key}"))
    });
    all.fold(Verdict::Exact, Verdict::and)
}

fn device(written: &str, read: &str) -> Verdict {
    let (device, value) = written.split_once(' ').unwrap_or((written, ""));
    // 0 takes the limit away, as does a device that is not listed.
    let value = if value == "0" { "max" } else { value };
    limit(value, line(read, device).unwrap_or("max"), false).of(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_by_file() {
        let (exact, stricter, looser) = ("exact", "stricter", "looser");
        for (file, written, read, expected) in [
            ("memory.max", "536870912", "536870912", exact),
            ("memory.max", "1000000", "999424", exact),
            ("memory.max", "1000000", "900000", stricter),
            ("memory.max", "999424", "1000000", looser),
            ("memory.max", "1000", "max", looser),
            ("memory.max", "max", "max", exact),
            ("memory.limit_in_bytes", "-1", "9223372036854771712", exact),
            ("memory.limit_in_bytes", "4096", "9223372036854771712", looser),
            ("memory.swap.max", "0", "0", exact),
            ("memory.swap.max", "0", "4096", looser),
            ("pids.max", "10", "10", exact),
            ("pids.max", "10", "9", stricter),
            ("pids.max", "10", "11", looser),
            ("pids.max", "10", "many", looser),
            ("cpu.max", "150000 100000", "150000 100000", exact),
            ("cpu.max", "150000 100000", "75000 50000", exact),
            ("cpu.max", "150000 100000", "max 100000", looser),
            ("cpu.max", "150000 100000", "150000 90000", looser),
            ("cpu.max", "150000 100000", "140000 100000", stricter),
            ("io.max", "8:0 wbps=100", "8:0 rbps=max wbps=100 riops=max wiops=max", exact),
            ("io.max", "8:0 wbps=100 rbps=5", "8:0 rbps=max wbps=100 riops=max wiops=max", looser),
            ("io.max", "8:0 wbps=100", "8:16 rbps=max wbps=100", looser),
            ("blkio.throttle.read_bps_device", "8:0 100", "8:16 7\n8:0 100", exact),
            ("blkio.throttle.read_bps_device", "8:0 100", "", looser),
            ("memory.oom.group", "1", "1", exact),
            ("memory.oom.group", "1", "0", looser),
        ] {
            let verdict = compare(file, written, read);
            let name = match verdict {
                Verdict::Exact => exact,
                Verdict::Stricter { .. } => stricter,
                _ => looser,
            };
            assert_eq!(name, expected, "{file} {written} {read}: {verdict}");
        }
    }
}
