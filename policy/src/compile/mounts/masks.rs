//! What the masks of a whole `/proc` withhold.

use crate::lattice::files::Rights;
use crate::vocab::masks::Mask;

impl Mask {
    /// What may not be done there, whatever the tree says. A read-only mask is noexec too.
    pub(crate) fn withheld(&self) -> Rights {
        if self.hide { Rights::ALL } else { Rights::WRITE.union(Rights::EXECUTE) }
    }
}
