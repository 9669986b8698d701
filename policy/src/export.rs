//! Policies and plans in the forms that other programs read.

mod compose;
mod docker;
mod engine;
mod kubernetes;
mod remark;
mod rules;
mod seccomp_json;
mod systemd;
pub(crate) mod yaml;

pub use seccomp_json::{Dialect, ExportError, Exported, seccomp_json};

use crate::compile::needs_filter;
use crate::lattice::action::Action;
use crate::lattice::files::Rights;
use crate::plan::{Instruction, Plan};
use crate::policy::Policy;
use crate::seccomp::bpf;
pub(crate) use docker::ENGINE_UMASK;
use engine::Granted;
use remark::Remarks;

/// The filter as an array of `struct sock_filter` of a little-endian machine, as `bwrap --seccomp` and crun's
/// `run.oci.seccomp_bpf_data` take it. A plan without a filter gives the one that allows every call.
pub fn seccomp_bpf(plan: &Plan) -> Vec<u8> {
    let allow_all = [Instruction(bpf::RETURN, 0, 0, bpf::return_value(Action::Allow))];
    bpf::bytes(plan.seccomp.as_ref().map_or(&allow_all, |seccomp| &seccomp.program))
}

/// Who starts the container, and in which form it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Options of `docker run`, one a line.
    DockerArgs,
    /// A service of Docker Compose.
    Compose,
    /// A pod of Kubernetes.
    Kubernetes,
    /// Directives of a service of systemd.
    Systemd,
}

/// The strictest that an engine can be told of a policy. What it cannot be told the same is a comment above, with
/// the section and the lines that ask for it: `LOOSER` where more is allowed than by the policy.
///
/// The container's file tree is the image's: mounts of the plan are taken, its root is not.
pub fn engine(engine: Engine, policy: &Policy, plan: &Plan) -> String {
    let json = seccomp_json(&policy.syscalls, &policy.filter, plan.arch, Dialect::Docker)
        .map_err(|error| error.to_string());
    let filter = json.as_ref().map(|exported| exported.notes.as_slice()).map_err(String::as_str);
    let read = Granted::of(policy, plan, Rights::READ);
    let execute = Granted::of(policy, plan, Rights::EXECUTE);
    let filtered = needs_filter(policy, plan.arch);
    let asked = engine::asked(policy, plan, read.as_ref(), execute.as_ref(), filtered);
    let mut remarks = Remarks::default();
    let body = match engine {
        Engine::DockerArgs => {
            docker::lines(&remarks.settings(&asked, &mut |_, asked| docker::say(asked, policy, filter)))
        }
        Engine::Compose => {
            let settings = remarks.settings(&asked, &mut |_, asked| docker::say(asked, policy, filter));
            yaml::text(&compose::service(&policy.name, &settings))
        }
        Engine::Kubernetes => {
            let mut say = |index, asked: &_| kubernetes::say(index, asked, policy, filter);
            let fields = remarks.settings(&asked, &mut say);
            yaml::text(&kubernetes::manifest(&policy.name, fields))
        }
        Engine::Systemd => {
            systemd::unit(&remarks.settings(&asked, &mut |_, asked| systemd::say(asked, policy, plan)))
        }
    };
    let mut head = vec![format!("{} for {}", policy.name, engine.title())];
    let file = file_name(&policy.name);
    head.extend(engine.how().iter().map(|line| line.replace("SECCOMP", &file)));
    if filtered && engine != Engine::Systemd {
        head.push(format!("{file} is made by `stockade compile PROFILE --emit docker-seccomp`"));
    }
    let lacks = remarks.lines();
    if !lacks.is_empty() {
        head.push(String::new());
        head.extend(lacks);
    }
    format!("{}{body}", remark::comments(&head))
}

impl Engine {
    fn title(self) -> &'static str {
        match self {
            Engine::DockerArgs => "docker run",
            Engine::Compose => "Docker Compose",
            Engine::Kubernetes => "Kubernetes",
            Engine::Systemd => "systemd",
        }
    }

    /// How it is used.
    fn how(self) -> &'static [&'static str] {
        match self {
            Engine::DockerArgs => {
                &["sed '/^#/d' THIS_FILE | xargs sh -c 'exec docker run \"$@\" IMAGE COMMAND' docker"]
            }
            Engine::Compose => &["put IMAGE's name in, or merge it into a service that has one"],
            Engine::Kubernetes => {
                &["put IMAGE's name in; SECCOMP goes to /var/lib/kubelet/seccomp/stockade/ on every node"]
            }
            Engine::Systemd => &["a drop-in: /etc/systemd/system/NAME.service.d/stockade.conf"],
        }
    }
}

/// The name of the file that a policy's seccomp JSON goes to.
pub(crate) fn file_name(policy: &str) -> String {
    let usual = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = policy.chars().map(usual).take(64).collect();
    let name = name.trim_start_matches(['-', '.']);
    let name = if name.is_empty() { "profile" } else { name };
    format!("{name}.seccomp.json")
}
