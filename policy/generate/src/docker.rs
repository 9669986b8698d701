//! Docker's default profile: the calls it allows whatever their arguments.

use crate::error::Error;
use crate::places;
use crate::syscalls::Numbers;
use serde::Deserialize;
use std::collections::BTreeSet;

/// The capabilities that Docker leaves a container. moby, oci/caps/defaults.go.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// Hosts of ours. A rule for a host counts for every interface that the host's kernel accepts.
const HOSTS: [&str; 2] = ["amd64", "arm64"];

#[derive(Deserialize)]
struct Profile {
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
struct Rule {
    names: Vec<String>,
    action: String,
    #[serde(default)]
    args: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    includes: Filter,
    #[serde(default)]
    excludes: Filter,
}

/// When a rule counts. `minKernel` is 4.8 wherever it is written, older than anything stockade runs on.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    #[serde(default)]
    caps: Vec<String>,
    #[serde(default)]
    arches: Vec<String>,
    #[serde(default, rename = "minKernel")]
    _min_kernel: Option<String>,
}

impl Rule {
    /// Whether it allows its calls on one of our hosts, for the default capabilities, whatever the arguments.
    fn is_unconditional(&self) -> bool {
        let has = |cap: &String| CAPABILITIES.contains(&cap.as_str());
        let ours = |arch: &String| HOSTS.contains(&arch.as_str());
        self.action == "SCMP_ACT_ALLOW"
            && self.args.as_ref().is_none_or(Vec::is_empty)
            && self.includes.caps.iter().all(has)
            && (self.includes.arches.is_empty() || self.includes.arches.iter().any(ours))
            && !self.excludes.caps.iter().any(has)
            && !self.excludes.arches.iter().any(ours)
    }
}

/// The group `docker/default`: name, description, calls.
pub(crate) fn default(numbers: &Numbers) -> Result<(String, String, BTreeSet<String>), Error> {
    let path = places::data("docker-default-seccomp.json");
    let profile: Profile =
        serde_json::from_str(&places::read(&path)?).map_err(|source| Error::Json { path, source })?;
    let rules = profile.syscalls.into_iter().filter(Rule::is_unconditional);
    let calls = rules.flat_map(|rule| rule.names).filter(|call| numbers.contains_key(call)).collect();
    let about = "What Docker's default profile allows with the default capabilities, whatever the arguments";
    Ok(("docker/default".to_owned(), about.to_owned(), calls))
}
