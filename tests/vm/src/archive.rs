//! The initramfs: a cpio archive. Linux, Documentation/driver-api/early-userspace/buffer-format.rst.

use cpio::newc::{Builder, trailer};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path};

/// Types of files. inode(7)
const DIRECTORY: u32 = 0o040_755;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_777;

/// An archive that is being written.
pub(crate) struct Archive<W: Write> {
    to: Option<W>,
    /// What is in it.
    there: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    /// One with nothing in it.
    pub(crate) fn new(to: W) -> Archive<W> {
        Archive { to: Some(to), there: BTreeSet::new() }
    }

    /// Puts a text there.
    pub(crate) fn text(&mut self, path: &str, mode: u32, text: &[u8]) -> io::Result<()> {
        self.add(path, REGULAR | mode, text)
    }

    /// Puts a file of the host there, with what its name leads to.
    pub(crate) fn file(&mut self, of_host: &Path, path: &str, mode: u32) -> io::Result<()> {
        let mut content = Vec::new();
        io::Read::read_to_end(&mut File::open(of_host)?, &mut content)?;
        self.add(path, REGULAR | mode, &content)
    }

    /// Puts a symbolic link there.
    pub(crate) fn link(&mut self, path: &str, to: &str) -> io::Result<()> {
        self.add(path, LINK, to.as_bytes())
    }

    /// Ends the archive.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if let Some(to) = self.to.take() {
            trailer(to)?.flush()?;
        }
        Ok(())
    }

    fn add(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let name = normal(path);
        let mut above = String::new();
        for part in name.split('/').collect::<Vec<_>>().split_last().map_or(&[][..], |(_, above)| above) {
            above = if above.is_empty() { (*part).to_owned() } else { format!("{above}/{part}") };
            self.put(&above.clone(), DIRECTORY, &[])?;
        }
        self.put(&name, mode, content)
    }

    fn put(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        if !self.there.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(to) = self.to.take() else { return Ok(()) };
        let size = u32::try_from(content.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let inode = u32::try_from(self.there.len()).unwrap_or(u32::MAX);
        let mut entry = Builder::new(name).ino(inode).mode(mode).write(to, size);
        entry.write_all(content)?;
        self.to = Some(entry.finish()?);
        Ok(())
    }
}

/// A path as the archive has it: from the root, without it.
fn normal(path: &str) -> String {
    let parts = Path::new(path).components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}
