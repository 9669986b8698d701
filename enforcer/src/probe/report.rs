//! The library half of `doctor`: every layer of the product, whether this host has it, and what would
//! make it possible.

use super::cgroups::CONTROLLERS;
use serde::{Deserialize, Serialize};
use stockade_policy::host::{Availability, CgroupHost, Host};
use stockade_policy::seccomp::flags::{self, FLAGS};
use stockade_policy::vocab::Cap;

/// How much of a layer there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All of it.
    Full,
    /// Some of it.
    Partial,
    /// None of it.
    Missing,
    /// The host may have it; this version of stockade does not use it.
    NotBuilt,
}

/// One layer on this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Its name, as a profile or a verdict says it.
    pub layer: String,
    /// How much there is.
    pub state: State,
    /// What there is: `ABI 7`.
    pub detail: String,
    /// What is missing.
    pub missing: Vec<String>,
    /// What would make it possible.
    pub remedy: Option<String>,
}

/// Landlock's rights by the ABI that brought them, with its kernel. landlock(7),
/// Documentation/userspace-api/landlock.rst.
const LANDLOCK: [(u32, &str, &[&str]); 7] = [
    (
        1,
        "5.13",
        &[
            "execute",
            "write_file",
            "read_file",
            "read_dir",
            "remove_dir",
            "remove_file",
            "make_char",
            "make_dir",
            "make_reg",
            "make_sock",
            "make_fifo",
            "make_block",
            "make_sym",
        ],
    ),
    (2, "5.19", &["refer"]),
    (3, "6.2", &["truncate"]),
    (4, "6.7", &["bind_tcp", "connect_tcp"]),
    (5, "6.10", &["ioctl_dev"]),
    (6, "6.12", &["scope: abstract_unix_socket", "scope: signal"]),
    (7, "6.15", &["log flags"]),
];

/// Capabilities that `run` uses as root, with what it uses them for.
const NEEDED: [(&str, &str); 7] = [
    ("sys_admin", "namespaces and mounts"),
    ("setuid", "taking the profile's user"),
    ("setgid", "taking the profile's groups"),
    ("setpcap", "emptying the bounding set"),
    ("sys_chroot", "the private root"),
    ("sys_resource", "limits above the caller's own"),
    ("kill", "collecting what a killed launcher left"),
];

/// Every layer, in the order in which a launch applies them.
pub fn report(host: &Host) -> Vec<LayerReport> {
    vec![
        user_namespaces(host),
        privileges(host),
        cgroup(host),
        switch("mounts", host.mount_setattr, "mount_setattr", "boot a kernel of 5.12 or later"),
        switch("proc", host.proc_options, "hidepid=4,subset=pid", "boot a kernel of 5.8 or later"),
        switch("write_xor_execute", host.write_xor_execute, "PR_SET_MDWE", "boot a kernel of 6.3 or later"),
        landlock(host),
        seccomp(host),
        not_built("disk", "a profile sets no disk quota yet; `stockade quota` does, by hand"),
        not_built("network", "traffic limits come with a later version"),
        lsm(host),
    ]
}

fn switch(layer: &str, works: bool, what: &str, remedy: &str) -> LayerReport {
    LayerReport {
        layer: layer.to_owned(),
        state: if works { State::Full } else { State::Missing },
        detail: if works { what.to_owned() } else { String::new() },
        missing: if works { Vec::new() } else { vec![what.to_owned()] },
        remedy: (!works).then(|| remedy.to_owned()),
    }
}

fn not_built(layer: &str, detail: &str) -> LayerReport {
    LayerReport {
        layer: layer.to_owned(),
        state: State::NotBuilt,
        detail: detail.to_owned(),
        missing: Vec::new(),
        remedy: None,
    }
}

fn user_namespaces(host: &Host) -> LayerReport {
    let (state, detail, missing, remedy) = match &host.user_namespaces {
        Availability::Yes => {
            (State::Full, "the caller can make user namespaces".to_owned(), Vec::new(), None)
        }
        Availability::No { why, remedy } => {
            (State::Missing, why.clone(), vec!["user namespaces".to_owned()], Some(remedy.clone()))
        }
    };
    LayerReport { layer: "namespaces".to_owned(), state, detail, missing, remedy }
}

/// Root needs its capabilities; anyone else goes through a user namespace, which gives them.
fn privileges(host: &Host) -> LayerReport {
    let held = |name: &str| name.parse::<Cap>().is_ok_and(|cap| host.caller.capabilities.contains(cap));
    let missing: Vec<_> =
        NEEDED.iter().filter(|(name, _)| !held(name)).map(|(name, what)| format!("{name}: {what}")).collect();
    let through_namespace = !held("sys_admin") && host.user_namespaces == Availability::Yes;
    let (state, detail) = match (missing.is_empty(), through_namespace) {
        (true, _) => {
            (State::Full, format!("uid {} with every capability that a launch uses", host.caller.uid))
        }
        (false, true) => (State::Partial, format!("uid {}, through a user namespace", host.caller.uid)),
        (false, false) if held("sys_admin") => (State::Partial, format!("uid {}", host.caller.uid)),
        (false, false) => (State::Missing, format!("uid {}, and no user namespaces", host.caller.uid)),
    };
    let remedy = (!missing.is_empty()).then(|| "run as root with all capabilities".to_owned());
    LayerReport { layer: "capabilities".to_owned(), state, detail, missing, remedy }
}

fn cgroup(host: &Host) -> LayerReport {
    let all = || CONTROLLERS.iter().map(|(name, _)| *name);
    let (detail, held): (String, Vec<&str>) = match &host.cgroup {
        CgroupHost::None { why, .. } => (why.clone(), Vec::new()),
        CgroupHost::V2 { parent, controllers } => {
            (format!("unified hierarchy, in {parent}"), controllers.iter().map(String::as_str).collect())
        }
        CgroupHost::V1 { parents } => (
            "legacy hierarchies, beneath the caller's own cgroups".to_owned(),
            parents.keys().map(String::as_str).collect(),
        ),
    };
    let missing: Vec<_> = all().filter(|name| !held.contains(name)).map(str::to_owned).collect();
    let state = match missing.len() {
        0 => State::Full,
        count if count == CONTROLLERS.len() => State::Missing,
        _ => State::Partial,
    };
    let remedy = match (&host.cgroup, missing.is_empty()) {
        (_, true) => None,
        (CgroupHost::None { remedy, .. }, _) => Some(remedy.clone()),
        _ => Some("boot a kernel with the missing controllers, and delegate them to the caller".to_owned()),
    };
    LayerReport { layer: "resources".to_owned(), state, detail, missing, remedy }
}

fn landlock(host: &Host) -> LayerReport {
    let newer = LANDLOCK.iter().filter(|(abi, _, _)| *abi > host.landlock_abi);
    let missing: Vec<_> = newer
        .clone()
        .flat_map(|(_, kernel, rights)| rights.iter().map(move |right| format!("{right} ({kernel})")))
        .collect();
    let state = match (host.landlock_abi, missing.is_empty()) {
        (0, _) => State::Missing,
        (_, true) => State::Full,
        (_, false) => State::Partial,
    };
    let remedy = match (host.landlock_abi, newer.clone().next_back()) {
        (0, _) => {
            Some("boot a kernel with CONFIG_SECURITY_LANDLOCK, and with `landlock` in `lsm=`".to_owned())
        }
        (_, Some((_, kernel, _))) => Some(format!("boot a kernel of {kernel} or later")),
        (_, None) => None,
    };
    let detail = if host.landlock_abi == 0 { String::new() } else { format!("ABI {}", host.landlock_abi) };
    LayerReport { layer: "landlock".to_owned(), state, detail, missing, remedy }
}

fn seccomp(host: &Host) -> LayerReport {
    /// Actions of the language, seccomp(2).
    const ACTIONS: [&str; 8] =
        ["kill_process", "kill_thread", "trap", "errno", "user_notif", "trace", "log", "allow"];
    let held = host.seccomp.as_ref().map(|seccomp| &seccomp.actions);
    let taken = host.seccomp.as_ref().map_or(0, |seccomp| seccomp.flags);
    let lacking: Vec<_> = FLAGS.iter().filter(|flag| taken & flag.bit == 0).collect();
    let flags =
        lacking.iter().map(|flag| format!("flag {} ({}.{})", flag.name, flag.kernel.0, flag.kernel.1));
    let missing: Vec<_> = ACTIONS
        .iter()
        .filter(|name| !held.is_some_and(|held| held.contains(**name)))
        .map(|name| (*name).to_owned())
        .chain(flags)
        .collect();
    let state = match (held, missing.is_empty()) {
        (None, _) => State::Missing,
        (_, true) => State::Full,
        (_, false) => State::Partial,
    };
    let detail = held.map_or_else(String::new, |_| format!("filter flags {}", flags::names(taken).join(" ")));
    // Actions came up to 5.0, with the flag that goes with the last of them.
    let (major, minor) = lacking.last().map_or((5, 0), |flag| flag.kernel);
    let remedy = (state != State::Full)
        .then(|| format!("boot a kernel of {major}.{minor} or later with CONFIG_SECCOMP_FILTER"));
    LayerReport { layer: "seccomp".to_owned(), state, detail, missing, remedy }
}

fn lsm(host: &Host) -> LayerReport {
    let modules: Vec<_> = host.security_modules.iter().map(String::as_str).collect();
    let active = if modules.is_empty() { "none that can be seen".to_owned() } else { modules.join(", ") };
    not_built("lsm", &format!("labels come with a later version; active modules: {active}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe;

    #[test]
    fn every_layer_that_is_not_whole_says_what_would_help() {
        let mut host = probe::host().expect("probe");
        let whole = report(&host);
        assert_eq!(whole.len(), 11);
        host.landlock_abi = 2;
        host.seccomp = None;
        host.mount_setattr = false;
        host.user_namespaces = Availability::No { why: "w".to_owned(), remedy: "r".to_owned() };
        host.cgroup = CgroupHost::None { why: "none".to_owned(), remedy: "delegate".to_owned() };
        let report = report(&host);
        for layer in &report {
            let broken = matches!(layer.state, State::Missing | State::Partial);
            assert_eq!(broken, layer.remedy.is_some(), "{layer:?}");
            assert_eq!(broken, !layer.missing.is_empty(), "{layer:?}");
        }
        let flags = host.seccomp.insert(probe::host().expect("probe").seccomp.expect("filters"));
        flags.flags = flags::LOG | flags::SPEC_ALLOW;
        let partial = seccomp(&host);
        assert_eq!((partial.state, partial.detail.as_str()), (State::Partial, "filter flags log spec_allow"));
        assert!(partial.missing.contains(&"flag new_listener (5.0)".to_owned()), "{partial:?}");
        assert!(partial.remedy.is_some_and(|remedy| remedy.contains("5.19")));
        let landlock = report.iter().find(|layer| layer.layer == "landlock").expect("landlock");
        assert_eq!(landlock.state, State::Partial);
        assert_eq!(landlock.missing.first().map(String::as_str), Some("truncate (6.2)"));
        assert!(!landlock.missing.iter().any(|right| right.starts_with("refer")));
        let json = serde_json::to_string(&report).expect("json");
        assert_eq!(serde_json::from_str::<Vec<LayerReport>>(&json).expect("json"), report);
    }
}
