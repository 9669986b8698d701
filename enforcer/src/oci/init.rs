//! The init that is put before the command of an engine's container: program and plan in one read-only file.
//!
//! No OCI runtime gives Landlock or `PR_SET_MDWE`, and the filter that a runtime installs must let through what they
//! take. So the runtime installs the [`stockade_policy::seccomp::outer`] filter and starts this; it takes on the
//! layers, the exact filter last, and becomes the command.
//!
//! Whatever fails ends it, with one line on standard error: 127 where there is no such command, 126 where it cannot be
//! executed, 125 for everything else.

use crate::launch::refuse;
use crate::sys::landlock::ruleset_size;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::{fs, io};
pub use stockade_policy::oci::needs_init as is_needed;
use stockade_policy::plan::{Landlock, LandlockRule, Plan};
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::Arch;

mod layout {
    //! The layout that the init shares.
    #![expect(unreachable_pub, reason = "the init compiles the same file as a crate of its own")]
    include!("../../init/container/block.rs");
}

/// The program up to where its block begins; built by build.rs.
const PROGRAM: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/container-init"));

/// Where it stands in the container: directly in `/`, because the container could rename the directory above a mount
/// point that lies deeper, and put another file in its place.
pub const PATH: &str = "/.stockade";

/// The mode of the file: its plan is nobody's business, and starting it takes no more.
pub const MODE: u32 = 0o111;

/// Why there is no init for a plan.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// What programs gain by a set-user-ID bit would be outside.
    #[error(
        "`{layer}` in an engine's container needs no_new_privileges; set `process: {{no_new_privileges: true}}`, or \
         leave `{layer}` out"
    )]
    NoNewPrivileges {
        /// What asks for it, as the profile calls it.
        layer: &'static str,
    },
    /// The program is of another architecture than the plan.
    #[error("the plan was compiled for {arch}, and this is not it")]
    Arch {
        /// The plan's.
        arch: Arch,
    },
    /// The kernel would not take the path.
    #[error("the Landlock rule on `{}` {why}", .path.escape_default())]
    Path {
        /// The path.
        path: String,
        /// Why not.
        why: &'static str,
    },
    /// The kernel would not take the filter, or return something that nobody serves.
    #[error("the filter {why}")]
    Filter {
        /// Why not.
        why: &'static str,
    },
    /// A runtime would mount the init elsewhere, where the container can move it away, or not at all.
    #[error(
        "`{PATH}` in the container's root is {found}: the init can be mounted over a regular file or over nothing; \
         take it out of the image"
    )]
    Place {
        /// What is there.
        found: &'static str,
    },
    /// What is there could not be told.
    #[error("cannot look for `{PATH}` in {}", .root.display())]
    Look {
        /// The container's root.
        root: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// More than the program maps.
    #[error("the plan takes {bytes} bytes and the init has room for {}; grant fewer paths", layout::CAPACITY)]
    TooLong {
        /// What it would take.
        bytes: usize,
    },
}

/// The whole file for one container. The same plan gives the same bytes.
pub fn file(plan: &Plan) -> Result<Vec<u8>, InitError> {
    check(plan)?;
    let mut block = Block::default();
    if let Some(landlock) = &plan.landlock {
        block.landlock(landlock)?;
    }
    block.head.write_xor_execute = u32::from(plan.process.write_xor_execute);
    block.head.umask = plan.process.umask;
    if let Some(filter) = &plan.seccomp {
        block.head.filter_flags = filter.flags;
        block.head.filter_offset = block.offset()?;
        block.head.filter_length = short(filter.program.len())?;
        block.rest.extend_from_slice(&bpf::bytes(&filter.program));
    }
    block.offset()?;
    let mut file = Vec::with_capacity(PROGRAM.len() + HEAD + block.rest.len());
    file.extend_from_slice(PROGRAM);
    write_head(&block.head, &mut file);
    file.extend_from_slice(&block.rest);
    Ok(file)
}

/// Whether the init can stand where it must in a root that no container runs on yet. Runtimes follow a link there: the
/// mount would lie at its end, and the container could replace the link, and with it what the next exec starts.
pub fn check_root(root: &Path) -> Result<(), InitError> {
    let found = match fs::symlink_metadata(root.join(PATH.trim_start_matches('/'))) {
        Ok(metadata) if metadata.is_file() => return Ok(()),
        Ok(metadata) if metadata.is_symlink() => "a symbolic link",
        Ok(metadata) if metadata.is_dir() => "a directory",
        Ok(_) => "a device, a pipe or a socket",
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(InitError::Look { root: root.to_owned(), source }),
    };
    Err(InitError::Place { found })
}

fn check(plan: &Plan) -> Result<(), InitError> {
    let layers = [(plan.landlock.is_some(), "files"), (plan.process.write_xor_execute, "write_xor_execute")];
    let asks = layers.into_iter().find(|(asked, _)| *asked).map(|(_, layer)| layer);
    match (plan.process.no_new_privileges, asks) {
        (false, Some(layer)) => Err(InitError::NoNewPrivileges { layer }),
        (false, None) if plan.seccomp.is_some() => Err(InitError::NoNewPrivileges { layer: "syscalls" }),
        _ if !refuse::is_ours(plan.arch) => Err(InitError::Arch { arch: plan.arch }),
        _ => match plan.seccomp.as_ref().and_then(refuse::fault) {
            Some(why) => Err(InitError::Filter { why }),
            None => Ok(()),
        },
    }
}

/// Bytes of the head.
const HEAD: usize = size_of::<layout::Block>();

/// The block as it grows.
#[derive(Default)]
struct Block {
    head: layout::Block,
    rest: Vec<u8>,
}

impl Block {
    /// Where the next byte comes to stand.
    fn offset(&self) -> Result<u32, InitError> {
        let at = HEAD + self.rest.len();
        if at > layout::CAPACITY { Err(InitError::TooLong { bytes: at }) } else { short(at) }
    }

    fn landlock(&mut self, landlock: &Landlock) -> Result<(), InitError> {
        self.head.handled_fs = landlock.handled_fs;
        self.head.scoped = landlock.scoped;
        self.head.ruleset_size = short(ruleset_size(landlock.abi))?;
        self.head.rules_offset = self.offset()?;
        self.head.rules = short(landlock.rules.len())?;
        let paths = landlock.rules.iter().map(path).collect::<Result<Vec<CString>, InitError>>()?;
        let mut at = HEAD + self.rest.len() + landlock.rules.len() * size_of::<[u64; 2]>();
        for (rule, path) in landlock.rules.iter().zip(&paths) {
            self.rest.extend_from_slice(&rule.access.to_ne_bytes());
            self.rest.extend_from_slice(&u64::from(short(at)?).to_ne_bytes());
            at += path.as_bytes_with_nul().len();
        }
        paths.iter().for_each(|path| self.rest.extend_from_slice(path.as_bytes_with_nul()));
        // What follows is of words again.
        self.rest.resize(self.rest.len().next_multiple_of(size_of::<u64>()), 0);
        Ok(())
    }
}

fn path(rule: &LandlockRule) -> Result<CString, InitError> {
    let wrong = |why| InitError::Path { path: rule.path.clone(), why };
    if !rule.path.starts_with('/') {
        return Err(wrong("is not an absolute path"));
    }
    CString::new(rule.path.as_str())
        .map_err(|_| wrong("has a NUL byte, which cannot be passed to the kernel"))
}

fn short(number: usize) -> Result<u32, InitError> {
    u32::try_from(number).map_err(|_| InitError::TooLong { bytes: number })
}

/// The head field by field, in the order of the structure, which has no holes.
fn write_head(head: &layout::Block, file: &mut Vec<u8>) {
    let begin = file.len();
    file.extend_from_slice(&head.handled_fs.to_ne_bytes());
    file.extend_from_slice(&head.scoped.to_ne_bytes());
    let words = [
        head.ruleset_size,
        head.rules_offset,
        head.rules,
        head.write_xor_execute,
        head.umask,
        head.filter_flags,
        head.filter_offset,
        head.filter_length,
    ];
    words.iter().for_each(|word| file.extend_from_slice(&word.to_ne_bytes()));
    file.resize(begin + HEAD, 0);
}

#[cfg(test)]
mod tests;
