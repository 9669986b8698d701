//! Tries known ways out of a container, and says which layer stopped each.
//!
//! ```text
//! table → program → report → Outcome → Finding
//!         (inside)    parse      judge
//! ```
//!
//! One small static program (`enforcer/drill/`) tries them all, wherever it is put: under a plan, into an engine's
//! container, and without any confinement as the yardstick of what this kernel has at all.

pub mod client;
pub mod engine;
pub mod inside;
pub mod judge;
pub mod place;
pub mod report;
pub mod run;
pub mod runc;

/// One way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Probe {
    /// Its name, which stays.
    pub name: &'static str,
    /// What kind it is of.
    pub family: &'static str,
    /// What it does, as a clause whose subject is the program.
    pub tries: &'static str,
    /// What whoever obtains it has.
    pub gains: &'static str,
    /// What a policy must allow for it, as `explain` takes it; with `?` before what may stop it and need not.
    pub gates: &'static [&'static str],
}

macro_rules! probes {
    ($($family:ident { $($name:ident: $tries:literal, $gains:literal; $($gate:literal),+;)* })*) => {
        const FAMILIES: &[&[Probe]] = &[$(&[$(Probe {
            name: stringify!($name),
            family: stringify!($family),
            tries: $tries,
            gains: $gains,
            gates: &[$($gate),+],
        }),*]),*];
    };
}
include!("../drill/table.rs");

/// All of them, in the order in which they are tried.
pub fn probes() -> impl Iterator<Item = &'static Probe> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// Why the probes were not tried, or why nothing can be said about them.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The program could not be put somewhere.
    #[error("cannot {operation}")]
    Place {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The root has no directory for the program.
    #[error("the root has no directory for the drill to stand in: it takes one of /mnt, /media, /srv, /opt")]
    NoDirectory,
    /// The plan could not be applied.
    #[error(transparent)]
    Launch(#[from] crate::launch::LaunchError),
    /// The client of an engine could not be started.
    #[error("cannot start {client}")]
    Client {
        /// The client's program.
        client: String,
        /// Why.
        source: std::io::Error,
    },
    /// It said no.
    #[error("{client} failed{}: {said}", .code.map(|code| format!(" (exit code {code})")).unwrap_or_default())]
    Refused {
        /// The client's program.
        client: String,
        /// Its exit code; `None`: a signal ended it.
        code: Option<i32>,
        /// The last of what it said.
        said: String,
    },
    /// The program could not be put into a container that runs.
    #[error("cannot {operation}")]
    Inside {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The engine knows no such container, or it does not run.
    #[error("there is no container `{container}` that runs")]
    NotRunning {
        /// As it was named.
        container: String,
    },
    /// The program is still in the container.
    #[error("cannot remove {name} from the container")]
    Left {
        /// The program's name there.
        name: String,
        /// Why.
        source: std::io::Error,
    },
    /// It did not come to its end.
    #[error("{client} did not end within {seconds} seconds")]
    Patience {
        /// The client's program.
        client: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What the program said is no report of it.
    #[error("what came out of the container is no report of the drill")]
    Report(#[from] report::ReportError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_probe_has_a_name_of_its_own_and_says_what_it_is() {
        let names: BTreeSet<&str> = probes().map(|probe| probe.name).collect();
        assert_eq!(names.len(), probes().count());
        assert!(probes().count() >= 80);
        for probe in probes() {
            assert!(
                !probe.tries.is_empty() && !probe.gains.is_empty() && !probe.gates.is_empty(),
                "{probe:?}"
            );
            assert!(probe.name.len() <= report::LONGEST_NAME, "{probe:?}");
        }
    }
}
