//! A drill that is killed leaves nothing running, and the next one takes its files away.

use crate::drilled::{command, running};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long is waited for what must happen; only a hang takes as long.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_killed_drill_leaves_nothing() {
    needs!("drill");
    let scratch = tempfile::Builder::new().prefix("stockade-test-").tempdir().unwrap();
    let places = || fs::read_dir(scratch.path()).unwrap().count();
    let begun = Instant::now();
    // As often as it takes for one to be killed before it could clean up.
    for looks in 0.. {
        if looks >= 6 && places() > 0 {
            break;
        }
        assert!(begun.elapsed() < 5 * PATIENCE, "none left anything");
        let mut child =
            command(scratch.path(), &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let pid = child.id();
        let start = Instant::now();
        // At several points: the yardstick, then the launch.
        for _ in 0..=looks % 6 {
            while running(pid).is_empty() && child.try_wait().unwrap().is_none() {
                assert!(start.elapsed() < PATIENCE);
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let start = Instant::now();
        while !running(pid).is_empty() {
            assert!(start.elapsed() < PATIENCE, "{:?}", running(pid));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    let status = command(scratch.path(), &[]).stdout(Stdio::null()).status().unwrap();
    assert_eq!((status.code(), places()), (Some(0), 0));
}
