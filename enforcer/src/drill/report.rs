//! What the program inside wrote. It comes out of a container: all of it may be someone else's.

use super::probes;
use crate::sys::Errno;
use serde::Serialize;

/// Bytes that are read; the longest true report has a third of them.
pub const LIMIT: usize = 16 << 10;
/// Bytes of the longest name that a probe may have.
pub const LONGEST_NAME: usize = 32;
/// Highest error number. errno(3)
const LAST_ERRNO: i32 = 133;
/// Highest signal. signal(7)
const LAST_SIGNAL: i32 = 64;

/// How a probe ended, as the program saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It held what it was after.
    Open,
    /// The kernel's answer.
    Refused(Errno),
    /// A signal ended it.
    Killed(i32),
    /// It obtained what is its own anyway: process 1 is the drill itself, the namespace the one that it is in.
    Own,
    /// Something else stood where it should be.
    Masked,
    /// There was nothing to try it on.
    Nothing,
    /// The caller did not allow it.
    NotTried,
    /// It did not end in time, or in no way that is known.
    Unfinished,
    /// No process could be started for it.
    NotStarted(Errno),
}

/// Text that no drill wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Longer than any report.
    #[error("it is longer than {LIMIT} bytes")]
    Long,
    /// A line that should be another one.
    #[error("line {line} is `{found}` and should be {expected}")]
    Line {
        /// From 1.
        line: usize,
        /// The beginning of what stands there, without control characters.
        found: String,
        /// What should.
        expected: String,
    },
    /// Something behind the last line.
    #[error("it goes on behind its end")]
    More,
}

/// One outcome for each probe, in the order of [`probes`].
///
/// # Errors
///
/// A text with anything else in it: there is no verdict on a part of a report.
pub fn parse(text: &[u8]) -> Result<Vec<Outcome>, ReportError> {
    if text.len() > LIMIT {
        return Err(ReportError::Long);
    }
    let mut lines = text.split_inclusive(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok());
    let mut number = 0;
    let mut next = |expected: &str, read: &dyn Fn(&str) -> Option<Outcome>| {
        let line = lines.next();
        number += 1;
        let whole = line.flatten().and_then(|line| line.strip_suffix('\n'));
        whole.and_then(read).ok_or_else(|| ReportError::Line {
            line: number,
            found: shown(line),
            expected: expected.to_owned(),
        })
    };
    let literally =
        |expected: &'static str| move |line: &str| (line == expected).then_some(Outcome::NotTried);
    next("`stockade-drill 1`", &literally("stockade-drill 1"))?;
    let mut outcomes = Vec::new();
    for probe in probes() {
        let read = |line: &str| outcome(line.strip_prefix(probe.name)?.strip_prefix(' ')?);
        outcomes.push(next(&format!("the outcome of {}", probe.name), &read)?);
    }
    next("`end`", &literally("end"))?;
    if lines.next().is_some() {
        return Err(ReportError::More);
    }
    Ok(outcomes)
}

/// `open`, `errno 1`
fn outcome(text: &str) -> Option<Outcome> {
    let up_to = |number: &str, last: i32| {
        let canonical = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
        number.parse().ok().filter(|number| canonical && *number <= last)
    };
    Some(match text.split_once(' ') {
        Some(("errno", number)) => Outcome::Refused(Errno(up_to(number, LAST_ERRNO)?)),
        Some(("not-started", number)) => Outcome::NotStarted(Errno(up_to(number, LAST_ERRNO)?)),
        Some(("signal", number)) => Outcome::Killed(up_to(number, LAST_SIGNAL)?),
        Some(_) => return None,
        None => match text {
            "open" => Outcome::Open,
            "own" => Outcome::Own,
            "masked" => Outcome::Masked,
            "nothing" => Outcome::Nothing,
            "not-tried" => Outcome::NotTried,
            "unfinished" => Outcome::Unfinished,
            _ => return None,
        },
    })
}

/// The beginning of a line from outside, for a message.
fn shown(line: Option<Option<&str>>) -> String {
    const LENGTH: usize = 40;
    match line {
        None => "nothing".to_owned(),
        Some(None) => "no text".to_owned(),
        Some(Some(line)) => line.trim_end().chars().take(LENGTH).flat_map(char::escape_default).collect(),
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Open => f.write_str("open"),
            Outcome::Refused(errno) => write!(f, "{errno:?}"),
            Outcome::Killed(libc::SIGSYS) => f.write_str("SIGSYS"),
            Outcome::Killed(libc::SIGKILL) => f.write_str("SIGKILL"),
            Outcome::Killed(signal) => write!(f, "signal {signal}"),
            Outcome::Own => f.write_str("its own alone"),
            Outcome::Masked => f.write_str("masked"),
            Outcome::Nothing => f.write_str("nothing to try it on"),
            Outcome::NotTried => f.write_str("not tried"),
            Outcome::Unfinished => f.write_str("did not end"),
            Outcome::NotStarted(errno) => write!(f, "no process for it: {errno:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(line: impl Fn(&str) -> String) -> String {
        let lines: String = probes().map(|probe| format!("{} {}\n", probe.name, line(probe.name))).collect();
        format!("stockade-drill 1\n{lines}end\n")
    }

    #[test]
    fn a_report_is_read_whole() {
        let text = report(|name| if name == "trace_me" { "errno 1".to_owned() } else { "open".to_owned() });
        let outcomes = parse(text.as_bytes()).unwrap();
        assert_eq!(outcomes.len(), probes().count());
        for (probe, outcome) in probes().zip(outcomes) {
            let expected =
                if probe.name == "trace_me" { Outcome::Refused(Errno::EPERM) } else { Outcome::Open };
            assert_eq!(outcome, expected, "{}", probe.name);
        }
        assert!(text.len() * 2 < LIMIT, "room for longer words");
    }

    #[test]
    fn what_no_drill_wrote_is_an_error_and_no_verdict() {
        let open = report(|_| "open".to_owned());
        let lines: Vec<&str> = open.lines().collect();
        let joined = |lines: &[&str]| lines.join("\n") + "\n";
        let mut swapped = lines.clone();
        swapped.swap(3, 4);
        let mut doubled = lines.clone();
        doubled.insert(3, lines[3]);
        let mut hostile: Vec<Vec<u8>> = [
            String::new(),
            "end\n".to_owned(),
            joined(&lines[1..]),
            joined(&lines[..lines.len() - 1]),
            joined(&swapped),
            joined(&doubled),
            open.trim_end().to_owned(),
            format!("{open}end\n"),
            format!("{open} "),
            open.replace('\n', "\r\n"),
        ]
        .map(String::into_bytes)
        .into();
        for word in
            ["", "errno", "errno 0", "errno 01", "errno +1", "errno 134", "errno 99999999999", "signal 65"]
        {
            hostile.push(report(|_| word.to_owned()).into_bytes());
        }
        for word in ["closed", "open ", "open 1", "OPEN", "errno -1", "errno 1 2", "\u{202e}open"] {
            hostile.push(report(|_| word.to_owned()).into_bytes());
        }
        hostile.push([&b"\xff\xfe"[..], open.as_bytes()].concat());
        hostile.push(vec![b'a'; LIMIT + 1]);
        hostile.push([open.as_bytes(), &vec![b'\n'; LIMIT]].concat());
        for text in hostile {
            assert!(parse(&text).is_err(), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn a_message_shows_none_of_the_containers_control_characters() {
        let error = parse(b"\x1b[2J\x07hello\n").unwrap_err().to_string();
        assert!(!error.contains('\x1b') && error.contains("hello"), "{error}");
    }
}
