//! Engines with a command line of Docker's shape: Docker and podman.

use crate::engine::{Engine, Options, Running, success};
use crate::image::Image;
use crate::place::Place;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

/// What differs between them.
pub(crate) trait CommandLine {
    const NAME: &'static str;
    /// What ends and forgets containers.
    const REMOVE: &'static [&'static str];

    fn place(&self) -> &Place;

    /// The client, told which engine is meant; `around`: by plain runc, where the client decides that.
    fn client(&self, around: bool) -> Command;

    /// Options of `run` that the other does not have.
    fn own_flags(&self, options: &Options) -> Vec<String>;

    /// As of [`Engine`].
    fn health(&self, container: &Running) -> Option<bool>;

    /// As of [`Engine`].
    fn options_of_verify(&self) -> Vec<String>;

    /// The client, with these arguments.
    fn by(&self, arguments: &[&str]) -> Output {
        self.client(false).args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// What was started, and is not gone.
    fn listed(&self) -> Vec<String> {
        let listed = self.by(&["ps", "--all", "--quiet"]);
        String::from_utf8_lossy(&listed.stdout).split_whitespace().map(str::to_owned).collect()
    }

    /// Ends and forgets all of it.
    fn clear(&self) {
        let listed = self.listed();
        let ids: Vec<&str> = listed.iter().map(String::as_str).collect();
        if !ids.is_empty() {
            self.by(&[Self::REMOVE, ids.as_slice()].concat());
        }
    }
}

/// The options of `run` that they share.
fn flags(options: &Options) -> Vec<String> {
    let mut out: Vec<String> = vec![format!("--network={}", options.network.unwrap_or("none"))];
    let switches = [
        (options.read_only, "--read-only"),
        (options.privileged, "--privileged"),
        (options.seccomp_unconfined, "--security-opt=seccomp=unconfined"),
        (options.tty, "--tty"),
    ];
    out.extend(switches.into_iter().filter(|(on, _)| *on).map(|(_, flag)| flag.to_owned()));
    out.extend(options.user.map(|(uid, gid)| format!("--user={uid}:{gid}")));
    out.extend(options.add_capabilities.iter().map(|name| format!("--cap-add={name}")));
    out.extend(options.environment.iter().map(|(name, value)| format!("--env={name}={value}")));
    out.extend(options.labels.iter().map(|(name, value)| format!("--label={name}={value}")));
    out.extend(options.mounts.iter().map(|(source, inside, read_only)| {
        format!("--volume={}:{inside}:{}", source.display(), if *read_only { "ro" } else { "rw" })
    }));
    if let Some(command) = options.health {
        out.extend([format!("--health-cmd={command}"), "--health-interval=1s".to_owned()]);
    }
    out
}

impl<T: CommandLine> Engine for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn directory(&self) -> &Path {
        self.place().path()
    }

    fn load(&self, image: &Image) {
        success(&self.by(&["load", "--quiet", "--input", image.archive().to_str().unwrap()]));
    }

    fn start(
        &self,
        name: &str,
        image: &Image,
        options: &Options,
        command: &[&str],
    ) -> Result<Running, Output> {
        let flags = [flags(options), self.own_flags(options)].concat();
        let mut client = self.client(options.around);
        client.args(["run", "--detach", "--name", name]).args(flags).arg(&image.tag).args(command);
        let output = client.stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            self.by(&[T::REMOVE, &[name]].concat());
            return Err(output);
        }
        Ok(Running { name: name.to_owned(), id: success(&output), again: None })
    }

    fn wait(&self, container: &Running) -> Output {
        let code = success(&self.by(&["wait", &container.id])).parse::<i32>().unwrap();
        let output = self.by(&["logs", &container.id]);
        Output { status: ExitStatus::from_raw(code << 8), ..output }
    }

    fn exec(&self, container: &Running, command: &[&str]) -> Output {
        self.by(&[&["exec", &container.id], command].concat())
    }

    fn exec_as(&self, container: &Running, uid: u32, command: &[&str]) -> Option<Output> {
        Some(self.by(&[&["exec", "--tty", "--user", &uid.to_string(), &container.id], command].concat()))
    }

    fn healthy(&self, container: &Running) -> Option<bool> {
        self.health(container)
    }

    fn reported(&self, container: &Running) -> u32 {
        success(&self.by(&["inspect", "--format", "{{.State.Pid}}", &container.id])).parse().unwrap()
    }

    fn restart(&self, container: &mut Running) {
        success(&self.by(&["restart", "--time=0", &container.id]));
    }

    fn pause(&self, container: &Running, frozen: bool) -> bool {
        success(&self.by(&[if frozen { "pause" } else { "unpause" }, &container.id]));
        true
    }

    fn address(&self) -> Vec<String> {
        self.options_of_verify()
    }

    fn remove(&self, container: Running) {
        success(&self.by(&[T::REMOVE, &[&container.id]].concat()));
    }
}
