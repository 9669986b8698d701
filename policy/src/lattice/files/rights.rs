//! Rights on a path.

use serde::{Deserialize, Serialize};

/// A set of rights on a path and everything below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub u8);

impl Rights {
    /// Nothing: the path is hidden.
    pub const NONE: Rights = Rights(0);
    /// It appears in the view.
    pub const VISIBLE: Rights = Rights(1);
    /// Files are read and directories listed. Implies visible.
    pub const READ: Rights = Rights(2);
    /// Files and directories are created, changed and removed. Implies visible.
    pub const WRITE: Rights = Rights(4);
    /// Programs are started. Implies visible.
    pub const EXECUTE: Rights = Rights(8);
    /// Every right.
    pub const ALL: Rights = Rights(15);

    /// Each right alone, in the order of their bits.
    pub const EACH: [Rights; 4] = [Rights::VISIBLE, Rights::READ, Rights::WRITE, Rights::EXECUTE];

    /// Whether all of `other` is in it.
    pub fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: Rights) -> Rights {
        Rights(self.0 & other.0)
    }

    /// What is in it and not in `other`.
    #[must_use]
    pub fn minus(self, other: Rights) -> Rights {
        Rights(self.0 & !other.0)
    }

    /// With what it implies: whoever writes or executes also reads, whoever does anything sees.
    #[must_use]
    pub fn closed(self) -> Rights {
        let reads = Rights::WRITE.union(Rights::EXECUTE);
        let with_read =
            if self.intersection(reads) == Rights::NONE { self } else { self.union(Rights::READ) };
        if with_read == Rights::NONE { with_read } else { with_read.union(Rights::VISIBLE) }
    }
}
