//! `files`, `mounts` and `devices`: what the process sees of a file tree.

use super::path::AbsolutePath;
use crate::diagnostic::Flaw;
use crate::origin::At;
use crate::parse::list::{Item, List};
use crate::parse::read::words;
use crate::parse::record::record;
use crate::parse::scalar::Written;
use crate::policy::{Device, ProcView};
use crate::units::Bytes;
use serde_json::{Value, json};

record! {
    /// What may be done where in the file tree. A path stands for itself and everything below it.
    Files as "`files`" {
        /// Whether the root itself is writable: `writable` grants writing at `/`.
        root: At<RootAccess>,
        /// Where files are read and directories listed.
        read: List<AbsolutePath>,
        /// Where files are created, changed and removed; implies reading.
        write: List<AbsolutePath>,
        /// What is executed, with the loaders it needs; implies reading.
        execute: List<AbsolutePath>,
        /// What is not there at all.
        hide: List<AbsolutePath>,
        /// Size of a private /tmp; `none` for no private /tmp.
        tmp: At<TmpSize>,
        /// What /proc shows.
        proc: At<ProcChoice>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

words! {
    /// Whether the root is writable.
    RootAccess as "`read-only` or `writable`" {
        /// Written only where `write` says.
        ReadOnly = "read-only",
        /// Written everywhere but where something hides it.
        Writable = "writable",
    }
}

words! {
    /// What /proc shows.
    ProcChoice as "a view of /proc" {
        /// No /proc.
        None = "none",
        /// Its own processes and nothing else.
        Minimal = "minimal",
        /// All of it, but only processes that it could trace.
        Hidden = "hidden",
        /// All of it, with the paths that leak or change the host masked.
        Full = "full",
    }
}

impl ProcChoice {
    /// As the policy has it.
    pub(crate) fn view(self) -> ProcView {
        match self {
            ProcChoice::None => ProcView::None,
            ProcChoice::Minimal => ProcView::Minimal,
            ProcChoice::Hidden => ProcView::Hidden,
            ProcChoice::Full => ProcView::Full,
        }
    }
}

/// The size of a private /tmp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TmpSize {
    /// No private /tmp.
    None,
    /// One of this size.
    Most(Bytes),
}

impl Written for TmpSize {
    const WHAT: &'static str = "the size of /tmp";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if text == "none" {
            return Ok(TmpSize::None);
        }
        match Bytes::from_text(text) {
            // To the kernel a tmpfs of size 0 has no limit.
            Ok(Bytes(0)) => Err(Flaw::new("a /tmp of size 0 holds nothing").help("write `none` for no /tmp")),
            Ok(size) => Ok(TmpSize::Most(size)),
            Err(flaw) => Err(flaw.help("or `none` for no private /tmp")),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [<Bytes as Written>::schema(), {"const": "none"}]})
    }
}

record! {
    /// Something mounted into the root.
    MountEntry as "a mount" requires [from, at] {
        /// The source on the host.
        from: At<AbsolutePath>,
        /// Where it stands inside the root.
        at: At<AbsolutePath>,
        /// What it allows; without any it is read-only, without programs, setuid and devices.
        options: List<MountOption>,
    }
}

impl Item for MountEntry {
    const SECTION: bool = true;
}

words! {
    /// What a mount allows. mount(8).
    MountOption as "a mount option" {
        /// Nothing is written; so it is unless `writable` is given.
        ReadOnly = "read-only",
        /// Files are created, changed and removed.
        Writable = "writable",
        /// Programs on it are started.
        Exec = "exec",
        /// setuid bits and file capabilities count.
        Suid = "suid",
        /// Device nodes work.
        Dev = "dev",
    }
}

impl Item for MountOption {}

/// A device, or a word for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// `null`, `zero`, `full`, `random`, `urandom` and `tty`: what programs take for granted.
    Standard,
    /// One of them.
    One(Device),
}

impl DeviceName {
    /// The nodes of `standard`.
    pub const STANDARD: [&'static str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
}

impl Written for DeviceName {
    const WHAT: &'static str = "a device such as `/dev/null`";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        match text {
            "standard" => return Ok(DeviceName::Standard),
            "pts" | "/dev/pts" => return Ok(DeviceName::One(Device::Pts)),
            "shm" | "/dev/shm" => return Ok(DeviceName::One(Device::Shm)),
            _ => {}
        }
        let help = "valid: `standard`, `pts`, `shm`, or a path below /dev such as `/dev/fuse`";
        let path = match AbsolutePath::from_text(text) {
            Ok(path) => path.0,
            Err(_) if !text.starts_with('/') => {
                return Err(Flaw::new(format!("unknown device `{text}`")).help(help));
            }
            Err(flaw) => return Err(flaw),
        };
        match path.strip_prefix("/dev/") {
            Some(node) => Ok(DeviceName::One(Device::Node(node.to_owned()))),
            None => Err(Flaw::new(format!("`{text}` is not below /dev")).help(help)),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"enum": ["standard", "pts", "shm"]}, {"type": "string", "pattern": "^/dev/."}]})
    }
}

impl Item for DeviceName {
    const ALL: bool = true;
    const SECTION: bool = true;
}
