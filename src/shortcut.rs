//! The short way to `run --plan FILE` and `run --profile P --root DIR`: building the whole definition of the command
//! line costs more than everything else that stockade does before a launch.
//!
//! Whatever is not plainly this command goes the long way, errors among it; a test holds the two together.

use crate::command::run::{Args, Start, What};
use crate::command::runtime;
use lexopt::{Arg, Parser, ValueExt};
use std::ffi::OsString;
use std::path::PathBuf;

/// The launch that the arguments (the program's name first) ask for; `None`: ask the full definition.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Option<Args> {
    let mut arguments = arguments.into_iter().skip(1);
    if arguments.next()? != "run" {
        return None;
    }
    let arguments: Vec<OsString> = arguments.collect();
    // The command begins behind `--`: the lexer never sees it.
    let end = arguments.iter().position(|argument| argument == "--")?;
    let (options, command) = (arguments.get(..end)?, arguments.get(end + 1..)?);
    lex(options, command).ok().flatten()
}

/// The path by which criu has started this program.
pub(crate) fn hold(arguments: impl IntoIterator<Item = OsString>) -> Option<PathBuf> {
    let program = PathBuf::from(arguments.into_iter().next()?);
    program.file_name().is_some_and(|name| name == runtime::HOLD).then_some(program)
}

/// The arguments of `stockade-runtime …`, or of `stockade runtime …` where those are not about the command itself.
pub(crate) fn runtime(arguments: impl IntoIterator<Item = OsString>) -> Option<Vec<OsString>> {
    let mut arguments = arguments.into_iter();
    let program = PathBuf::from(arguments.next()?);
    if program.file_name().is_some_and(|name| runtime::NAMES.iter().any(|own| name == *own)) {
        return Some(arguments.collect());
    }
    if arguments.next()? != "runtime" {
        return None;
    }
    let arguments: Vec<OsString> = arguments.collect();
    let asks = arguments.first().is_some_and(|first| first == "--help" || first == "-h");
    (!asks).then_some(arguments)
}

fn lex(options: &[OsString], command: &[OsString]) -> Result<Option<Args>, lexopt::Error> {
    let mut plan: Option<PathBuf> = None;
    let mut profile: Option<String> = None;
    let mut root: Option<PathBuf> = None;
    let mut start = Start { command: command.to_vec(), ..Start::default() };
    let mut parser = Parser::from_args(options);
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("plan") if plan.is_none() => plan = Some(value(&mut parser)?.into()),
            Arg::Long("profile") if profile.is_none() => profile = Some(value(&mut parser)?.parse()?),
            Arg::Long("root") if root.is_none() => root = Some(value(&mut parser)?.into()),
            Arg::Long("verify") if !start.verify => start.verify = true,
            Arg::Long("tty") if !start.tty => start.tty = true,
            Arg::Long("status-fd") if start.status_fd.is_none() => {
                start.status_fd = Some(value(&mut parser)?.parse()?)
            }
            Arg::Long("pass-fd") => start.pass_fd.push(value(&mut parser)?.parse()?),
            _ => return Ok(None),
        }
    }
    let empty = |path: &PathBuf| path.as_os_str().is_empty();
    let valid = !command.is_empty()
        && !plan.as_ref().is_some_and(empty)
        && !root.as_ref().is_some_and(empty)
        && start.status_fd.is_none_or(|fd| fd >= 0)
        && start.pass_fd.iter().all(|fd| *fd >= 3);
    let what = match (plan, profile, root) {
        (Some(plan), None, None) => What::Plan(plan),
        (None, profile, root) => What::Profile { profile, root },
        // A plan has a profile and a root of its own.
        (Some(_), ..) => return Ok(None),
    };
    Ok(valid.then(|| Args::plain(what, start)))
}

/// The value of an option. One that stands apart and looks like an option is left to the definition.
fn value(parser: &mut Parser) -> Result<OsString, lexopt::Error> {
    if let Some(value) = parser.optional_value() {
        return Ok(value);
    }
    let value = parser.value()?;
    if value.as_encoded_bytes().starts_with(b"-") {
        Err(lexopt::Error::UnexpectedOption(String::new()))
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Cli, Command};
    use clap::Parser as _;

    /// What the full definition makes of the arguments, where it is a launch.
    fn long(arguments: &[&str]) -> Option<Args> {
        match Cli::try_parse_from(arguments).ok()?.command {
            Command::Run(args) => Some(*args),
            _ => None,
        }
    }

    fn short(arguments: &[&str]) -> Option<Args> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn both_ways_read_the_same() {
        let taken: &[&[&str]] = &[
            &["stockade", "run", "--plan", "p.json", "--", "true"],
            &["stockade", "run", "--plan=p.json", "--verify", "--", "sh", "-c", "exit 3"],
            &["stockade", "run", "--tty", "--plan", "p.json", "--status-fd", "3", "--", "sh"],
            &["stockade", "run", "--pass-fd", "4", "--plan", "-x", "--", "sh"],
            &["stockade", "run", "--pass-fd=4", "--pass-fd", "5", "--plan", "p", "--", "--", "--tty"],
            &["stockade", "run", "--plan", "p", "--", "cmd", "--", "--plan", "q"],
            &["stockade", "run", "--profile", "restricted", "--root=/srv", "--", "true"],
            &["stockade", "run", "--", "true"],
        ];
        for arguments in taken {
            if let Some(run) = short(arguments) {
                assert_eq!(Some(run), long(arguments), "{arguments:?}");
            }
        }
        assert!(short(taken[0]).is_some() && short(taken[1]).is_some() && short(taken[2]).is_some());
    }

    #[test]
    fn what_is_not_plain_goes_the_long_way() {
        let left: &[&[&str]] = &[
            &["stockade"],
            &["stockade", "check", "--plan", "p", "--", "true"],
            &["stockade", "run", "--plan", "p", "--root", "/srv", "--", "true"],
            &["stockade", "run", "--profile", "p", "--root", "", "--", "true"],
            &["stockade", "run", "--profile", "p", "--read", "/x", "--", "true"],
            &["stockade", "run", "--plan", "p", "true"],
            &["stockade", "run", "--plan", "p", "--"],
            &["stockade", "run", "--plan", "p", "extra", "--", "true"],
            &["stockade", "run", "--plan", "p", "--plan", "q", "--", "true"],
            &["stockade", "run", "--plan", "p", "--floor", "f", "--", "true"],
            &["stockade", "run", "--plan", "p", "--memory", "1 MiB", "--", "true"],
            &["stockade", "run", "--plan", "p", "--status-fd", "x", "--", "true"],
            &["stockade", "run", "--plan", "p", "--status-fd", "-1", "--", "true"],
            &["stockade", "run", "--plan", "p", "--help", "--", "true"],
            &["stockade", "run", "--plan", "--", "true"],
        ];
        for arguments in left {
            assert_eq!(short(arguments), None, "{arguments:?}");
        }
    }

    /// Every short list of these words: where the short way takes it, the full definition takes it too
    /// and means the same.
    #[test]
    fn the_two_agree_on_every_short_command_line() {
        let words = [
            "--plan",
            "p",
            "--plan=q",
            "--verify",
            "--tty",
            "--status-fd",
            "3",
            "--pass-fd=4",
            "--",
            "--root",
            "--profile=r",
        ];
        let mut taken = 0;
        for length in 1..=4_u32 {
            for index in 0..words.len().pow(length) {
                let mut line = vec!["stockade", "run"];
                let mut rest = index;
                for _ in 0..length {
                    line.push(words[rest % words.len()]);
                    rest /= words.len();
                }
                line.extend(["--", "true"]);
                if let Some(run) = short(&line) {
                    taken += 1;
                    assert_eq!(Some(run), long(&line), "{line:?}");
                }
            }
        }
        assert!(taken > 100, "only {taken} command lines were taken");
    }
}
