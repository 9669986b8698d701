//! Guests in which the runtime is tested: hosts that this machine is not.

use std::error::Error;
use stockade_vm::Guest;

/// With what a bench takes, at the paths that it has here.
pub(crate) fn with_runtimes(guest: Guest) -> Result<Guest, Box<dyn Error>> {
    let stockade = env!("CARGO_BIN_EXE_stockade");
    Ok(guest.built(stockade, stockade).program("runc").program("crun").memory(1024))
}
