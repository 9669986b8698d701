//! Paths of a whole `/proc` that tell about the host or change it. proc(5).

/// One such path.
#[derive(Clone, Copy, Debug)]
pub struct Mask {
    /// Inside the root.
    pub path: &'static str,
    /// Hidden, else read-only.
    pub hide: bool,
    /// What it would give away, after "because it".
    pub reason: &'static str,
}

const fn hide(path: &'static str, reason: &'static str) -> Mask {
    Mask { path, hide: true, reason }
}

const fn read_only(path: &'static str, reason: &'static str) -> Mask {
    Mask { path, hide: false, reason }
}

/// The paths that container engines mask, and why.
pub const MASKS: [Mask; 14] = [
    hide("/proc/acpi", "controls the host's power and fans"),
    hide("/proc/asound", "lists the host's sound devices, and some of its files configure them"),
    hide("/proc/kcore", "is the memory of the kernel"),
    hide("/proc/keys", "lists the keys of every session of the user"),
    hide("/proc/latency_stats", "shows where other processes wait"),
    hide("/proc/sched_debug", "lists the processes of the host"),
    hide("/proc/scsi", "can remove the host's disks"),
    hide("/proc/timer_list", "lists the timers of the host's processes, with kernel addresses"),
    hide("/proc/timer_stats", "lists which processes of the host wake up"),
    read_only("/proc/bus", "writes to the configuration of PCI devices"),
    read_only("/proc/fs", "tunes the host's file systems"),
    read_only("/proc/irq", "moves the host's interrupts"),
    read_only("/proc/sys", "holds settings of the whole kernel"),
    read_only("/proc/sysrq-trigger", "reboots and crashes the host"),
];
