//! The version of the vocabulary, written in profiles as `table: v6.18`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The kernel whose calls the tables know.
pub const TABLE_VERSION: TableVersion = TableVersion { major: 6, minor: 18 };

/// A kernel version that a profile pins its vocabulary to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableVersion {
    /// 6 of v6.18
    pub major: u16,
    /// 18 of v6.18
    pub minor: u16,
}

/// Text that is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no version of a table; write it as `{TABLE_VERSION}`")]
pub struct VersionError(String);

impl TableVersion {
    /// Whether a call is in the table of this version. Calls without a known version are older than 4.0.
    pub fn has(self, call: &str) -> bool {
        super::syscalls::introduced(call).is_none_or(|(major, minor)| TableVersion { major, minor } <= self)
    }
}

impl fmt::Display for TableVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v{}.{}", self.major, self.minor)
    }
}

impl FromStr for TableVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        text.strip_prefix('v')
            .and_then(|rest| rest.split_once('.'))
            .filter(|(major, minor)| digits(major) && digits(minor))
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .map(|(major, minor)| TableVersion { major, minor })
            .ok_or_else(|| VersionError(text.to_owned()))
    }
}

impl TryFrom<String> for TableVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<TableVersion> for String {
    fn from(version: TableVersion) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| text.parse::<TableVersion>().unwrap();
        assert!(version("v6.9") < version("v6.18"));
        assert_eq!(version("v6.18"), TABLE_VERSION);
        assert_eq!(TABLE_VERSION.to_string(), "v6.18");
        for wrong in ["", "6.18", "v6", "v6.", "v6.+1", "v6.18.1", "v99999.1"] {
            assert!(wrong.parse::<TableVersion>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_table_has_what_its_kernel_had() {
        let old = TableVersion { major: 5, minor: 10 };
        assert!(old.has("read") && old.has("openat2") && !old.has("landlock_add_rule"));
        assert!(TABLE_VERSION.has("file_setattr"));
    }
}
