//! `stockade quota set|show|gc`

mod text;

use super::Output;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render;
use serde::Serialize;
use std::path::{Path, PathBuf};
use stockade_enforcer::oci::record::STATE;
use stockade_enforcer::quota::{self, Entry, Judged, Ledger, Limits, Set, Standing};
use stockade_policy::units::{Bytes, Count, Quantity};

/// Limit how much may lie in a directory, whoever writes it
///
/// On XFS and ext4 (by projects), btrfs (by groups, of subvolumes) and tmpfs (of a whole mount). What is in force is what
/// the kernel shows afterwards; a file system that would not enforce it is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
    /// Where the ledger of quotas is
    #[arg(long, global = true, value_name = "DIR", default_value = STATE)]
    state: PathBuf,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Limit directories, all together, or change their limits
    Set(SetArgs),
    /// Show every quota, and whether the kernel keeps it; exit 1 where it does not
    Show(Printed),
    /// Give back what is not used any more, and repair what a crash or somebody else left; exit 1 where that cannot be
    Gc(Printed),
}

#[derive(Debug, clap::Args)]
struct Printed {
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, clap::Args)]
struct SetArgs {
    /// Directories of one file system, absolute
    #[arg(required = true, value_name = "DIR")]
    directories: Vec<PathBuf>,
    /// Size of everything in them, as 512MiB
    #[arg(long, value_parser = quantity::<Bytes>)]
    size: Option<Bytes>,
    /// Number of files, directories and links, as 100k
    #[arg(long, value_parser = quantity::<Count>)]
    files: Option<Count>,
    /// Size that may be exceeded for the grace period of the file system
    #[arg(long, value_parser = quantity::<Bytes>)]
    soft_size: Option<Bytes>,
    /// Number of files that may be exceeded for the grace period
    #[arg(long, value_parser = quantity::<Count>)]
    soft_files: Option<Count>,
    /// Take the limits away
    #[arg(long, conflicts_with_all = ["size", "files", "soft_size", "soft_files"])]
    none: bool,
    #[command(flatten)]
    output: Output,
}

fn quantity<Q: Quantity>(text: &str) -> Result<Q, String> {
    Q::parse(text).map_err(|error| format!("{error}; {}", Q::EXAMPLE))
}

/// What was taken away.
#[derive(Serialize)]
struct Released {
    released: Vec<Entry>,
}

/// What there is.
#[derive(Serialize)]
struct Quotas {
    quotas: Vec<Judged>,
}

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let state = &args.state;
    match &args.verb {
        Verb::Set(wanted) if wanted.none => {
            let ledger = Ledger::open(state)?;
            let released = Released { released: quota::release(&ledger, &wanted.directories)? };
            render::result(wanted.output.format, "quota-released", &released, || {
                text::released(&released.released)
            })?;
        }
        Verb::Set(wanted) => {
            let set = set(state, wanted)?;
            if set.uncounted > 0 {
                let what = "links, sockets or devices were there already, and this kernel cannot count them: it can from 6.17 on";
                render::note("warning", &format!("{} {what}", set.uncounted));
            }
            if let Some(caveat) = set.caveat {
                render::note("warning", caveat);
            }
            render::result(wanted.output.format, "quota", &set, || text::set(&set))?;
        }
        Verb::Show(Printed { output }) => {
            let quotas = quota::show(&Ledger::open(state)?)?;
            let drifts =
                quotas.iter().any(|quota| !matches!(quota.standing, Standing::Kept | Standing::Absent));
            let quotas = Quotas { quotas };
            render::result(output.format, "quotas", &quotas, || text::show(&quotas.quotas))?;
            return Ok(if drifts { Exit::NO } else { Exit::FINE });
        }
        Verb::Gc(Printed { output }) => {
            let quotas = quota::reconcile(&Ledger::open(state)?)?;
            let quotas = Quotas { quotas };
            render::result(output.format, "quotas", &quotas, || text::reconciled(&quotas.quotas))?;
            if quotas.quotas.iter().any(|quota| quota.why.is_some()) {
                return Ok(Exit::NO);
            }
        }
    }
    Ok(Exit::FINE)
}

fn set(state: &Path, wanted: &SetArgs) -> Result<Set, Failure> {
    let limits = Limits {
        size: wanted.size.map(|size| size.0),
        soft_size: wanted.soft_size.map(|size| size.0),
        files: wanted.files.map(|files| files.0),
        soft_files: wanted.soft_files.map(|files| files.0),
    };
    Ok(quota::set(&Ledger::open(state)?, &wanted.directories, &limits)?)
}
