//! What can go wrong while generating.

use std::path::PathBuf;

/// A failed step, with the object it failed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A source could not be read.
    #[error("reading {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// An output could not be written.
    #[error("writing {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    /// A line of a data file that does not say what it should.
    #[error("{}:{line}: {problem}", path.display())]
    Data { path: PathBuf, line: usize, problem: String },
    /// The tables contradict each other or leave something out.
    #[error("{0}")]
    Tables(String),
    /// `--check` found files that the command would write differently.
    #[error("stale, run `cargo run -p stockade-generate`: {}", .0.join(", "))]
    Stale(Vec<String>),
    /// A program that `--refresh` needs could not run or said no.
    #[error("{command}: {problem}")]
    Command { command: String, problem: String },
    /// cargo did not say where a crate is unpacked.
    #[error("cargo metadata")]
    Metadata(#[from] cargo_metadata::Error),
    /// A TOML table that does not parse.
    #[error("{}", path.display())]
    Toml { path: PathBuf, source: toml::de::Error },
    /// A JSON file that does not parse.
    #[error("{}", path.display())]
    Json { path: PathBuf, source: serde_json::Error },
    /// A mode that does not exist.
    #[error("`{0}`: the modes are none (write), --check and --refresh")]
    Usage(String),
}
