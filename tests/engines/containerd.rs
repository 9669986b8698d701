//! containerd, as Kubernetes drives it: by its CRI socket. Each container stands in a pod of its own.

use crate::cri::{self, Client};
use crate::daemon::Daemon;
use crate::engine::{Engine, Options, Running, Runtime, success};
use crate::image::Image;
use crate::patience::patiently;
use crate::place::Place;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::rc::Rc;

/// The name of the image that pods are held with.
const PAUSE: &str = "pause";

/// Seconds that a command may take inside; only a hang takes as long.
const EXEC: i64 = 60;

/// A containerd. The daemon ends before its place goes.
pub(crate) struct Containerd {
    cri: Client,
    _daemon: Daemon,
    place: Rc<Place>,
}

impl Containerd {
    pub(crate) fn start(runtime: &Runtime) -> Self {
        let place = Rc::new(Place::new());
        let script = runtime.script(&place.join("runtime"));
        let handler = handler(&place, "stockade", &script);
        Containerd::configure(&place, &format!("default_runtime_name = \"stockade\"\n{handler}"));
        Containerd::on(&place)
    }

    /// Writes the file of a containerd that keeps everything in `place`; `more` begins in the section of the runtimes.
    pub(crate) fn configure(place: &Place, more: &str) -> PathBuf {
        let file = place.join("config.toml");
        fs::write(&file, config(place, more)).unwrap();
        file
    }

    /// Starts the containerd of a place that has its file.
    pub(crate) fn on(place: &Rc<Place>) -> Self {
        if !place.join("cni").exists() {
            network(&place.join("cni"));
        }
        let arguments = ["--config".to_owned(), place.join("config.toml").display().to_string()];
        let (log, socket) = (place.join("log"), place.join("socket"));
        let daemon = Daemon::start("containerd", &arguments, &[], &log, &socket);
        let containerd = Containerd { cri: Client::new(&socket), _daemon: daemon, place: Rc::clone(place) };
        // No pause program without a registry: anything that sleeps holds a pod.
        containerd.load(&Image::new(PAUSE, &json!({"Cmd": ["/sleep", "86400"]}), |root| {
            fs::copy("/bin/busybox", root.join("sleep")).unwrap();
        }));
        containerd
    }

    /// containerd's own client, in the CRI's namespace.
    pub(crate) fn ctr(&self, arguments: &[&str]) -> Output {
        Command::new("ctr").envs(self.found_by()).args(arguments).output().unwrap()
    }

    /// The variables by which its client finds it, with the CRI's containers.
    pub(crate) fn found_by(&self) -> [(&'static str, String); 2] {
        let socket = self.place.join("socket").display().to_string();
        [("CONTAINERD_ADDRESS", socket), ("CONTAINERD_NAMESPACE", "k8s.io".to_owned())]
    }

    /// Where its containers' cgroups are.
    pub(crate) fn cgroup(&self) -> String {
        self.place.cgroup()
    }

    fn call<Answer: prost::Message + Default>(
        &self,
        method: &str,
        request: &impl prost::Message,
    ) -> Result<Answer, Output> {
        self.cri.call(method, request).map_err(|message| ended(1, Vec::new(), message.into_bytes()))
    }

    /// Creates a container in a pod that runs, and starts it.
    fn create(&self, request: &cri::CreateContainer) -> Result<String, Output> {
        let created: cri::ContainerId = self.call("CreateContainer", request)?;
        self.call::<cri::Nothing>("StartContainer", &created)?;
        Ok(created.id)
    }

    fn drop_sandbox(&self, id: &str) {
        let id = cri::SandboxId { id: id.to_owned() };
        // Whatever of it was there.
        drop(self.call::<cri::Nothing>("StopPodSandbox", &id));
        drop(self.call::<cri::Nothing>("RemovePodSandbox", &id));
    }

    fn status(&self, id: &str) -> cri::ContainerStatusAnswer {
        self.call("ContainerStatus", &cri::ContainerStatus { id: id.to_owned(), verbose: true }).unwrap()
    }

    /// What a container wrote: lines of `TIME STREAM F|P TEXT`.
    fn written(&self, log: &str) -> (Vec<u8>, Vec<u8>) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        for line in fs::read_to_string(self.place.join("logs").join(log)).unwrap_or_default().lines() {
            let mut parts = line.splitn(4, ' ').skip(1);
            let to = if parts.next() == Some("stderr") { &mut stderr } else { &mut stdout };
            let whole = parts.next() == Some("F");
            to.extend(parts.next().unwrap_or_default().bytes());
            to.extend(whole.then_some(b'\n'));
        }
        (stdout, stderr)
    }
}

/// The network of pods: a namespace with its loopback. The CRI plugin asks for an `eth0` with an address, so it is
/// told of one.
fn network(at: &Path) {
    fs::create_dir(at).unwrap();
    let conf = json!({"cniVersion": "0.4.0", "name": "none", "plugins": [{"type": "none"}]});
    fs::write(at.join("none.conflist"), conf.to_string()).unwrap();
    let result = json!({
        "cniVersion": "0.4.0",
        "interfaces": [{"name": "eth0", "sandbox": "/proc/self/ns/net"}],
        "ips": [{"version": "4", "address": "192.0.2.1/32", "interface": 0}],
    });
    let plugin = at.join("none");
    fs::write(&plugin, format!("#!/bin/sh\n[ $CNI_COMMAND != ADD ] || echo '{result}'\n")).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/usr/lib/cni/loopback", at.join("loopback")).unwrap();
}

/// A runtime of pods, with its state in the place, and with as many annotations of users as could be mistaken for the
/// engine's own.
fn handler(place: &Place, name: &str, binary: &Path) -> String {
    let path = place.path().display();
    format!(
        r#"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}]
runtime_type = "io.containerd.runc.v2"
pod_annotations = ["io.stockade.*", "io.kubernetes.cri.*"]
container_annotations = ["io.stockade.*", "io.kubernetes.cri.*"]
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.{name}.options]
BinaryName = "{}"
Root = "{path}/runtime-state"
"#,
        binary.display()
    )
}

/// The configuration: of Kubernetes, but for where everything lies.
fn config(place: &Place, more: &str) -> String {
    let path = place.path().display();
    format!(
        r#"version = 2
root = "{path}/root"
state = "{path}/state"
[grpc]
address = "{path}/socket"
[plugins."io.containerd.internal.v1.opt"]
path = "{path}/opt"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/{PAUSE}:1"
# Lowering it takes CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
disable_apparmor = true
tolerate_missing_hugetlb_controller = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{path}/cni"
conf_dir = "{path}/cni"
[plugins."io.containerd.grpc.v1.cri".containerd]
{more}{}"#,
        handler(place, "runc", Path::new("/usr/sbin/runc"))
    )
}

/// The request for a container with these options, all but its sandbox.
fn container(name: &str, image: &Image, options: &Options, command: &[&str]) -> cri::Container {
    let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let masked = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"];
    let read_only = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
    let id = |id: u32| cri::Int64Value { value: id.into() };
    cri::Container {
        metadata: Some(cri::ContainerName { name: name.to_owned(), attempt: 0 }),
        image: Some(cri::ImageName { image: image.tag.clone() }),
        command: owned(command),
        environment: options
            .environment
            .iter()
            .map(|(key, value)| cri::Pair { key: (*key).to_owned(), value: (*value).to_owned() })
            .collect(),
        mounts: options
            .mounts
            .iter()
            .map(|(source, inside, readonly)| cri::Mount {
                container_path: (*inside).to_owned(),
                host_path: source.display().to_string(),
                readonly: *readonly,
            })
            .collect(),
        labels: HashMap::new(),
        annotations: annotations(options),
        log_path: format!("{name}.log"),
        tty: options.tty,
        linux: Some(cri::LinuxContainer {
            security: Some(cri::Security {
                capabilities: Some(cri::Capabilities { add: owned(options.add_capabilities) }),
                privileged: options.privileged,
                run_as_user: options.user.map(|(uid, _)| id(uid)),
                run_as_group: options.user.map(|(_, gid)| id(gid)),
                readonly_rootfs: options.read_only,
                // As kubelet asks for all but privileged containers.
                masked_paths: if options.privileged { Vec::new() } else { owned(&masked) },
                readonly_paths: if options.privileged { Vec::new() } else { owned(&read_only) },
                seccomp: Some(cri::SecurityProfile { profile_type: options.seccomp_unconfined.into() }),
            }),
        }),
    }
}

fn annotations(options: &Options) -> HashMap<String, String> {
    let both = options.annotations.iter().chain(options.labels);
    both.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn ended(code: i32, stdout: Vec<u8>, stderr: Vec<u8>) -> Output {
    Output { status: ExitStatus::from_raw(code << 8), stdout, stderr }
}

impl Engine for Containerd {
    fn name(&self) -> &'static str {
        "containerd"
    }

    fn directory(&self) -> &Path {
        self.place.path()
    }

    fn load(&self, image: &Image) {
        success(&self.ctr(&["images", "import", image.archive().to_str().unwrap()]));
    }

    fn start(
        &self,
        name: &str,
        image: &Image,
        options: &Options,
        command: &[&str],
    ) -> Result<Running, Output> {
        let sandbox = cri::Sandbox {
            metadata: Some(cri::SandboxName {
                name: name.to_owned(),
                uid: name.to_owned(),
                namespace: options.namespace.unwrap_or("default").to_owned(),
            }),
            log_directory: self.place.join("logs").display().to_string(),
            annotations: annotations(options),
            linux: Some(cri::LinuxSandbox {
                cgroup_parent: self.place.cgroup(),
                // A privileged container needs a privileged pod.
                security: Some(cri::SandboxSecurity { privileged: options.privileged }),
            }),
        };
        let handler = if options.around { "runc" } else { "" };
        let request =
            cri::RunPodSandbox { config: Some(sandbox.clone()), runtime_handler: handler.to_owned() };
        let pod: cri::SandboxId = self.call("RunPodSandbox", &request)?;
        let request = cri::CreateContainer {
            sandbox: pod.id.clone(),
            config: Some(container(name, image, options, command)),
            sandbox_config: Some(sandbox),
        };
        match self.create(&request) {
            Ok(id) => Ok(Running { name: name.to_owned(), id, again: Some(request) }),
            Err(output) => {
                self.drop_sandbox(&pod.id);
                Err(output)
            }
        }
    }

    fn wait(&self, container: &Running) -> Output {
        let code = patiently("end", || {
            let state = self.status(&container.id).status.unwrap();
            (state.state == 2).then_some(state.exit_code)
        });
        let (stdout, stderr) = self.written(&format!("{}.log", container.name));
        ended(code, stdout, stderr)
    }

    fn exec(&self, container: &Running, command: &[&str]) -> Output {
        let request = cri::ExecSync {
            id: container.id.clone(),
            command: command.iter().map(|one| (*one).to_owned()).collect(),
            timeout: EXEC,
        };
        match self.call::<cri::ExecSyncAnswer>("ExecSync", &request) {
            Ok(answer) => ended(answer.exit_code, answer.stdout, answer.stderr),
            Err(output) => output,
        }
    }

    fn exec_as(&self, _: &Running, _: u32, _: &[&str]) -> Option<Output> {
        // The CRI knows neither a user for it, nor a terminal without a streaming connection.
        None
    }

    fn healthy(&self, _: &Running) -> Option<bool> {
        None
    }

    fn reported(&self, container: &Running) -> u32 {
        let info: Value = serde_json::from_str(&self.status(&container.id).info["info"]).unwrap();
        u32::try_from(info["pid"].as_u64().unwrap()).unwrap()
    }

    fn restart(&self, container: &mut Running) {
        let old = cri::ContainerId { id: container.id.clone() };
        // A stop without a grace period.
        self.call::<cri::Nothing>("StopContainer", &old).unwrap();
        let again = container.again.as_mut().unwrap();
        again.config.as_mut().and_then(|config| config.metadata.as_mut()).unwrap().attempt += 1;
        container.id = self.create(again).unwrap();
    }

    fn pause(&self, container: &Running, frozen: bool) -> bool {
        success(&self.ctr(&["tasks", if frozen { "pause" } else { "resume" }, &container.id]));
        true
    }

    fn address(&self) -> Vec<String> {
        vec!["--containerd".to_owned(), self.place.join("state").display().to_string()]
    }

    fn remove(&self, container: Running) {
        self.drop_sandbox(&container.again.unwrap().sandbox);
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // Its shims would outlive it.
        if let Ok(pods) = self.call::<cri::Sandboxes>("ListPodSandbox", &cri::Nothing {}) {
            for pod in pods.items {
                self.drop_sandbox(&pod.id);
            }
        }
    }
}
