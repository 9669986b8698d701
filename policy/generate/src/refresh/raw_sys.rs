//! The kernel's user-space headers, as the `linux-raw-sys` crate has them for every architecture.

use crate::error::Error;
use crate::places;
use crate::table::ARCHES;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Folders of the crate, in the order of [`ARCHES`].
const FOLDERS: [&str; ARCHES.len()] = ["x86_64", "x86", "x32", "aarch64", "arm"];

/// Modules whose integers can be arguments of system calls.
const MODULES: [&str; 11] = [
    "general",
    "ioctl",
    "prctl",
    "ptrace",
    "net",
    "netlink",
    "io_uring",
    "landlock",
    "mempolicy",
    "system",
    "vm_sockets",
];

/// The crate's sources.
pub(super) struct RawSys {
    source: PathBuf,
    /// Package version, for the headings of the tables.
    pub(super) version: String,
}

impl RawSys {
    /// Asks cargo where the crate is unpacked.
    pub(super) fn find() -> Result<RawSys, Error> {
        let metadata = cargo_metadata::MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .exec()?;
        let package = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == "linux-raw-sys")
            .ok_or_else(|| Error::Tables("linux-raw-sys is no dependency".to_owned()))?;
        let folder = package.manifest_path.parent().map(|folder| folder.as_std_path().join("src"));
        let source = folder.ok_or_else(|| Error::Tables("linux-raw-sys has no folder".to_owned()))?;
        Ok(RawSys { source, version: package.version.to_string() })
    }

    /// The error numbers for the architecture of this index.
    pub(super) fn errors(&self, arch: usize) -> Result<BTreeMap<String, u64>, Error> {
        let path = self.source.join(FOLDERS[arch]).join("errno.rs");
        Ok(integers(&places::read(&path)?).collect())
    }

    /// Every integer of the modules for the architecture of this index, `__NR_` and all.
    pub(super) fn integers(&self, arch: usize) -> Result<BTreeMap<String, u64>, Error> {
        let mut found = BTreeMap::new();
        for module in MODULES {
            let path = self.source.join(FOLDERS[arch]).join(module).with_extension("rs");
            for (name, value) in integers(&places::read(&path)?) {
                found.entry(name).or_insert(value);
            }
        }
        Ok(found)
    }
}

/// `pub const NAME: type = 5;` and the `NAME = 5,` of enums.
fn integers(text: &str) -> impl Iterator<Item = (String, u64)> {
    text.lines().filter_map(|line| {
        let (name, value) = match line.strip_prefix("pub const ") {
            Some(constant) => {
                let (name, rest) = constant.split_once(": ")?;
                (name, rest.split_once(" = ")?.1.strip_suffix(';')?)
            }
            None => line.strip_suffix(',')?.split_once(" = ")?,
        };
        let value = value.parse::<i128>().ok()?;
        let bits = u64::try_from(value).or_else(|_| i64::try_from(value).map(i64::cast_unsigned)).ok()?;
        Some((name.to_owned(), bits))
    })
}
