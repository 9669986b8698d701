//! podman: no daemon; a store, a run directory and a runtime of its own.

use crate::command_line::CommandLine;
use crate::engine::{Options, Running, Runtime};
use crate::place::Place;
use std::path::PathBuf;
use std::process::Command;
use std::rc::Rc;

/// Debian's, where another stands before it in the path.
const PROGRAM: &str = "/usr/bin/podman";

/// A podman.
pub(crate) struct Podman {
    /// `None`: the one that its file says.
    runtime: Option<PathBuf>,
    /// Past it.
    plain: PathBuf,
    place: Rc<Place>,
}

impl Podman {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let place = Rc::new(Place::new());
        let mut podman = Podman::on(&place);
        podman.runtime = Some(Podman::keeping_state(&place, runtime, "runtime"));
        podman
    }

    /// The podman of a place that has its `containers.conf`, which says what the runtime is.
    pub(crate) fn on(place: &Rc<Place>) -> Self {
        let plain = Podman::keeping_state(place, &Runtime::runc(), "runc");
        Podman { runtime: None, plain, place: Rc::clone(place) }
    }

    /// The same runtime, with its state in the place. Not as podman's `--runtime-flag`: podman leaves it out of what it
    /// has called at a container's end, which then does not find the container.
    pub(crate) fn keeping_state(place: &Place, runtime: &Runtime, name: &str) -> PathBuf {
        let state = format!("--root={}", place.join("runtime-state").display());
        runtime.with(&state).script(&place.join(name))
    }

    /// The options that make it this podman and not the host's.
    fn globals(&self, around: bool) -> Vec<String> {
        let path = |name: &str| self.place.join(name).display().to_string();
        let runtime = if around { Some(&self.plain) } else { self.runtime.as_ref() };
        let own = [
            format!("--root={}", path("root")),
            format!("--runroot={}", path("run")),
            format!("--tmpdir={}", path("tmp")),
            // No systemd, no journal.
            "--cgroup-manager=cgroupfs".to_owned(),
            "--events-backend=file".to_owned(),
        ];
        own.into_iter().chain(runtime.map(|path| format!("--runtime={}", path.display()))).collect()
    }

    /// A program that is this podman.
    pub(crate) fn program(&self) -> PathBuf {
        Runtime::new(PROGRAM, &self.globals(false)).script(&self.place.join("podman"))
    }

    /// What a container needs here.
    pub(crate) fn needs(&self) -> [String; 3] {
        // podman asks for the most that root may have, which takes CAP_SYS_RESOURCE.
        let limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"].map(str::to_owned);
        let [files, processes] = limits;
        [format!("--cgroup-parent={}", self.place.cgroup()), files, processes]
    }
}

impl CommandLine for Podman {
    const NAME: &'static str = "podman";
    const REMOVE: &'static [&'static str] = &["rm", "--force", "--time=0"];

    fn place(&self) -> &Place {
        &self.place
    }

    fn client(&self, around: bool) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(self.globals(around));
        if self.runtime.is_none() {
            command.env("CONTAINERS_CONF", self.place.join("containers.conf"));
        }
        command
    }

    fn own_flags(&self, options: &Options) -> Vec<String> {
        let annotations =
            options.annotations.iter().map(|(name, value)| format!("--annotation={name}={value}"));
        annotations.chain(self.needs()).collect()
    }

    fn health(&self, container: &Running) -> Option<bool> {
        // Its timers are systemd's.
        Some(self.by(&["healthcheck", "run", &container.id]).status.success())
    }

    fn options_of_verify(&self) -> Vec<String> {
        vec!["--podman".to_owned(), self.program().display().to_string()]
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.clear();
    }
}
