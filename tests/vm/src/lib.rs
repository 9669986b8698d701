//! Guests: throw-away machines with another kernel, in which a command runs as root.
//!
//! A test that needs a kernel which the machine does not have says which, and what the guest is given, and is written
//! as if it ran there:
//!
//! ```no_run
//! # use stockade_vm::{Disk, KERNELS, test};
//! #[test]
//! fn a_limit_holds() {
//!     test(KERNELS, |guest| Ok(guest.disk(Disk::xfs(300)?).module("xfs")), || {
//!         assert!(std::path::Path::new("/dev/vda").exists());
//!     });
//! }
//! ```
//!
//! Guests are emulated (QEMU, TCG): they need no privilege and no support by a processor. Kernels are Debian's packages,
//! fetched once (`scripts/kernel`). There is no network.
#![forbid(unsafe_code)]

mod archive;
mod disk;
mod guest;
mod kernel;
mod missing;
mod program;
mod run;
mod scratch;
mod testing;

pub use disk::{Disk, DiskError};
pub use guest::Guest;
pub use kernel::{KERNELS, Kernel};
pub use missing::missing;
pub use run::{Ended, Ending, GuestError};
pub use testing::{again, is_guest, test};
