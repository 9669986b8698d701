//! Docker: a dockerd of its own, which starts a containerd of its own.

use crate::command_line::CommandLine;
use crate::daemon::Daemon;
use crate::engine::{Options, Running, Runtime, success};
use crate::patience::patiently;
use crate::place::Place;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;

/// A dockerd. The daemon ends before its place goes.
pub(crate) struct Docker {
    _daemon: Daemon,
    place: Rc<Place>,
}

impl Docker {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let place = Rc::new(Place::new());
        let script = runtime.script(&place.join("runtime"));
        let runtimes = json!({"stockade": {"path": script}});
        Docker::configure(&place, &json!({"runtimes": runtimes, "default-runtime": "stockade"}));
        Docker::on(&place, &[])
    }

    /// Writes the file of a dockerd that keeps everything in `place`, with `more` in it.
    pub(crate) fn configure(place: &Place, more: &Value) -> PathBuf {
        let path = |name: &str| place.join(name).display().to_string();
        let mut config = json!({
            "data-root": path("data"),
            "exec-root": path("exec"),
            "pidfile": path("pid"),
            "hosts": [format!("unix://{}", path("docker.sock"))],
            "cgroup-parent": place.cgroup(),
            // Nothing of the host's network is touched.
            "bridge": "none",
            "iptables": false,
            "ip6tables": false,
            "ip-forward": false,
            "ip-masq": false,
        });
        let more = more.as_object().cloned().unwrap_or_default();
        config.as_object_mut().unwrap().extend(more);
        let file = place.join("daemon.json");
        fs::write(&file, serde_json::to_string_pretty(&config).unwrap()).unwrap();
        file
    }

    /// Starts the dockerd of a place that has its file, with these variables in its environment.
    pub(crate) fn on(place: &Rc<Place>, environment: &[(&str, &str)]) -> Self {
        let arguments = ["--config-file".to_owned(), place.join("daemon.json").display().to_string()];
        let (log, socket) = (place.join("log"), place.join("docker.sock"));
        let daemon = Daemon::start("dockerd", &arguments, environment, &log, &socket);
        let docker = Docker { _daemon: daemon, place: Rc::clone(place) };
        patiently("answer of dockerd", || docker.by(&["version"]).status.success().then_some(()));
        docker
    }

    /// The variables by which any client finds it.
    pub(crate) fn found_by(&self) -> [(&'static str, String); 2] {
        let path = |name: &str| self.place.join(name).display().to_string();
        [("DOCKER_HOST", format!("unix://{}", path("docker.sock"))), ("DOCKER_CONFIG", path("client"))]
    }

    /// A build of the Dockerfile in `context`, by BuildKit.
    pub(crate) fn build(&self, context: &Path) -> Command {
        let mut command = self.client(false);
        command.args(["build", "--network=none"]).arg(context).env("DOCKER_BUILDKIT", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl CommandLine for Docker {
    const NAME: &'static str = "docker";
    const REMOVE: &'static [&'static str] = &["rm", "--force"];

    fn place(&self) -> &Place {
        &self.place
    }

    fn client(&self, _: bool) -> Command {
        // Debian's, of the daemon's version, where another stands before it in the path.
        let mut command = Command::new("/usr/bin/docker");
        command.envs(self.found_by());
        command
    }

    fn own_flags(&self, options: &Options) -> Vec<String> {
        let labels = options.annotations.iter().map(|(name, value)| format!("--label={name}={value}"));
        labels.chain(options.around.then(|| "--runtime=runc".to_owned())).collect()
    }

    fn health(&self, container: &Running) -> Option<bool> {
        let asked = ["inspect", "--format", "{{.State.Health.Status}}", &container.id];
        let state = patiently("health", || {
            let state = success(&self.by(&asked));
            (state != "starting").then_some(state)
        });
        Some(state == "healthy")
    }

    fn options_of_verify(&self) -> Vec<String> {
        vec!["--docker".to_owned(), self.place.join("docker.sock").display().to_string()]
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        // The daemon would give each ten seconds.
        self.clear();
    }
}
