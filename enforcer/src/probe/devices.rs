//! Which disks limits on input and output apply to.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use stockade_observe::{FormatError, ObserveError, read};

/// `MAJOR:MINOR` of every disk that has a size, partitions left out: the kernel refuses limits on those,
/// and counts what goes through them to the disk. proc_partitions(5), sysfs(5).
pub(super) fn disks() -> Result<BTreeSet<String>, ObserveError> {
    let path = Path::new("/proc/partitions");
    let content = match read::bounded(path, 4 << 20) {
        // A kernel without CONFIG_BLOCK.
        Err(ObserveError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Ok(BTreeSet::new());
        }
        other => other?,
    };
    let all = numbers(&content).map_err(|source| ObserveError::Format { path: path.to_owned(), source })?;
    Ok(all.into_iter().filter(|number| !is_partition(number)).collect())
}

/// The first two columns; a title and an empty line come first.
fn numbers(content: &[u8]) -> Result<Vec<String>, FormatError> {
    let lines =
        content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"major"));
    lines
        .map(|line| {
            let text = std::str::from_utf8(line).unwrap_or_default();
            let mut fields = text.split_ascii_whitespace().map(str::parse::<u32>);
            match (fields.next(), fields.next()) {
                (Some(Ok(major)), Some(Ok(minor))) => Ok(format!("{major}:{minor}")),
                _ => Err(FormatError::new("no device number", line)),
            }
        })
        .collect()
}

/// A disk's directory in sysfs stands in one named `block`, a partition's in its disk's. What cannot be
/// told counts as a disk: a limit too many is refused by the kernel, one too few by nobody.
fn is_partition(number: &str) -> bool {
    fs::read_link(Path::new("/sys/dev/block").join(number))
        .is_ok_and(|link| link.parent().and_then(Path::file_name).is_some_and(|name| name != "block"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_columns() {
        let text =
            b"major minor  #blocks  name\n\n 254        0  268435456 vda\n 259        1 10 nvme0n1p1\n";
        assert_eq!(numbers(text).expect("columns"), ["254:0", "259:1"]);
        assert!(numbers(b" 254 x 1 vda\n").is_err());
    }

    #[test]
    fn every_disk_is_one_of_sysfs() {
        for number in disks().expect("disks") {
            let directory = Path::new("/sys/dev/block").join(&number);
            if directory.exists() {
                assert!(!directory.join("partition").exists(), "{number}");
            }
        }
    }
}
