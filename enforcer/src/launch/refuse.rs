//! Plans that are refused before anything is made.

use super::{Launch, LaunchError};
use stockade_policy::plan::{Plan, Seccomp};
use stockade_policy::policy::Section;
use stockade_policy::seccomp::flags;
use stockade_policy::vocab::Arch;

/// Filter flags that change nothing but what is logged and which mitigations run. With the others the kernel
/// returns a descriptor, which nobody here would serve.
const FILTER_FLAGS: u32 = flags::TSYNC | flags::LOG | flags::SPEC_ALLOW;

/// `BPF_MAXINSNS`, linux/bpf_common.h.
const FILTER_MAX: usize = 4096;

/// Checks what does not depend on the host.
pub(super) fn check(launch: &Launch<'_>) -> Result<(), LaunchError> {
    let plan = launch.plan;
    if let Some(gap) = plan.gaps.iter().find(|gap| !gap.optional) {
        return Err(LaunchError::Gap {
            section: gap.section,
            right: gap.right.clone(),
            why: gap.why.clone(),
            remedy: gap.remedy.clone(),
        });
    }
    let layers = [
        (plan.disk.is_some(), Section::Disk, "disk"),
        (plan.traffic.is_some(), Section::Network, "network"),
        (plan.lsm.is_some(), Section::Lsm, "lsm"),
    ];
    for (asked, section, name) in layers {
        if asked && !plan.gaps.iter().any(|gap| gap.section == section && gap.optional) {
            return Err(LaunchError::NotBuilt(name));
        }
    }
    let refuse = |object: &str, why| Err(LaunchError::BadInput { object: object.to_owned(), why });
    if launch.command.first().is_none_or(|program| program.is_empty()) {
        return refuse("command", "there is none");
    }
    if launch.pass_fds.iter().any(|fd| *fd < 3) {
        return refuse("descriptors", "0, 1 and 2 are passed on in any case; a number to be passed is above");
    }
    if !is_ours(plan.arch) {
        return refuse("plan.arch", "the plan was compiled for another architecture");
    }
    if plan.landlock.is_some() && !plan.process.no_new_privileges {
        return refuse("plan.landlock", "Landlock needs no_new_privileges");
    }
    check_filter(plan)
}

fn check_filter(plan: &Plan) -> Result<(), LaunchError> {
    match plan.seccomp.as_ref().and_then(fault) {
        Some(why) => Err(LaunchError::BadInput { object: "plan.seccomp".to_owned(), why }),
        None => Ok(()),
    }
}

/// Why a filter cannot be put on as it is.
pub(crate) fn fault(filter: &Seccomp) -> Option<&'static str> {
    if filter.flags & !FILTER_FLAGS != 0 {
        Some("asks for a flag that launches do not serve")
    } else if filter.program.is_empty() {
        Some("has no instruction")
    } else if filter.program.len() > FILTER_MAX {
        Some("has more instructions than the kernel takes")
    } else {
        None
    }
}

/// Whether programs of that interface are what this binary is built for.
pub(crate) fn is_ours(arch: Arch) -> bool {
    cfg!(target_arch = "x86_64") && arch == Arch::X86_64
        || cfg!(target_arch = "aarch64") && arch == Arch::Aarch64
}
