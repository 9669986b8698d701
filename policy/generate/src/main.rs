//! Writes the generated vocabulary: `policy/data` → `policy/src/vocab/generated`.
//!
//! Without arguments it writes the files, with `--check` it fails where they are not current, with
//! `--refresh` (root, Debian) it first reads the tables of `policy/data` anew from their sources.
#![forbid(unsafe_code)]

mod constants;
mod ctype;
mod docker;
mod error;
mod frequency;
mod groups;
mod parameters;
mod places;
mod pool;
mod refresh;
mod syscalls;
mod table;
mod tsv;

use error::Error;

fn main() -> std::process::ExitCode {
    let mode = std::env::args().nth(1);
    match run(mode.as_deref()) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stockade-generate: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(one) = cause {
                eprintln!("  because: {one}");
                cause = one.source();
            }
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(mode: Option<&str>) -> Result<(), Error> {
    match mode {
        None => files()?.iter().try_for_each(|(name, text)| places::write(&places::generated(name), text)),
        Some("--check") => check(),
        Some("--refresh") => refresh::run(),
        Some(other) => Err(Error::Usage(other.to_owned())),
    }
}

/// Every generated file, by its name.
fn files() -> Result<Vec<(&'static str, String)>, Error> {
    let numbers = syscalls::numbers()?;
    Ok(vec![
        ("syscalls.rs", syscalls::file(&numbers)?),
        ("parameters.rs", parameters::file(&numbers)?),
        ("groups.rs", groups::file(&numbers)?),
        ("constants.rs", constants::file()?),
        ("frequency.rs", frequency::file(&numbers)?),
    ])
}

/// Compares with what is there.
fn check() -> Result<(), Error> {
    let mut stale = Vec::new();
    for (name, text) in files()? {
        if places::read(&places::generated(name))? != text {
            stale.push(name.to_owned());
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(Error::Stale(stale)) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_generated_files_are_current() {
        if let Err(error) = super::check() {
            panic!("{error}");
        }
    }
}
