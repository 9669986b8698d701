//! podman: no daemon; a store, a run directory and a runtime of its own.

use crate::docker::flags;
use crate::engine::{Engine, Options, Running, Runtime, success};
use crate::image::Image;
use crate::place::Place;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A podman.
pub(crate) struct Podman {
    runtime: PathBuf,
    /// Past it.
    plain: PathBuf,
    place: Place,
}

impl Podman {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let place = Place::new();
        // Not as podman's `--runtime-flag`: podman leaves it out of what it has called at a container's end, which then
        // does not find the container.
        let state = format!("--root={}", place.join("runtime-state").display());
        let with_state = |runtime: &Runtime, name: &str| runtime.with(&state).script(&place.join(name));
        let (plain, runtime) = (with_state(&Runtime::runc(), "runc"), with_state(runtime, "runtime"));
        Podman { runtime, plain, place }
    }

    /// The options that make it this podman and not the host's.
    fn globals(&self, runtime: &str) -> Vec<String> {
        let path = |name: &str| self.place.join(name).display().to_string();
        vec![
            format!("--root={}", path("root")),
            format!("--runroot={}", path("run")),
            format!("--tmpdir={}", path("tmp")),
            format!("--runtime={runtime}"),
            // No systemd, no journal.
            "--cgroup-manager=cgroupfs".to_owned(),
            "--events-backend=file".to_owned(),
        ]
    }

    fn by(&self, runtime: &str, arguments: &[&str]) -> Output {
        Command::new("podman")
            .args(self.globals(runtime))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The client, with these arguments.
    pub(crate) fn podman(&self, arguments: &[&str]) -> Output {
        self.by(self.runtime.to_str().unwrap(), arguments)
    }
}

impl Engine for Podman {
    fn name(&self) -> &'static str {
        "podman"
    }

    fn directory(&self) -> &Path {
        self.place.path()
    }

    fn load(&self, image: &Image) {
        success(&self.podman(&["load", "--quiet", "--input", image.archive().to_str().unwrap()]));
    }

    fn start(
        &self,
        name: &str,
        image: &Image,
        options: &Options,
        command: &[&str],
    ) -> Result<Running, Output> {
        let mut flags = flags(options);
        flags.extend(options.annotations.iter().map(|(name, value)| format!("--annotation={name}={value}")));
        flags.push(format!("--cgroup-parent={}", self.place.cgroup()));
        // podman asks for the most that root may have, which takes CAP_SYS_RESOURCE.
        flags.extend(["--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"].map(str::to_owned));
        let mut arguments = vec!["run", "--detach", "--name", name];
        arguments.extend(flags.iter().map(String::as_str));
        arguments.push(&image.tag);
        arguments.extend(command);
        let runtime = if options.around { &self.plain } else { &self.runtime };
        let output = self.by(runtime.to_str().unwrap(), &arguments);
        if !output.status.success() {
            self.podman(&["rm", "--force", "--time=0", name]);
            return Err(output);
        }
        Ok(Running { name: name.to_owned(), id: success(&output), again: None })
    }

    fn wait(&self, container: &Running) -> Output {
        let code = success(&self.podman(&["wait", &container.id])).parse::<i32>().unwrap();
        let mut output = self.podman(&["logs", &container.id]);
        output.status = std::os::unix::process::ExitStatusExt::from_raw(code << 8);
        output
    }

    fn exec(&self, container: &Running, command: &[&str]) -> Output {
        self.podman(&[&["exec", &container.id], command].concat())
    }

    fn exec_as(&self, container: &Running, uid: u32, command: &[&str]) -> Option<Output> {
        Some(self.podman(&[&["exec", "--tty", "--user", &uid.to_string(), &container.id], command].concat()))
    }

    fn healthy(&self, container: &Running) -> Option<bool> {
        // Its timers are systemd's.
        Some(self.podman(&["healthcheck", "run", &container.id]).status.success())
    }

    fn reported(&self, container: &Running) -> u32 {
        success(&self.podman(&["inspect", "--format", "{{.State.Pid}}", &container.id])).parse().unwrap()
    }

    fn restart(&self, container: &mut Running) {
        success(&self.podman(&["restart", "--time=0", &container.id]));
    }

    fn pause(&self, container: &Running, frozen: bool) -> bool {
        success(&self.podman(&[if frozen { "pause" } else { "unpause" }, &container.id]));
        true
    }

    fn address(&self) -> Vec<String> {
        let program = Runtime::new("podman", &self.globals(self.runtime.to_str().unwrap()));
        let path = program.script(&self.place.join("podman"));
        vec!["--podman".to_owned(), path.display().to_string()]
    }

    fn remove(&self, container: Running) {
        success(&self.podman(&["rm", "--force", "--time=0", &container.id]));
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.podman(&["rm", "--all", "--force", "--time=0"]);
    }
}
