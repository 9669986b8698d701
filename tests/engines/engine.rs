//! What the engines have in common, so that one test can be written over all of them.

use crate::containerd::Containerd;
use crate::docker::Docker;
use crate::image::Image;
use crate::patience::patiently;
use crate::podman::Podman;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The OCI runtime that engines start containers with unless a container asks for another.
#[derive(Clone)]
pub(crate) struct Runtime {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Runtime {
    pub(crate) fn new(program: impl Into<PathBuf>, arguments: &[impl AsRef<str>]) -> Self {
        let arguments = arguments.iter().map(|one| one.as_ref().to_owned()).collect();
        Runtime { program: program.into(), arguments }
    }

    /// The same with one more argument.
    pub(crate) fn with(&self, argument: &str) -> Self {
        let mut runtime = self.clone();
        runtime.arguments.push(argument.to_owned());
        runtime
    }

    /// runc as Debian has it.
    pub(crate) fn runc() -> Self {
        Runtime::new("/usr/sbin/runc", &[""; 0])
    }

    /// One path that stands for program and arguments: containerd and podman take no arguments with a runtime.
    pub(crate) fn script(&self, path: &Path) -> PathBuf {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let words: Vec<String> = std::iter::once(self.program.to_str().unwrap())
            .chain(self.arguments.iter().map(String::as_str))
            .map(quoted)
            .collect();
        fs::write(path, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_owned()
    }
}

/// What a container is asked for. The default is what each engine gives one that asks for nothing, but without
/// a network.
#[derive(Clone, Default)]
pub(crate) struct Options<'a> {
    /// uid and gid.
    pub(crate) user: Option<(u32, u32)>,
    pub(crate) read_only: bool,
    pub(crate) privileged: bool,
    /// `ALL`, or names without `CAP_`.
    pub(crate) add_capabilities: &'a [&'a str],
    pub(crate) seccomp_unconfined: bool,
    pub(crate) tty: bool,
    pub(crate) environment: &'a [(&'a str, &'a str)],
    /// containerd has none that reach a container from outside but annotations: it gets both as annotations.
    pub(crate) labels: &'a [(&'a str, &'a str)],
    /// Docker 20.10 has none: it gets both as labels.
    pub(crate) annotations: &'a [(&'a str, &'a str)],
    /// Host path, path inside, read-only.
    pub(crate) mounts: &'a [(&'a Path, &'a str, bool)],
    /// As Docker and podman name it; none where nothing is said. The CRI's is the pod's.
    pub(crate) network: Option<&'a str>,
    /// The pod's, of Kubernetes; `default` where nothing is said.
    pub(crate) namespace: Option<&'a str>,
    /// Past the runtime that the engine was started with: by plain runc.
    pub(crate) around: bool,
    /// A shell command for the engine's own health checks. The CRI has none: kubelet's are `exec`.
    pub(crate) health: Option<&'a str>,
}

/// One engine, started for one test.
pub(crate) trait Engine {
    fn name(&self) -> &'static str;

    /// Where it keeps everything.
    fn directory(&self) -> &Path;

    /// Makes an image known under its tag.
    fn load(&self, image: &Image);

    /// Starts a container under a name of its own; what the engine said if it did not start. A command that is
    /// empty is the image's.
    fn start(
        &self,
        name: &str,
        image: &Image,
        options: &Options,
        command: &[&str],
    ) -> Result<Running, Output>;

    /// Waits for its end: its exit code, and what it wrote.
    fn wait(&self, container: &Running) -> Output;

    /// Runs a command inside, to its end.
    fn exec(&self, container: &Running, command: &[&str]) -> Output;

    /// As `exec`, with a terminal where the engine can give one without one of its own.
    fn exec_as(&self, container: &Running, uid: u32, command: &[&str]) -> Option<Output>;

    /// Runs the health check once, or has the engine run it: whether it passed. `None` without health checks.
    fn healthy(&self, container: &Running) -> Option<bool>;

    /// Its first process as the engine knows it, in the pid namespace of the host.
    fn reported(&self, container: &Running) -> u32;

    /// Stops it and starts it again.
    fn restart(&self, container: &mut Running);

    /// Freezes and thaws it. `false` where the engine cannot.
    fn pause(&self, container: &Running, frozen: bool) -> bool;

    /// The options by which `stockade verify` asks this engine and not the host's.
    fn address(&self) -> Vec<String>;

    /// Ends and forgets it.
    fn remove(&self, container: Running);

    /// Its first process, once it is no longer the runtime's own: an engine's start returns before that exec.
    fn pid(&self, container: &Running) -> u32 {
        let pid = self.reported(container);
        patiently("program in the container", || {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
            (!name.starts_with("runc:[")).then_some(pid)
        })
    }

    /// Runs a container to its end.
    fn run(&self, name: &str, image: &Image, options: &Options, command: &[&str]) -> Output {
        match self.start(name, image, options, command) {
            Ok(container) => {
                let output = self.wait(&container);
                self.remove(container);
                output
            }
            Err(output) => output,
        }
    }
}

/// A container that an engine started.
pub(crate) struct Running {
    pub(crate) name: String,
    /// As long as the engine makes them.
    pub(crate) id: String,
    /// What must be given to start it anew; used by the CRI, which has no restart.
    pub(crate) again: Option<crate::cri::CreateContainer>,
}

/// Every engine, each with this runtime.
pub(crate) fn every(runtime: &Runtime) -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(Docker::start(runtime)),
        Box::new(Podman::start(runtime)),
        Box::new(Containerd::start(runtime)),
    ]
}

/// Both outputs, for messages.
pub(crate) fn text(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The standard output of what must have worked, without the space around it.
pub(crate) fn success(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
