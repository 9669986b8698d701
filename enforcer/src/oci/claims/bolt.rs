//! A file of bbolt, read only: one value behind a path of buckets. go.etcd.io/bbolt, page.go, bucket.go, db.go.

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Bytes before the elements of a page, and of one element.
const HEADER: usize = 16;
const MAGIC: u32 = 0xED0C_DAED;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;
/// Of an element: its value is a bucket.
const BUCKET: u32 = 1;
/// Most pages between a bucket and a key: a tree of 4 KiB pages that is deeper has more keys than there are containers.
const DEEPEST: usize = 16;
/// Longest page with those that continue it, bytes.
const LONGEST: usize = 16 << 20;
/// How long another process may write; podman opens its database for single reads and writes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A database that nobody writes while it is read.
#[derive(Debug)]
pub(super) struct Bolt {
    file: File,
    page: usize,
    root: u64,
}

impl Bolt {
    /// Reads the newer of the two heads that is whole.
    pub(super) fn open(file: File) -> io::Result<Bolt> {
        let start = Instant::now();
        // bbolt locks what it writes in the same way. bolt_unix.go.
        while let Err(errno) = flock(&file, FlockOperation::NonBlockingLockShared) {
            if errno != Errno::WOULDBLOCK || start.elapsed() > PATIENCE {
                return Err(errno.into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let first = read(&file, 0, 4096)?;
        // Where the first head is torn, the second stands where this host's pages end.
        let size = head(&first).map_or(4096, |head| head.page);
        let second = read(&file, u64::try_from(size).unwrap_or_default(), 4096)?;
        let heads = [head(&first), head(&second)].into_iter().flatten();
        let head = heads.max_by_key(|head| head.transaction).ok_or_else(broken)?;
        Ok(Bolt { file, page: head.page, root: head.root })
    }

    /// The value of `key` in the bucket that `buckets` lead to; `None`: it is not there.
    pub(super) fn value(&self, buckets: &[&str], key: &str) -> io::Result<Option<Vec<u8>>> {
        let (mut root, mut inline) = (self.root, None);
        for name in buckets {
            let Some((BUCKET, value)) = self.find(root, inline, name.as_bytes())? else { return Ok(None) };
            root = u64_at(&value, 0).ok_or_else(broken)?;
            // A small bucket stands whole where it is named.
            inline = (root == 0).then(|| value.get(HEADER..).map(<[u8]>::to_vec)).flatten();
        }
        Ok(self.find(root, inline, key.as_bytes())?.filter(|(flags, _)| *flags == 0).map(|(_, value)| value))
    }

    /// The flags and the value of a key below a page.
    fn find(&self, root: u64, inline: Option<Vec<u8>>, key: &[u8]) -> io::Result<Option<(u32, Vec<u8>)>> {
        let mut page = match inline {
            Some(page) => page,
            None => self.page(root)?,
        };
        for _ in 0..DEEPEST {
            let flags = u16_at(&page, 8).ok_or_else(broken)?;
            let count = usize::from(u16_at(&page, 10).ok_or_else(broken)?);
            match flags {
                LEAF => {
                    let found =
                        (0..count).find_map(|number| leaf(&page, number).filter(|leaf| leaf.1 == key));
                    return Ok(found.map(|(flags, _, value)| (flags, value.to_vec())));
                }
                BRANCH => {
                    let below = (0..count).map_while(|number| branch(&page, number));
                    let below = below.take_while(|(first, _)| *first <= key).last();
                    let Some((_, next)) = below else { return Ok(None) };
                    page = self.page(next)?;
                }
                _ => return Err(broken()),
            }
        }
        Err(broken())
    }

    /// A page with those that continue it.
    fn page(&self, number: u64) -> io::Result<Vec<u8>> {
        let size = u64::try_from(self.page).unwrap_or_default();
        let at = number.checked_mul(size).ok_or_else(broken)?;
        let first = read(&self.file, at, self.page)?;
        let more = u32_at(&first, 12).and_then(|more| usize::try_from(more).ok()).ok_or_else(broken)?;
        let whole = more.checked_add(1).and_then(|pages| pages.checked_mul(self.page)).ok_or_else(broken)?;
        if whole > LONGEST {
            return Err(broken());
        }
        if more == 0 { Ok(first) } else { read(&self.file, at, whole) }
    }
}

struct Head {
    page: usize,
    root: u64,
    transaction: u64,
}

/// The head on a page, if it is whole.
fn head(page: &[u8]) -> Option<Head> {
    let head = page.get(HEADER..)?;
    let text = head.get(..56)?;
    if u32_at(head, 0)? != MAGIC || u64_at(head, 56)? != checksum(text) {
        return None;
    }
    let page = usize::try_from(u32_at(head, 8)?).ok()?;
    let plausible = page.is_power_of_two() && (512..=LONGEST).contains(&page);
    plausible.then_some(Head { page, root: u64_at(head, 16)?, transaction: u64_at(head, 48)? })
}

/// FNV-1a of 64 bits.
fn checksum(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Flags, key and value of an element of a leaf.
fn leaf(page: &[u8], number: usize) -> Option<(u32, &[u8], &[u8])> {
    let element = page.get(HEADER.checked_mul(number.checked_add(1)?)?..)?;
    let length = |at: usize| u32_at(element, at).and_then(|length| usize::try_from(length).ok());
    let (place, key, value) = (length(4)?, length(8)?, length(12)?);
    let text = element.get(place..)?;
    Some((u32_at(element, 0)?, text.get(..key)?, text.get(key..)?.get(..value)?))
}

/// The first key below an element of a branch, and the page.
fn branch(page: &[u8], number: usize) -> Option<(&[u8], u64)> {
    let element = page.get(HEADER.checked_mul(number.checked_add(1)?)?..)?;
    let length = |at: usize| u32_at(element, at).and_then(|length| usize::try_from(length).ok());
    Some((element.get(length(0)?..)?.get(..length(4)?)?, u64_at(element, 8)?))
}

fn read(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}

fn broken() -> io::Error {
    io::Error::other("it is no whole database of bbolt")
}

#[cfg(test)]
mod tests;
