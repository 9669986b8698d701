//! Waiting for what must happen.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a test waits for something that must happen; only a hang takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// Asks until there is an answer.
pub(crate) fn patiently<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "no {what}");
        sleep(Duration::from_millis(10));
    }
}
