//! Docker: a dockerd of its own, which starts a containerd of its own.

use crate::daemon::Daemon;
use crate::engine::{Engine, Options, Running, Runtime, patiently, success};
use crate::image::Image;
use crate::place::Place;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A dockerd. The daemon ends before its place goes.
pub(crate) struct Docker {
    _daemon: Daemon,
    place: Place,
}

impl Docker {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let place = Place::new();
        let path = |name: &str| place.join(name).display().to_string();
        let config = json!({
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("pid"),
            "hosts": [format!("unix://{}", path("docker.sock"))],
            "cgroup-parent": place.cgroup(),
            "runtimes": {"stockade": {"path": runtime.script(&place.join("runtime"))}},
            "default-runtime": "stockade",
            // Nothing of the host's network is touched.
            "bridge": "none",
            "iptables": false,
            "ip6tables": false,
            "ip-forward": false,
            "ip-masq": false,
        });
        fs::write(place.join("daemon.json"), config.to_string()).unwrap();
        let arguments = ["--config-file".to_owned(), path("daemon.json")];
        let daemon = Daemon::start("dockerd", &arguments, &place.join("log"), &place.join("docker.sock"));
        let docker = Docker { _daemon: daemon, place };
        patiently("answer of dockerd", || docker.docker(&["version"]).status.success().then_some(()));
        docker
    }

    fn client(&self) -> Command {
        // Debian's, of the daemon's version, where another stands before it in the path.
        let mut command = Command::new("/usr/bin/docker");
        command
            .arg("--host")
            .arg(format!("unix://{}", self.place.join("docker.sock").display()))
            .env("DOCKER_CONFIG", self.place.join("client"))
            .stdin(Stdio::null());
        command
    }

    /// The client, with these arguments.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Output {
        self.client().args(arguments).output().unwrap()
    }

    /// A build of the Dockerfile in `context`, by BuildKit.
    pub(crate) fn build(&self, context: &Path) -> Command {
        let mut command = self.client();
        command.args(["build", "--network=none"]).arg(context).env("DOCKER_BUILDKIT", "1");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// The options of a command line that Docker and podman share.
pub(crate) fn flags(options: &Options) -> Vec<String> {
    let mut out: Vec<String> = vec!["--network=none".to_owned()];
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

impl Engine for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn directory(&self) -> &Path {
        self.place.path()
    }

    fn load(&self, image: &Image) {
        success(&self.docker(&["load", "--input", image.archive().to_str().unwrap()]));
    }

    fn start(
        &self,
        name: &str,
        image: &Image,
        options: &Options,
        command: &[&str],
    ) -> Result<Running, Output> {
        let mut flags = flags(options);
        flags.extend(options.annotations.iter().map(|(name, value)| format!("--label={name}={value}")));
        flags.extend(options.around.then(|| "--runtime=runc".to_owned()));
        let mut arguments = vec!["run", "--detach", "--name", name];
        arguments.extend(flags.iter().map(String::as_str));
        arguments.push(&image.tag);
        arguments.extend(command);
        let output = self.docker(&arguments);
        if !output.status.success() {
            self.docker(&["rm", "--force", name]);
            return Err(output);
        }
        Ok(Running { name: name.to_owned(), id: success(&output), again: None })
    }

    fn wait(&self, container: &Running) -> Output {
        let code = success(&self.docker(&["wait", &container.id])).parse::<i32>().unwrap();
        let mut output = self.docker(&["logs", &container.id]);
        output.status = std::os::unix::process::ExitStatusExt::from_raw(code << 8);
        output
    }

    fn exec(&self, container: &Running, command: &[&str]) -> Output {
        self.docker(&[&["exec", &container.id], command].concat())
    }

    fn exec_as(&self, container: &Running, uid: u32, command: &[&str]) -> Option<Output> {
        Some(self.docker(&[&["exec", "--tty", "--user", &uid.to_string(), &container.id], command].concat()))
    }

    fn healthy(&self, container: &Running) -> Option<bool> {
        let asked = ["inspect", "--format", "{{.State.Health.Status}}", &container.id];
        let state = patiently("health", || {
            let state = success(&self.docker(&asked));
            (state != "starting").then_some(state)
        });
        Some(state == "healthy")
    }

    fn reported(&self, container: &Running) -> u32 {
        success(&self.docker(&["inspect", "--format", "{{.State.Pid}}", &container.id])).parse().unwrap()
    }

    fn restart(&self, container: &mut Running) {
        success(&self.docker(&["restart", "--time=0", &container.id]));
    }

    fn pause(&self, container: &Running, frozen: bool) -> bool {
        success(&self.docker(&[if frozen { "pause" } else { "unpause" }, &container.id]));
        true
    }

    fn address(&self) -> Vec<String> {
        vec!["--docker".to_owned(), self.place.join("docker.sock").display().to_string()]
    }

    fn remove(&self, container: Running) {
        success(&self.docker(&["rm", "--force", &container.id]));
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // The daemon would give each ten seconds.
        let listed = self.docker(&["ps", "--all", "--quiet"]);
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let ids: Vec<&str> = listed.split_whitespace().collect();
        if !ids.is_empty() {
            self.docker(&[&["rm", "--force"], ids.as_slice()].concat());
        }
    }
}
