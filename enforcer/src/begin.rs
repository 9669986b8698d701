//! What a command-line program of ours does first.

use crate::sys::{Kernel, file, signal, socket};

/// Makes sure that 0, 1 and 2 are open, so that nothing that is opened later is taken for a standard stream, and
/// that writing to a reader who is gone is an error and not the end. As Rust's own start does; ends the process
/// where it cannot be had.
pub fn begin() {
    let mut standard = [0, 1, 2].map(|fd| socket::Interest { fd, events: 0, revents: 0 });
    let open = match socket::poll(&Kernel, &mut standard, false) {
        Ok(0) => true,
        Ok(_) => standard
            .iter()
            .filter(|interest| interest.revents & libc::POLLNVAL != 0)
            // The lowest number that is free, which is this one.
            .all(|interest| file::open_null(&Kernel) == Ok(interest.fd)),
        Err(_) => false,
    };
    if !open || signal::ignore(&Kernel, libc::SIGPIPE).is_err() {
        std::process::abort();
    }
}
