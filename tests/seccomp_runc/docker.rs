//! Docker's default profile as Docker hands it to a runtime, for a container that asks for nothing.

use crate::docker_json::{Docker, Entry, capabilities};
use serde_json::{Value, json};
use stockade_policy::lattice::action::Action;
use stockade_policy::vocab::Arch;

/// A kernel after 4.8, where Docker begins to allow ptrace.
const KERNEL: (u32, u32) = (6, 18);

/// Its rules on x86_64.
pub(crate) fn docker() -> Docker {
    Docker::new(Arch::X86_64, &capabilities(), KERNEL)
}

/// The `seccomp` object of `config.json` with these `architectures`.
pub(crate) fn oci(docker: &Docker, architectures: &[&str]) -> Value {
    let rules =
        docker.calls().flat_map(|call| docker.entries(call).iter().map(move |entry| rule(call, entry)));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": architectures,
        "syscalls": rules.collect::<Vec<_>>(),
    })
}

fn rule(call: &str, entry: &Entry) -> Value {
    let comparisons: Vec<Value> = entry
        .comparisons
        .iter()
        .map(|one| json!({"index": one.index, "value": one.value, "valueTwo": one.value_two, "op": one.op}))
        .collect();
    let (action, errno) = match entry.action {
        Action::Errno(errno) => ("SCMP_ACT_ERRNO", Some(errno)),
        Action::Allow => ("SCMP_ACT_ALLOW", None),
        other => panic!("Docker's profile has no {other}"),
    };
    let mut rule = json!({"names": [call], "action": action, "args": comparisons});
    if let Some(errno) = errno {
        rule["errnoRet"] = json!(errno);
    }
    rule
}
