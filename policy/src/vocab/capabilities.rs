//! Capabilities. capabilities(7), linux/capability.h of 5.9 (the newest is `checkpoint_restore`).

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Names by number, without `CAP_`, in lower case.
const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// What Docker gives a container that asks for nothing: moby, oci/caps/defaults.go.
const DOCKER: [&str; 14] = [
    "audit_write",
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "mknod",
    "net_bind_service",
    "net_raw",
    "setfcap",
    "setgid",
    "setpcap",
    "setuid",
    "sys_chroot",
];

/// One capability, by its kernel number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cap(u8);

impl Cap {
    /// `CAP_SETGID`
    pub const SETGID: Cap = Cap(6);
    /// `CAP_SETUID`
    pub const SETUID: Cap = Cap(7);
    /// `CAP_SYS_PTRACE`
    pub const SYS_PTRACE: Cap = Cap(19);
    /// `CAP_SYS_ADMIN`
    pub const SYS_ADMIN: Cap = Cap(21);
    /// `CAP_SYS_RESOURCE`
    pub const SYS_RESOURCE: Cap = Cap(24);

    /// The capability with this number, if the vocabulary knows it.
    pub fn from_number(number: u8) -> Option<Cap> {
        (usize::from(number) < NAMES.len()).then_some(Cap(number))
    }

    /// The kernel's number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name as profiles write it: lower case, without `CAP_`.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Every capability of the vocabulary.
    pub fn all() -> impl Iterator<Item = Cap> {
        (0u8..).take(NAMES.len()).map(Cap)
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cap {
    type Err = ();

    /// Takes `net_admin`, `NET_ADMIN` and `CAP_NET_ADMIN`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("cap_").unwrap_or(&lower);
        Cap::all().find(|cap| cap.name() == name).ok_or(())
    }
}

/// A set of capabilities: one bit each, as in `/proc/PID/status`. Bits without a name are kept, so that
/// a newer kernel's capability is never taken for absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CapSet(pub u64);

impl CapSet {
    /// No capability.
    pub const EMPTY: CapSet = CapSet(0);
    /// Every capability, named or not.
    pub const ALL: CapSet = CapSet(u64::MAX);

    /// What Docker gives a container that asks for nothing.
    pub fn docker() -> CapSet {
        DOCKER.iter().filter_map(|name| name.parse::<Cap>().ok()).collect()
    }

    /// Whether `cap` is in the set.
    pub fn contains(self, cap: Cap) -> bool {
        self.0 >> cap.0 & 1 == 1
    }

    /// The set with `cap`.
    #[must_use]
    pub fn with(self, cap: Cap) -> CapSet {
        CapSet(self.0 | 1 << cap.0)
    }

    /// What is in both.
    #[must_use]
    pub fn intersection(self, other: CapSet) -> CapSet {
        CapSet(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub fn union(self, other: CapSet) -> CapSet {
        CapSet(self.0 | other.0)
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn minus(self, other: CapSet) -> CapSet {
        CapSet(self.0 & !other.0)
    }

    /// Whether nothing is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The named capabilities in the set.
    pub fn iter(self) -> impl Iterator<Item = Cap> {
        Cap::all().filter(move |cap| self.contains(*cap))
    }
}

impl FromIterator<Cap> for CapSet {
    fn from_iter<I: IntoIterator<Item = Cap>>(caps: I) -> Self {
        caps.into_iter().fold(CapSet::EMPTY, CapSet::with)
    }
}

impl Serialize for CapSet {
    /// `"all"`, or a list of names; bits without a name are written as `"#NUMBER"`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == CapSet::ALL {
            return serializer.serialize_str("all");
        }
        serializer.collect_seq(
            (0..64u8).filter(|bit| self.0 >> bit & 1 == 1).map(|bit| {
                Cap::from_number(bit).map_or_else(|| format!("#{bit}"), |cap| cap.name().to_owned())
            }),
        )
    }
}

impl<'de> Deserialize<'de> for CapSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            List(Vec<String>),
        }
        match Written::deserialize(deserializer)? {
            Written::Word(word) if word == "all" => Ok(CapSet::ALL),
            Written::Word(word) => Err(de::Error::custom(format!("`{word}` is no capability set"))),
            Written::List(names) => names.iter().try_fold(CapSet::EMPTY, |set, name| {
                if let Some(bit) = name.strip_prefix('#').and_then(|bit| bit.parse::<u32>().ok()) {
                    return 1u64
                        .checked_shl(bit)
                        .map(|bit| CapSet(set.0 | bit))
                        .ok_or_else(|| de::Error::custom(format!("`{name}` is above 63")));
                }
                name.parse::<Cap>()
                    .map(|cap| set.with(cap))
                    .map_err(|()| de::Error::custom(format!("unknown capability `{name}`")))
            }),
        }
    }
}
