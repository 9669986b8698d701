//! Real container engines: each test starts a dockerd, a containerd or a podman of its own, with directories,
//! sockets and cgroups of its own, and takes all of it down again. Needs root.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where it cannot go on")]

#[macro_use]
#[path = "../host/needs.rs"]
mod needs;

/// Ends a test that cannot run here: what all engines and their images are made of, by the paths by which tests start it.
macro_rules! needs_engines {
    ($($program:literal),*) => {
        needs!(
            "engines",
            "dockerd",
            "/usr/bin/docker",
            "containerd",
            "ctr",
            "/usr/bin/podman",
            "/usr/sbin/runc",
            "/bin/busybox"
            $(, $program)*
        )
    };
}

mod built;
#[path = "../host/cgroups.rs"]
mod cgroups;
mod command_line;
mod committed;
mod conformance;
mod containerd;
mod cri;
#[path = "../host/criu.rs"]
mod criu;
mod daemon;
mod docker;
mod drill;
#[path = "../drill/drilled.rs"]
mod drilled;
#[path = "../command/ended.rs"]
#[expect(dead_code, reason = "a drill ends with a finding, which is asked for by its code")]
mod ended;
mod engine;
mod facts;
mod filters;
mod image;
mod imported;
mod installed;
mod joined;
mod kubernetes;
#[path = "../host/limits.rs"]
mod limits;
#[path = "../host/patience.rs"]
mod patience;
mod place;
mod podman;
mod record;
mod restored;
mod rules;
mod smoke;
mod unified;
mod verify;
mod volumes;
mod watch;
