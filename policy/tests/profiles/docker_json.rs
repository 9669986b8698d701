//! Docker's seccomp profile, read as Docker and libseccomp read it.
//!
//! Docker takes a rule where its `includes` and `excludes` agree with the container's capabilities, the
//! host's own architecture (not the one of the call) and its kernel. libseccomp allows a call that any
//! rule for it allows; a rule's comparisons must all hold. They are unsigned, of whole registers, on
//! interfaces that libseccomp counts as 32-bit of their low halves.

use serde::Deserialize;
use std::collections::BTreeMap;
use stockade_policy::lattice::action::Action;
use stockade_policy::vocab::Arch;

/// What Docker gives a container that asks for nothing: moby, oci/caps/defaults.go.
pub(crate) fn capabilities() -> Vec<String> {
    let kept = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP \
                SETUID SYS_CHROOT";
    kept.split(' ').map(|name| format!("CAP_{name}")).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct File {
    default_action: String,
    default_errno_ret: u16,
    arch_map: Vec<ArchMap>,
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ArchMap {
    architecture: String,
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rule {
    names: Vec<String>,
    action: String,
    errno_ret: Option<u16>,
    #[serde(default)]
    args: Vec<Comparison>,
    #[serde(default)]
    includes: Filter,
    #[serde(default)]
    excludes: Filter,
    #[serde(default, rename = "comment")]
    _comment: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Filter {
    caps: Vec<String>,
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// One comparison of one register.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Comparison {
    pub(crate) index: u8,
    /// The value; of `SCMP_CMP_MASKED_EQ` the mask.
    pub(crate) value: u64,
    /// Of `SCMP_CMP_MASKED_EQ` the value, 0 where it is not written.
    #[serde(default)]
    pub(crate) value_two: u64,
    pub(crate) op: String,
}

impl Comparison {
    pub(crate) fn holds(&self, register: u64) -> bool {
        match self.op.as_str() {
            "SCMP_CMP_NE" => register != self.value,
            "SCMP_CMP_LT" => register < self.value,
            "SCMP_CMP_LE" => register <= self.value,
            "SCMP_CMP_EQ" => register == self.value,
            "SCMP_CMP_GE" => register >= self.value,
            "SCMP_CMP_GT" => register > self.value,
            "SCMP_CMP_MASKED_EQ" => register & self.value == self.value_two,
            other => panic!("unknown comparison {other}"),
        }
    }
}

/// A rule that holds for a container: its comparisons and what it answers.
pub(crate) struct Entry {
    pub(crate) comparisons: Vec<Comparison>,
    pub(crate) action: Action,
}

/// What Docker decides in one container on a host of one family.
pub(crate) struct Docker {
    rules: BTreeMap<String, Vec<Entry>>,
    default: Action,
}

/// A host's architecture as rules name it (Docker's `goToNative`), and as the map of interfaces does.
fn native(host: Arch) -> (&'static str, &'static str) {
    match host {
        Arch::X86_64 => ("amd64", "SCMP_ARCH_X86_64"),
        Arch::Aarch64 => ("arm64", "SCMP_ARCH_AARCH64"),
        other => panic!("{other} is no host"),
    }
}

fn interface(name: &str) -> Arch {
    match name {
        "SCMP_ARCH_X86_64" => Arch::X86_64,
        "SCMP_ARCH_X86" => Arch::I386,
        "SCMP_ARCH_X32" => Arch::X32,
        "SCMP_ARCH_AARCH64" => Arch::Aarch64,
        "SCMP_ARCH_ARM" => Arch::Arm,
        other => panic!("unknown architecture {other}"),
    }
}

fn file() -> File {
    serde_json::from_str(include_str!("../../data/docker-default-seccomp.json")).unwrap()
}

fn action(name: &str, errno: Option<u16>) -> Action {
    match name {
        "SCMP_ACT_ALLOW" => Action::Allow,
        "SCMP_ACT_ERRNO" => Action::Errno(errno.unwrap_or(1)),
        other => panic!("unknown action {other}"),
    }
}

/// `MAJOR.MINOR`.
fn kernel(text: &str) -> (u32, u32) {
    let (major, minor) = text.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

impl Docker {
    /// The profile for a container with these capabilities (`CAP_…`) on a host.
    pub(crate) fn new(host: Arch, capabilities: &[String], running: (u32, u32)) -> Self {
        let File { default_action, default_errno_ret, syscalls, .. } = file();
        let arch = native(host).0;
        let has_cap = |cap: &String| capabilities.contains(cap);
        let mut rules: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for Rule { names, action: answer, errno_ret, args, includes, excludes, .. } in syscalls {
            let included = (includes.arches.is_empty() || includes.arches.iter().any(|one| one == arch))
                && includes.caps.iter().all(has_cap)
                && includes.min_kernel.is_none_or(|least| running >= kernel(&least));
            let excluded = excludes.arches.iter().any(|one| one == arch)
                || excludes.caps.iter().any(has_cap)
                || excludes.min_kernel.is_some_and(|least| running >= kernel(&least));
            if !included || excluded {
                continue;
            }
            let action = action(&answer, errno_ret);
            for name in names {
                rules.entry(name).or_default().push(Entry { comparisons: args.clone(), action });
            }
        }
        Docker { rules, default: action(&default_action, Some(default_errno_ret)) }
    }

    /// The answer to a call by name; `None` is a number without one.
    pub(crate) fn decide(&self, arch: Arch, call: Option<&str>, registers: &[u64; 6]) -> Action {
        let entries = call.into_iter().flat_map(|call| self.entries(call));
        let seen = |index: u8| registers[usize::from(index)] & seen_bits(arch);
        let holding = entries.filter(|entry| entry.comparisons.iter().all(|one| one.holds(seen(one.index))));
        holding.map(|entry| entry.action).max().unwrap_or(self.default)
    }

    /// The rules for a call.
    pub(crate) fn entries(&self, call: &str) -> &[Entry] {
        self.rules.get(call).map_or(&[], Vec::as_slice)
    }

    /// The comparisons that decide on a call.
    pub(crate) fn comparisons(&self, call: &str) -> impl Iterator<Item = &Comparison> {
        self.entries(call).iter().flat_map(|entry| &entry.comparisons)
    }

    /// The calls that it names.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &str> {
        self.rules.keys().map(String::as_str)
    }

    /// The interfaces that it lets through on a host.
    pub(crate) fn interfaces(host: Arch) -> Vec<Arch> {
        let maps = file().arch_map;
        let map = maps.into_iter().find(|map| map.architecture == native(host).1).unwrap();
        [map.architecture]
            .iter()
            .chain(map.sub_architectures.iter().flatten())
            .map(|one| interface(one))
            .collect()
    }
}

/// The bits of a register that libseccomp compares: it counts x32 among the 32-bit interfaces.
pub(crate) fn seen_bits(arch: Arch) -> u64 {
    match arch {
        Arch::X86_64 | Arch::Aarch64 => u64::MAX,
        Arch::I386 | Arch::X32 | Arch::Arm => u64::from(u32::MAX),
    }
}
