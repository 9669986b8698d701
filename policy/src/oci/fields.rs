//! Every field of a bundle, and what becomes of it. OCI runtime specification 1.2, config.md and config-linux.md.

use super::{Document, Refusal};
use serde_json::Value;
use std::fmt;

/// What becomes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// It takes part in the meet.
    Met,
    /// It goes to the inner runtime as it is, for it takes nothing away from what the policy says.
    Kept,
    /// No policy can say how much of it is allowed.
    Refused(&'static str),
}

use Treatment::{Kept, Met, Refused};

const OTHER_SYSTEM: Treatment = Refused("belongs to another operating system");
const NO_WORD: Treatment = Refused("a policy has no word for it");

/// `[]` is any entry of a list, `*` any key of a mapping.
const FIELDS: &[(&str, Treatment)] = &[
    ("ociVersion", Kept),
    ("hostname", Kept),
    ("domainname", Kept),
    ("annotations.*", Met),
    ("root.path", Kept),
    ("root.readonly", Met),
    ("mounts[].destination", Met),
    ("mounts[].type", Met),
    ("mounts[].source", Met),
    ("mounts[].options[]", Met),
    (
        "mounts[].uidMappings",
        Refused("a mapped mount lets the container be another user on the host's files"),
    ),
    (
        "mounts[].gidMappings",
        Refused("a mapped mount lets the container be another user on the host's files"),
    ),
    ("process.terminal", Kept),
    ("process.consoleSize.height", Kept),
    ("process.consoleSize.width", Kept),
    ("process.user.uid", Met),
    ("process.user.gid", Met),
    ("process.user.umask", Met),
    ("process.user.additionalGids[]", Met),
    ("process.user.username", OTHER_SYSTEM),
    ("process.args[]", Met),
    ("process.commandLine", OTHER_SYSTEM),
    ("process.env[]", Met),
    ("process.cwd", Kept),
    ("process.capabilities.bounding[]", Met),
    ("process.capabilities.effective[]", Met),
    ("process.capabilities.inheritable[]", Met),
    ("process.capabilities.permitted[]", Met),
    ("process.capabilities.ambient[]", Met),
    ("process.rlimits[].type", Met),
    ("process.rlimits[].hard", Met),
    ("process.rlimits[].soft", Met),
    ("process.noNewPrivileges", Met),
    ("process.apparmorProfile", Met),
    ("process.selinuxLabel", Met),
    ("process.oomScoreAdj", Met),
    ("process.scheduler", Refused("a scheduling class can take the processors from everyone else")),
    ("process.ioPriority", Refused("an I/O class can take the disks from everyone else")),
    ("process.execCPUAffinity", NO_WORD),
    ("hooks.prestart[].path", Met),
    ("hooks.prestart[].args[]", Met),
    ("hooks.prestart[].env[]", Met),
    ("hooks.prestart[].timeout", Met),
    ("hooks.createRuntime[].path", Met),
    ("hooks.createRuntime[].args[]", Met),
    ("hooks.createRuntime[].env[]", Met),
    ("hooks.createRuntime[].timeout", Met),
    ("hooks.createContainer[].path", Met),
    ("hooks.createContainer[].args[]", Met),
    ("hooks.createContainer[].env[]", Met),
    ("hooks.createContainer[].timeout", Met),
    ("hooks.startContainer[].path", Met),
    ("hooks.startContainer[].args[]", Met),
    ("hooks.startContainer[].env[]", Met),
    ("hooks.startContainer[].timeout", Met),
    ("hooks.poststart[].path", Met),
    ("hooks.poststart[].args[]", Met),
    ("hooks.poststart[].env[]", Met),
    ("hooks.poststart[].timeout", Met),
    ("hooks.poststop[].path", Met),
    ("hooks.poststop[].args[]", Met),
    ("hooks.poststop[].env[]", Met),
    ("hooks.poststop[].timeout", Met),
    ("linux.uidMappings[].containerID", Met),
    ("linux.uidMappings[].hostID", Met),
    ("linux.uidMappings[].size", Met),
    ("linux.gidMappings[].containerID", Met),
    ("linux.gidMappings[].hostID", Met),
    ("linux.gidMappings[].size", Met),
    ("linux.sysctl.*", Met),
    ("linux.cgroupsPath", Met),
    ("linux.namespaces[].type", Met),
    ("linux.namespaces[].path", Met),
    ("linux.devices[].type", Met),
    ("linux.devices[].path", Met),
    ("linux.devices[].major", Met),
    ("linux.devices[].minor", Met),
    ("linux.devices[].fileMode", Kept),
    ("linux.devices[].uid", Kept),
    ("linux.devices[].gid", Kept),
    ("linux.seccomp.defaultAction", Met),
    ("linux.seccomp.defaultErrnoRet", Met),
    ("linux.seccomp.architectures[]", Met),
    ("linux.seccomp.flags[]", Met),
    ("linux.seccomp.syscalls[].names[]", Met),
    ("linux.seccomp.syscalls[].action", Met),
    ("linux.seccomp.syscalls[].errnoRet", Met),
    ("linux.seccomp.syscalls[].args[].index", Met),
    ("linux.seccomp.syscalls[].args[].value", Met),
    ("linux.seccomp.syscalls[].args[].valueTwo", Met),
    ("linux.seccomp.syscalls[].args[].op", Met),
    ("linux.seccomp.listenerPath", Refused("a supervisor of system calls can allow what the policy denies")),
    (
        "linux.seccomp.listenerMetadata",
        Refused("a supervisor of system calls can allow what the policy denies"),
    ),
    ("linux.rootfsPropagation", Met),
    ("linux.maskedPaths[]", Met),
    ("linux.readonlyPaths[]", Met),
    ("linux.mountLabel", Kept),
    ("linux.intelRdt", NO_WORD),
    ("linux.memoryPolicy", NO_WORD),
    ("linux.netDevices", Refused("it moves a network device of the host into the container")),
    ("linux.personality", Refused("it can switch off what protects memory")),
    ("linux.timeOffsets.*", Kept),
    ("linux.resources.devices[].allow", Met),
    ("linux.resources.devices[].type", Met),
    ("linux.resources.devices[].major", Met),
    ("linux.resources.devices[].minor", Met),
    ("linux.resources.devices[].access", Met),
    ("linux.resources.memory.limit", Met),
    ("linux.resources.memory.swap", Met),
    ("linux.resources.memory.disableOOMKiller", Met),
    ("linux.resources.memory.reservation", Kept),
    ("linux.resources.memory.kernel", Kept),
    ("linux.resources.memory.kernelTCP", Kept),
    ("linux.resources.memory.swappiness", Kept),
    ("linux.resources.memory.useHierarchy", Kept),
    ("linux.resources.memory.checkBeforeUpdate", Kept),
    ("linux.resources.cpu.quota", Met),
    ("linux.resources.cpu.period", Met),
    ("linux.resources.cpu.shares", Kept),
    ("linux.resources.cpu.burst", Met),
    ("linux.resources.cpu.idle", Kept),
    ("linux.resources.cpu.cpus", Kept),
    ("linux.resources.cpu.mems", Kept),
    ("linux.resources.cpu.realtimeRuntime", Met),
    ("linux.resources.cpu.realtimePeriod", Met),
    ("linux.resources.pids.limit", Met),
    ("linux.resources.blockIO.weight", Kept),
    ("linux.resources.blockIO.leafWeight", Kept),
    ("linux.resources.blockIO.weightDevice[].major", Kept),
    ("linux.resources.blockIO.weightDevice[].minor", Kept),
    ("linux.resources.blockIO.weightDevice[].weight", Kept),
    ("linux.resources.blockIO.weightDevice[].leafWeight", Kept),
    ("linux.resources.blockIO.throttleReadBpsDevice[].major", Met),
    ("linux.resources.blockIO.throttleReadBpsDevice[].minor", Met),
    ("linux.resources.blockIO.throttleReadBpsDevice[].rate", Met),
    ("linux.resources.blockIO.throttleWriteBpsDevice[].major", Met),
    ("linux.resources.blockIO.throttleWriteBpsDevice[].minor", Met),
    ("linux.resources.blockIO.throttleWriteBpsDevice[].rate", Met),
    ("linux.resources.blockIO.throttleReadIOPSDevice[].major", Met),
    ("linux.resources.blockIO.throttleReadIOPSDevice[].minor", Met),
    ("linux.resources.blockIO.throttleReadIOPSDevice[].rate", Met),
    ("linux.resources.blockIO.throttleWriteIOPSDevice[].major", Met),
    ("linux.resources.blockIO.throttleWriteIOPSDevice[].minor", Met),
    ("linux.resources.blockIO.throttleWriteIOPSDevice[].rate", Met),
    ("linux.resources.hugepageLimits[].pageSize", Kept),
    ("linux.resources.hugepageLimits[].limit", Kept),
    ("linux.resources.network.classID", Kept),
    ("linux.resources.network.priorities[].name", Kept),
    ("linux.resources.network.priorities[].priority", Kept),
    ("linux.resources.rdma.*", Kept),
    ("linux.resources.unified.*", Met),
    ("solaris", OTHER_SYSTEM),
    ("windows", OTHER_SYSTEM),
    ("zos", OTHER_SYSTEM),
    ("freebsd", OTHER_SYSTEM),
    ("vm", Refused("it is started in a machine of its own")),
];

/// The fields that may not be there, or that nobody knows, and lists and mappings that are none. Those of the
/// filter are [`super::seccomp::check`]'s.
pub(super) fn check(document: &Document) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    walk(document.tree(), FIELDS, Place::At(""), &mut refusals);
    refusals
}

/// The same for a part of a bundle that is given alone: the process of an `exec`, the resources of an `update`.
pub(super) fn check_part(part: &Value, place: &str) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    walk(part, &behind(FIELDS, ["", place]), Place::At(place), &mut refusals);
    refusals
}

/// Fields as they go on behind a place.
type Fields = [(&'static str, Treatment)];

/// A place in a bundle, as messages call it: written only where there is one.
#[derive(Clone, Copy)]
enum Place<'a> {
    At(&'a str),
    Key(&'a Place<'a>, &'a str),
    Entry(&'a Place<'a>, usize),
}

impl Place<'_> {
    /// What stands between it and a key.
    fn dot(&self) -> &'static str {
        if matches!(self, Place::At("")) { "" } else { "." }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::At(place) => f.write_str(place),
            Place::Key(above, key) => write!(f, "{above}{}{key}", above.dot()),
            Place::Entry(above, index) => write!(f, "{above}[{index}]"),
        }
    }
}

/// How the fields go on that begin with a `step`: nothing and a place, `.` and a key, or `[]` and nothing.
fn behind(fields: &Fields, [first, second]: [&str; 2]) -> Vec<(&'static str, Treatment)> {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with('.') || rest.starts_with("[]");
    fields
        .iter()
        .filter_map(|(field, treatment)| Some((field.strip_prefix(first)?.strip_prefix(second)?, *treatment)))
        .filter(|(rest, _)| ends(rest))
        .collect()
}

/// `fields` go on from `place`, as messages call it.
fn walk(value: &Value, fields: &Fields, place: Place<'_>, refusals: &mut Vec<Refusal>) {
    let leaf = fields.iter().find(|(rest, _)| rest.is_empty()).map(|(_, treatment)| *treatment);
    if let Some(Refused(why)) = leaf {
        if !is_empty(value) {
            refusals.push(Refusal::plain(place.to_string(), why));
        }
        return;
    }
    let list = fields.iter().any(|(rest, _)| rest.starts_with("[]"));
    let mapping = place.dot().is_empty() || fields.iter().any(|(rest, _)| rest.starts_with('.'));
    match value {
        Value::Object(map) if !list && mapping => {
            // What is behind such a key is looked at where it is met.
            if fields.iter().any(|(rest, _)| *rest == ".*") {
                return;
            }
            for (key, value) in map {
                let here = Place::Key(&place, key);
                // No field has a part of this kind: the table would be read on at another place.
                let one = !key.is_empty() && !key.contains(['.', '[', '*']);
                let below = if one { behind(fields, [place.dot(), key]) } else { Vec::new() };
                if below.is_empty() {
                    refusals.push(Refusal::plain(here.to_string(), "no field of this name is known"));
                } else {
                    walk(value, &below, here, refusals);
                }
            }
        }
        Value::Array(entries) if list => {
            let below = behind(fields, ["[]", ""]);
            // Hundreds of names in a filter.
            let plain = matches!(below.as_slice(), [("", Met | Kept)]);
            for (index, value) in entries.iter().enumerate() {
                if !plain || value.is_object() || value.is_array() {
                    walk(value, &below, Place::Entry(&place, index), refusals);
                }
            }
        }
        Value::Object(_) | Value::Array(_) => {
            refusals.push(Refusal::plain(place.to_string(), "this is no place for a list or a mapping"));
        }
        _ if leaf.is_none() => {
            refusals.push(Refusal::plain(
                place.to_string(),
                if list { "a list is expected" } else { "a mapping is expected" },
            ));
        }
        _ => {}
    }
}

/// What Go writes for a field that nobody set.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(value) => value.as_u64() == Some(0),
        Value::String(value) => value.is_empty(),
        Value::Array(value) => value.is_empty(),
        Value::Object(value) => value.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Vec<String> {
        check(&Document::parse(text.as_bytes()).unwrap()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_has_no_field_twice() {
        for (index, (field, _)) in FIELDS.iter().enumerate() {
            assert!(FIELDS.iter().skip(index + 1).all(|(other, _)| other != field), "{field}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_is_refused_by_its_place() {
        assert_eq!(
            refused(r#"{"ociVersion": "1.0.2", "linux": {"seccomp": {"syscalls": [{"names": ["x"]}]}}}"#),
            [""; 0]
        );
        let cases = [
            (r#"{"Process": {}}"#, "Process: no field of this name is known"),
            (
                r#"{"process": {"user": {"uid": 0, "Uid": 1}}}"#,
                "process.user.Uid: no field of this name is known",
            ),
            (r#"{"mounts": [{}, {"x": 1}]}"#, "mounts[1].x: no field of this name is known"),
            (r#"{"mounts": {}}"#, "mounts: this is no place for a list or a mapping"),
            (r#"{"mounts": "x"}"#, "mounts: a list is expected"),
            (r#"{"process": []}"#, "process: this is no place for a list or a mapping"),
            (r#"{"process": {"cwd": {}}}"#, "process.cwd: this is no place for a list or a mapping"),
            (
                r#"{"linux": {"netDevices": {"eth0": {}}}}"#,
                "linux.netDevices: it moves a network device of the host into the container",
            ),
            (r#"{"vm": {"kernel": {}}}"#, "vm: it is started in a machine of its own"),
            // No key is read as the way to another place of the table.
            (r#"{"process.user": {"uid": 0}}"#, "process.user: no field of this name is known"),
            (r#"{"mounts[]": {"type": "x"}}"#, "mounts[]: no field of this name is known"),
            (r#"{"process": {"": 1}}"#, "process.: no field of this name is known"),
            (
                r#"{"process": {"args": ["a", {"b": 1}]}}"#,
                "process.args[1]: this is no place for a list or a mapping",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(refused(text), [expected], "{text}");
        }
        // What Go's tools write for nothing.
        assert_eq!(
            refused(r#"{"linux": {"intelRdt": {}, "personality": null}, "process": {"commandLine": ""}}"#),
            [""; 0]
        );
    }
}
