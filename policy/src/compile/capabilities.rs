//! The five capability sets at the target's exec. capabilities(7).

use super::error::{CompileError, both};
use super::gaps::{Gaps, Obstacle};
use crate::host::Host;
use crate::plan::{Capabilities, Identity};
use crate::policy::{Policy, Section};
use crate::vocab::{Cap, CapSet};

/// `SECBIT_NOROOT`: exec gives user 0 nothing of its own. linux/securebits.h.
const NOROOT: u32 = 1 << 0;
/// `SECBIT_NO_CAP_AMBIENT_RAISE`, 4.3.
const NO_CAP_AMBIENT_RAISE: u32 = 1 << 6;

/// The sets.
///
/// Root gets bounding ∪ inheritable at exec, so that the bounding set alone decides and the other two stay
/// empty: a capability in the inheritable set would outlive a change to another user, in programs with
/// file capabilities (CVE-2022-24769). Any other user keeps over exec what is ambient, which must be inheritable too.
pub(super) fn compile(
    policy: &Policy,
    host: &Host,
    identity: &Identity,
    gaps: &mut Gaps<'_>,
) -> Result<Capabilities, CompileError> {
    let asked = &policy.capabilities;
    let kernel = host.kernel_capabilities;
    // The first process of a user namespace has all of them, over what the namespace owns.
    let reachable = if identity.user_namespace.is_some() {
        kernel
    } else {
        host.caller.capabilities.intersection(kernel)
    };
    // All capabilities is what a policy says that does not constrain them, and not a wish.
    if asked.value != CapSet::ALL {
        for (name, why, remedy) in missing(asked.value.minus(reachable), kernel) {
            let right = format!("capabilities: {name}");
            gaps.add(Section::Capabilities, right, Obstacle::new(why, remedy), &asked.origins);
        }
    }
    let kept = asked.value.intersection(reachable);
    let securebits = &policy.process.securebits;
    if identity.uid == 0 && securebits.value & NOROOT == 0 {
        return Ok(Capabilities {
            bounding: kept,
            permitted: kept,
            effective: kept,
            inheritable: CapSet::EMPTY,
            ambient: CapSet::EMPTY,
        });
    }
    if securebits.value & NO_CAP_AMBIENT_RAISE != 0 && !kept.is_empty() {
        let names: Vec<&str> = kept.iter().map(Cap::name).collect();
        return Err(CompileError::AmbientForbidden {
            capabilities: names.join(", "),
            origins: both(&asked.origins, &securebits.origins),
        });
    }
    Ok(Capabilities { bounding: kept, permitted: kept, effective: kept, inheritable: kept, ambient: kept })
}

/// Name, why, remedy of each capability that cannot be given.
fn missing(set: CapSet, kernel: CapSet) -> impl Iterator<Item = (String, String, String)> {
    (0..64u8).filter(move |bit| set.0 >> bit & 1 == 1).map(move |bit| {
        let name = Cap::from_number(bit).map_or_else(|| format!("#{bit}"), |cap| cap.name().to_owned());
        if kernel.0 >> bit & 1 == 0 {
            let why = "the kernel does not have this capability".to_owned();
            return (name, why, "boot a newer kernel, or leave it out of `capabilities`".to_owned());
        }
        let remedy = format!("start with CAP_{}, or leave it out of `capabilities`", name.to_uppercase());
        (name, "the caller does not have it".to_owned(), remedy)
    })
}
