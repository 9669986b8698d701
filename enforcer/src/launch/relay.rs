//! The terminal of a program, relayed to the caller's standard streams.

use crate::sys::socket::{self, Interest};
use crate::sys::{Sys, file, tty};
use std::os::fd::RawFd;

/// End of input as a terminal has it: control-D.
const END_OF_INPUT: &[u8] = &[4];

/// Copies in both directions. While it lives, the caller's own terminal interprets nothing.
pub(super) struct Relay<'s> {
    sys: &'s dyn Sys,
    master: RawFd,
    /// What standard input was set to, where it is a terminal.
    before: Option<tty::Settings>,
    input_open: bool,
    output_open: bool,
}

impl<'s> Relay<'s> {
    pub(super) fn new(sys: &'s dyn Sys, master: RawFd) -> Relay<'s> {
        // Where standard input is no terminal there is nothing to set and no size to copy.
        let before =
            tty::settings(sys, 0).ok().filter(|settings| tty::set_settings(sys, 0, &settings.raw()).is_ok());
        let relay = Relay { sys, master, before, input_open: true, output_open: true };
        relay.resize();
        relay
    }

    /// Gives the program's terminal the size of the caller's.
    pub(super) fn resize(&self) {
        if self.before.is_some() {
            // A terminal without a size is still a terminal.
            let _ = tty::copy_size(self.sys, 0, self.master);
        }
    }

    /// Standard input and the master; one that has ended is not waited for.
    pub(super) fn interests(&self) -> [Interest; 2] {
        let open = |open: bool, fd| socket::readable(if open { fd } else { -1 });
        [open(self.input_open, 0), open(self.output_open, self.master)]
    }

    /// Copies what is there.
    pub(super) fn pass(&mut self, ready: &[Interest]) {
        let [input, output] = ready else { return };
        if input.revents != 0 {
            self.input_open = self.copy(0, self.master);
            if !self.input_open {
                self.write_all(self.master, END_OF_INPUT);
            }
        }
        if output.revents != 0 {
            self.output_open = self.copy(self.master, 1);
        }
    }

    /// Copies what the program has left in its terminal.
    pub(super) fn drain(&mut self) {
        loop {
            let mut last = [socket::readable(self.master)];
            let there = socket::poll(self.sys, &mut last, false).is_ok_and(|count| count > 0);
            if !there || last[0].revents & libc::POLLIN == 0 || !self.copy(self.master, 1) {
                return;
            }
        }
    }

    /// Copies one piece; whether there may be more.
    fn copy(&self, from: RawFd, to: RawFd) -> bool {
        let mut buffer = [0u8; 4096];
        match file::read(self.sys, from, &mut buffer) {
            // A terminal whose other side is closed answers EIO.
            Err(_) | Ok(0) => false,
            Ok(length) => buffer.get(..length).is_some_and(|piece| self.write_all(to, piece)),
        }
    }

    fn write_all(&self, to: RawFd, mut piece: &[u8]) -> bool {
        while !piece.is_empty() {
            match file::write_some(self.sys, to, piece) {
                Ok(length) if length > 0 => piece = piece.get(length..).unwrap_or_default(),
                _ => return false,
            }
        }
        true
    }
}

impl Drop for Relay<'_> {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The terminal may be gone with its window.
            let _ = tty::set_settings(self.sys, 0, before);
        }
    }
}
