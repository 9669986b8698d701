//! A drill of one target.

use crate::drilled::{Drilled, run, targets};

/// The one target of a drill, which ends with `code`.
#[track_caller]
pub(crate) fn drilled(code: i32, arguments: &[&str]) -> Drilled {
    let arguments = [&["--format", "json"], arguments].concat();
    let ended = run(|_| {}, &arguments);
    assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
    targets(&ended).pop().unwrap()
}
