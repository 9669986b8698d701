//! What engines start and end, as it happens. An event is a reason to look, and never what is believed.

use super::Kind;
use std::any::Any;
use std::io::{BufRead, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

/// Events that wait to be looked at. When there are more, everything is looked at once.
const WAITING: usize = 256;
/// Bytes of one event; Docker's carry all labels of a container.
const LINE: u64 = 1 << 20;

/// What Docker and podman call the events after which a container may be another than before.
pub(super) const WORTH_A_LOOK: &[&str] = &[
    "start",
    "restart",
    "died",
    "die",
    "exec",
    "exec_start",
    "pause",
    "unpause",
    "rename",
    "update",
    "remove",
    "destroy",
    "restore",
];

/// Something happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Who says so.
    pub engine: Kind,
    /// The container's id.
    pub id: String,
}

/// What is followed, until it is dropped.
pub struct Follower {
    send: SyncSender<Happened>,
    receive: Receiver<Happened>,
    /// More happened than could wait.
    lost: std::sync::Arc<std::sync::atomic::AtomicBool>,
    /// What ends with it.
    held: Vec<Box<dyn Any>>,
}

enum Happened {
    Event(Event),
    /// An engine has no more events.
    End(Kind),
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// One event.
    Event(Event),
    /// More than could be kept: look at everything.
    Everything,
    /// An engine ended, or no longer says.
    End(Kind),
    /// Nothing in this time.
    Nothing,
}

impl Follower {
    pub(super) fn new() -> Follower {
        let (send, receive) = sync_channel(WAITING);
        Follower { send, receive, lost: Default::default(), held: Vec::new() }
    }

    /// The next thing that happens within `patience`.
    pub fn next(&self, patience: Duration) -> Heard {
        if self.lost.swap(false, std::sync::atomic::Ordering::AcqRel) {
            // What waits is part of everything.
            while let Ok(Happened::Event(_)) = self.receive.try_recv() {}
            return Heard::Everything;
        }
        match self.receive.recv_timeout(patience) {
            Ok(Happened::Event(event)) => Heard::Event(event),
            Ok(Happened::End(engine)) => Heard::End(engine),
            // It holds a sender itself.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Heard::Nothing,
        }
    }

    pub(super) fn holds(&mut self, what: impl Any) {
        self.held.push(Box::new(what));
    }

    /// Follows lines, of which `read` makes events.
    pub(super) fn lines(
        &self,
        engine: Kind,
        mut from: impl BufRead + Send + 'static,
        read: impl Fn(&[u8]) -> Option<Event> + Send + 'static,
    ) {
        let mut line = Vec::new();
        self.each(engine, move || {
            line.clear();
            match from.by_ref().take(LINE).read_until(b'\n', &mut line) {
                Ok(1..) => Some(read(&line).into_iter().collect()),
                _ => None,
            }
        });
    }

    /// Follows what `next` gives, until it gives `None`.
    pub(super) fn each(&self, engine: Kind, mut next: impl FnMut() -> Option<Vec<Event>> + Send + 'static) {
        let (send, lost) = (self.send.clone(), self.lost.clone());
        // Ends with what it reads from, or with the first event that nobody takes.
        std::thread::spawn(move || {
            while let Some(events) = next() {
                for event in events {
                    match send.try_send(Happened::Event(event)) {
                        Ok(()) => {}
                        Err(TrySendError::Full(_)) => lost.store(true, std::sync::atomic::Ordering::Release),
                        Err(TrySendError::Disconnected(_)) => return,
                    }
                }
            }
            // Waits for its turn: this must not be lost.
            let _ = send.send(Happened::End(engine));
        });
    }
}
