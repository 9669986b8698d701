//! Where the data lies and where the generated files go.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// `policy/` of this checkout.
fn policy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file of `policy/data`.
pub(crate) fn data(name: &str) -> PathBuf {
    policy().join("data").join(name)
}

/// A file of `policy/src/vocab/generated`.
pub(crate) fn generated(name: &str) -> PathBuf {
    policy().join("src/vocab/generated").join(name)
}

/// The whole text of a file.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

/// Writes a file, making its folder.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
