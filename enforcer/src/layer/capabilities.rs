//! The five capability sets and the securebits. capabilities(7).

use super::{Done, On};
use crate::launch::LaunchError;
use crate::sys::caps::{Sets, capset};
use crate::sys::{Errno, Sys, prctl};
use stockade_policy::plan;
use stockade_policy::vocab::{Cap, CapSet};

/// The newest capability of every kernel that has the calls a launch needs anyway (`mount_setattr`, 5.12):
/// `CAP_CHECKPOINT_RESTORE`, 5.9.
const ALWAYS_THERE: u32 = 40;

/// What the capability step does.
pub(crate) struct Part {
    sets: plan::Capabilities,
    securebits: u32,
    /// `CAP_SYS_ADMIN` is lent to the target's last steps, which lay it down after the filter.
    lent: CapSet,
}

impl Part {
    /// Checks that the sets can stand together. `late`: the filter needs `CAP_SYS_ADMIN`, since
    /// no_new_privs is not set.
    pub(crate) fn prepare(
        sets: &plan::Capabilities,
        securebits: u32,
        late: bool,
    ) -> Result<Part, LaunchError> {
        let contradiction = if !sets.effective.minus(sets.permitted).is_empty() {
            Some("effective capabilities are not permitted")
        } else if !sets.ambient.minus(sets.permitted.intersection(sets.inheritable)).is_empty() {
            Some("ambient capabilities are not both permitted and inheritable")
        } else {
            None
        };
        if let Some(why) = contradiction {
            return Err(LaunchError::BadInput { object: "plan.capabilities".to_owned(), why });
        }
        let lent = if late { CapSet::EMPTY.with(Cap::SYS_ADMIN) } else { CapSet::EMPTY };
        Ok(Part { sets: *sets, securebits, lent })
    }

    /// What the target sets after its filter, as `struct __user_cap_data_struct[2]`.
    #[expect(clippy::cast_possible_truncation, reason = "takes one half at a time")]
    pub(crate) fn late_words(&self) -> [u32; 6] {
        let (e, p, i) = (self.sets.effective.0, self.sets.permitted.0, self.sets.inheritable.0);
        [e as u32, p as u32, i as u32, (e >> 32) as u32, (p >> 32) as u32, (i >> 32) as u32]
    }

    /// Whether the target has to set its capabilities after its filter.
    pub(crate) fn is_late(&self) -> bool {
        !self.lent.is_empty()
    }

    /// Takes everything away that the plan does not name. The order inside: what is to be inheritable
    /// must still be in the bounding set, and ambient be raised before a securebit forbids that; both
    /// bounding set and securebits need `CAP_SETPCAP`, so the permitted set shrinks last.
    pub(crate) fn apply(&self, sys: &dyn Sys) -> Done<'_> {
        let ambient = self.sets.ambient.union(self.lent);
        let inheritable = self.sets.inheritable.union(self.lent);
        prctl::clear_ambient(sys).on(c"ambient set")?;
        if !ambient.is_empty() {
            let all = crate::sys::caps::effective(sys).on(c"effective set")?;
            let sets = Sets { effective: all, permitted: all, inheritable: inheritable.0 };
            capset(sys, sets).on(c"inheritable set")?;
            for bit in (0..u64::BITS).filter(|bit| ambient.0 >> bit & 1 == 1) {
                prctl::raise_ambient(sys, bit).on(c"ambient set")?;
            }
        }
        self.drop_bounding(sys)?;
        prctl::set_securebits(sys, self.securebits).on(c"securebits")?;
        let sets = Sets {
            effective: self.sets.effective.union(self.lent).0,
            permitted: self.sets.permitted.union(self.lent).0,
            inheritable: inheritable.0,
        };
        capset(sys, sets).on(c"permitted, effective and inheritable sets")
    }

    /// Asks for every number until the kernel has no more; a refusal that is not that is fatal.
    fn drop_bounding(&self, sys: &dyn Sys) -> Done<'_> {
        for bit in (0..u64::BITS).filter(|bit| self.sets.bounding.0 >> bit & 1 == 0) {
            match prctl::drop_bounding(sys, bit) {
                Ok(()) => {}
                Err(Errno::EINVAL)
                    if bit > ALWAYS_THERE && prctl::in_bounding(sys, bit) == Err(Errno::EINVAL) =>
                {
                    return Ok(());
                }
                Err(errno) => return Err(errno).on(c"bounding set"),
            }
        }
        Ok(())
    }
}
