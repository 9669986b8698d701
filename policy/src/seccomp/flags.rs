//! Flags of a filter: what the kernel has, and what a plan asks for. seccomp(2), linux/seccomp.h.

/// A flag of `SECCOMP_SET_MODE_FILTER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The bit, `SECCOMP_FILTER_FLAG_*`.
    pub bit: u32,
    /// Its name in the header, without the prefix and in lower case.
    pub name: &'static str,
    /// The kernel that brought it.
    pub kernel: (u16, u16),
    /// Flags without which the kernel refuses it.
    pub beside: u32,
    /// When a plan has it.
    pub used: &'static str,
}

/// Every flag that there is up to 6.18.
pub const FLAGS: [Flag; 6] = [
    Flag {
        bit: TSYNC,
        name: "tsync",
        kernel: (3, 17),
        beside: 0,
        used: "never: what takes on the filter has one thread, as a launch does before its exec",
    },
    Flag { bit: LOG, name: "log", kernel: (4, 14), beside: 0, used: "with `log_denied: true`" },
    Flag {
        bit: SPEC_ALLOW,
        name: "spec_allow",
        kernel: (4, 17),
        beside: 0,
        used: "with `speculation: unchanged`",
    },
    Flag {
        bit: NEW_LISTENER,
        name: "new_listener",
        kernel: (5, 0),
        beside: 0,
        used: "where a call is answered by `notify`",
    },
    Flag {
        bit: TSYNC_ESRCH,
        name: "tsync_esrch",
        kernel: (5, 7),
        beside: 0,
        used: "never: as tsync, whose error it changes",
    },
    Flag {
        bit: WAIT_KILLABLE_RECV,
        name: "wait_killable_recv",
        kernel: (5, 19),
        beside: NEW_LISTENER,
        used: "with new_listener: a call that was handed over is not interrupted and handed over again",
    },
];

/// All threads take on the filter.
pub const TSYNC: u32 = 1 << 0;
/// Every answer but `allow` is logged, unless `/proc/sys/kernel/seccomp/actions_logged` leaves it out.
pub const LOG: u32 = 1 << 1;
/// The filter turns on no mitigation against speculation.
///
/// Without it the kernel mitigates Speculative Store Bypass and indirect branches in whoever has a filter,
/// where it was booted so: before 5.16 by default, since then with `spec_store_bypass_disable=seccomp` and
/// `spectre_v2_user=seccomp`. Documentation/admin-guide/hw-vuln/spectre.rst.
pub const SPEC_ALLOW: u32 = 1 << 2;
/// The call returns a descriptor that answers `notify`.
pub const NEW_LISTENER: u32 = 1 << 3;
/// Where tsync fails it is with ESRCH, and not with a thread's id; allows new_listener beside it.
pub const TSYNC_ESRCH: u32 = 1 << 4;
/// A notification that was received waits through all signals but fatal ones.
pub const WAIT_KILLABLE_RECV: u32 = 1 << 5;

/// The flag of that bit.
pub fn flag(bit: u32) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.bit == bit)
}

/// The names of the flags in `flags`, in order.
pub fn names(flags: u32) -> Vec<&'static str> {
    FLAGS.iter().filter(|flag| flags & flag.bit != 0).map(|flag| flag.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table against the system's own header, where there is one.
    #[test]
    fn flags_are_the_headers() {
        let Ok(header) = std::fs::read_to_string("/usr/include/linux/seccomp.h") else {
            println!("SKIP seccomp-header: no /usr/include/linux/seccomp.h");
            return;
        };
        let mut written: Vec<(String, u32)> = Vec::new();
        for line in header.lines() {
            let mut words = line.split_whitespace();
            let Some(name) = words.nth(1).and_then(|name| name.strip_prefix("SECCOMP_FILTER_FLAG_")) else {
                continue;
            };
            let shift =
                line.rsplit("<<").next().unwrap().trim_end_matches(')').trim().parse::<u32>().unwrap();
            written.push((name.to_ascii_lowercase(), 1 << shift));
        }
        // An older header has fewer; none has another bit for a name.
        let table: Vec<(String, u32)> = FLAGS.iter().map(|flag| (flag.name.to_owned(), flag.bit)).collect();
        assert!(written.len() >= 3, "{written:?}");
        assert_eq!(written, table[..written.len()]);
    }

    #[test]
    fn flags_are_in_the_order_of_their_kernels() {
        assert!(FLAGS.windows(2).all(|pair| pair[0].kernel < pair[1].kernel && pair[0].bit < pair[1].bit));
        for flag in FLAGS {
            assert!(flag.bit.is_power_of_two() && flag.beside & flag.bit == 0, "{flag:?}");
            assert_eq!(super::flag(flag.bit), Some(&flag));
        }
        assert_eq!(names(SPEC_ALLOW | TSYNC), ["tsync", "spec_allow"]);
    }
}
