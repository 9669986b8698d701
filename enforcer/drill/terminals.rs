//! Terminals: on a pair of its own, so that nothing is typed anywhere.

use crate::found::{Found, errno::*};
use crate::{call, files};

const NO_DESCRIPTOR: isize = -1;

/// A request that a filter may answer before there is a descriptor to look at.
fn filtered(request: usize) -> Option<Found> {
    let answer = call!(IOCTL, NO_DESCRIPTOR, request, 0);
    (-answer != EBADF).then(|| answer.into())
}

/// The slave of a new pair.
fn terminal() -> isize {
    const UNLOCK: usize = 0x4004_5431;
    const PEER: usize = 0x5441;
    let master = match files::open(c"/dev/ptmx", files::RDWR) {
        refused if refused < 0 => files::open(c"/dev/pts/ptmx", files::RDWR),
        master => master,
    };
    if master < 0 {
        return master;
    }
    let locked = 0i32;
    call!(IOCTL, master, UNLOCK, &raw const locked);
    call!(IOCTL, master, PEER, files::RDWR)
}

pub(crate) fn type_ahead() -> Found {
    const TYPE: usize = 0x5412;
    const TAKE: usize = 0x540e;
    if let Some(found) = filtered(TYPE) {
        return found;
    }
    let terminal = terminal();
    if terminal < 0 {
        return terminal.into();
    }
    // One's own terminal is the one that takes it.
    call!(SETSID);
    call!(IOCTL, terminal, TAKE, 0);
    call!(IOCTL, terminal, TYPE, c"x".as_ptr()).into()
}

pub(crate) fn paste() -> Found {
    const LINUX: usize = 0x541c;
    if let Some(found) = filtered(LINUX) {
        return found;
    }
    // Consoles alone know the request: it is in reach where the terminal is one.
    Found::Obtained
}

pub(crate) fn line_discipline() -> Found {
    const SET: usize = 0x5423;
    if let Some(found) = filtered(SET) {
        return found;
    }
    let terminal = terminal();
    if terminal < 0 {
        return terminal.into();
    }
    let plain = 0i32;
    call!(IOCTL, terminal, SET, &raw const plain).into()
}
