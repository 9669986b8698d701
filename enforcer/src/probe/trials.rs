//! What only a trial can tell: each runs in a child of its own that ends with it.

use crate::sys::probe as sys;
use serde::{Deserialize, Serialize};
use std::io;
use stockade_policy::host::{Availability, Host};

/// One thing that was tried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What.
    pub what: String,
    /// How it went.
    pub outcome: Availability,
}

/// Steps of [`sys::try_user_namespace`], with what helps where the kernel refuses them.
const USER_NAMESPACE: [(&str, &str); 5] = [
    ("unshare(CLONE_NEWUSER)", "look for a seccomp filter, a security module or a chroot around the caller"),
    ("writing the id maps", "look for a security module that takes capabilities in user namespaces away"),
    (
        "making the mounts private",
        "look for a security module that takes capabilities in user namespaces away",
    ),
    ("starting pid 1 in it", "look for a process limit around the caller"),
    ("mounting /proc with hidepid=4,subset=pid in it", "unmount what covers parts of /proc, or run as root"),
];
/// Steps of [`sys::try_write_xor_execute`].
const WRITE_XOR_EXECUTE: [(&str, &str); 2] = [
    ("prctl(PR_SET_MDWE)", "boot a kernel of 6.3 or later"),
    ("refusing memory that is writable and executable", "boot a kernel of 6.3 or later"),
];

/// Tries out what [`super::host`] takes from switches.
pub fn trials(host: &Host) -> Vec<Trial> {
    vec![
        trial(
            "a user namespace with its own /proc",
            &USER_NAMESPACE,
            sys::try_user_namespace(host.caller.uid, host.caller.gid),
        ),
        trial("PR_SET_MDWE refuses executable heap", &WRITE_XOR_EXECUTE, sys::try_write_xor_execute()),
    ]
}

fn trial(what: &str, steps: &[(&str, &str)], outcome: io::Result<Option<sys::Refused>>) -> Trial {
    let no = |why: String, remedy: &str| Availability::No { why, remedy: remedy.to_owned() };
    let outcome = match outcome {
        Ok(None) => Availability::Yes,
        Ok(Some(refused)) => {
            let (step, remedy) = steps.get(refused.step).copied().unwrap_or(("the trial", "report this"));
            let error = io::Error::from_raw_os_error(refused.errno);
            no(format!("{step} was refused: {error}"), remedy)
        }
        Err(error) => {
            no(format!("the trial did not run: {error}"), "look for a process limit around the caller")
        }
    };
    Trial { what: what.to_owned(), outcome }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe;

    #[test]
    fn trials_agree_with_the_quick_probe() {
        let host = probe::host().expect("probe");
        let trials = trials(&host);
        if host.write_xor_execute {
            assert_eq!(trials[1].outcome, Availability::Yes);
        }
        // The shell's oracle for the same.
        let oracle = std::process::Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "true"])
            .status();
        if oracle.expect("unshare of util-linux").success() {
            assert_eq!(host.user_namespaces, Availability::Yes);
            let mounted = std::process::Command::new("unshare")
                .args(["--user", "--map-root-user", "--mount", "--pid", "--fork"])
                .args([
                    "mount",
                    "-t",
                    "proc",
                    "-o",
                    "nosuid,nodev,noexec,hidepid=4,subset=pid",
                    "proc",
                    "/proc",
                ])
                .status();
            let mounted = mounted.expect("unshare").success();
            assert_eq!(trials[0].outcome == Availability::Yes, mounted, "{:?}", trials[0]);
        }
    }
}
