//! Hosts with both hierarchies of cgroups, before a runtime that refuses them.

/// crun refuses a host that has both hierarchies of cgroups; without the unified one in sight it takes the other. A script
/// of sh in a mount namespace of its own, which becomes its arguments.
pub(crate) const ONE_HIERARCHY: &str =
    "if [ -d /sys/fs/cgroup/unified ]; then umount /sys/fs/cgroup/unified; fi; exec \"$@\"";
