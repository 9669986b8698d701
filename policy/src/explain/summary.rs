//! All that a policy says, a line a section.

use super::path::right_names;
use super::syscall::{action_text, interfaces, verdict};
use super::{Answer, Verdict};
use crate::lattice::action::Class;
use crate::lattice::event::lower;
use crate::origin::{Origins, Ruled};
use crate::plan::Plan;
use crate::policy::{Filter, NamespaceMode, Policy, ProcView, Resource};
use crate::vocab::{Arch, CapSet, syscalls};
use std::fmt::Display;

/// Every section that constrains something.
pub(super) fn answers(policy: &Policy, plan: Option<&Plan>) -> Vec<Answer> {
    let mut out = Vec::new();
    out.push(users(policy));
    out.extend(process(policy));
    out.push(capabilities(policy));
    out.extend(interfaces(plan, None).into_iter().map(|arch| calls(policy, arch)));
    out.extend(filter(policy));
    out.extend(files(policy));
    out.extend(namespaces(policy));
    out.extend(limits(policy));
    out
}

fn line(about: impl Display, verdict: Verdict, answer: impl Display, origins: &Origins) -> Answer {
    Answer {
        about: about.to_string(),
        verdict,
        answer: answer.to_string(),
        example: None,
        reason: String::new(),
        origins: origins.clone(),
    }
}

fn users(policy: &Policy) -> Answer {
    let uids = &policy.users.uids;
    let answer = match uids.value.value() {
        Some(uid) => uid.to_string(),
        None if uids.value.is_full() => "any".to_owned(),
        None => {
            let ranges = uids.value.ranges();
            let written =
                ranges.map(
                    |(first, last)| {
                        if first == last { first.to_string() } else { format!("{first} to {last}") }
                    },
                );
            written.collect::<Vec<_>>().join(", ")
        }
    };
    line("user", Verdict::Conditional, answer, &uids.origins)
}

fn process(policy: &Policy) -> Vec<Answer> {
    let process = &policy.process;
    let switches = [
        ("no_new_privileges", &process.no_new_privileges),
        ("write_xor_execute", &process.write_xor_execute),
    ];
    let mut out: Vec<Answer> = switches
        .into_iter()
        .filter(|(_, switch)| switch.value)
        .map(|(name, switch)| line(name, Verdict::Denied, "on", &switch.origins))
        .collect();
    if let Some(environment) = &process.environment {
        let names: Vec<&str> = environment.value.iter().map(String::as_str).collect();
        let answer = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        out.push(line("environment", Verdict::Conditional, answer, &environment.origins));
    }
    out.extend(process.limits.iter().map(|(limit, value)| {
        line(format!("limit {}", lower(limit)), Verdict::Conditional, value.value, &value.origins)
    }));
    out
}

fn capabilities(policy: &Policy) -> Answer {
    let kept = &policy.capabilities;
    let names: Vec<&str> = kept.value.iter().map(crate::vocab::Cap::name).collect();
    let (verdict, answer) = match kept.value {
        CapSet::ALL => (Verdict::Allowed, "all".to_owned()),
        CapSet::EMPTY => (Verdict::Denied, "none".to_owned()),
        _ => (Verdict::Conditional, names.join(", ")),
    };
    line("capabilities", verdict, answer, &kept.origins)
}

/// How many named calls an interface allows, and what meets a number without a name.
fn calls(policy: &Policy, arch: Arch) -> Answer {
    let table = policy.syscalls.table(arch);
    let named = syscalls::table(arch);
    let (mut always, mut never) = (0usize, 0usize);
    for (number, _) in named {
        let classes = || table.diagram(*number).decisions().map(|decision| decision.action.class());
        always += usize::from(classes().all(|class| class == Class::Done));
        never += usize::from(classes().all(|class| class == Class::Denied));
    }
    let sometimes = named.len() - always - never;
    // No call will have the last number of a table.
    let unknown = table.diagram(u32::MAX).decide(&[0; 6]);
    let answer = format!(
        "{always} of {} allowed, {sometimes} by their arguments; unknown ones: {}",
        named.len(),
        action_text(unknown.action)
    );
    let whole = match (always == named.len(), never == named.len()) {
        (true, _) => verdict(unknown.action),
        (_, true) => Verdict::Denied,
        _ => Verdict::Conditional,
    };
    line(format!("syscalls {arch}"), whole, answer, &unknown.origins)
}

fn filter(policy: &Policy) -> impl Iterator<Item = Answer> {
    let Filter { mitigate_speculation, log_denied } = &policy.filter;
    let switches = [("speculation", mitigate_speculation, "mitigated"), ("log_denied", log_denied, "on")];
    switches
        .into_iter()
        .filter(|(_, switch, _)| switch.value)
        .map(|(name, switch, answer)| line(name, Verdict::Conditional, answer, &switch.origins))
}

fn files(policy: &Policy) -> Vec<Answer> {
    let files = &policy.files;
    let mut out: Vec<Answer> = files
        .tree
        .entries()
        .map(|(path, rights)| {
            let verdict = if rights.value.0 == 0 { Verdict::Denied } else { Verdict::Conditional };
            line(path, verdict, right_names(rights.value), &rights.origins)
        })
        .collect();
    let proc = match files.proc.value {
        ProcView::None => "none",
        ProcView::Minimal => "its own processes that it could trace",
        ProcView::Hidden => "without other users' processes, masked",
        ProcView::Full => "all, masked",
    };
    out.push(line("/proc view", Verdict::Conditional, proc, &files.proc.origins));
    if let Some(tmp) = crate::compile::private_tmp(policy) {
        out.push(line("private /tmp", Verdict::Allowed, format!("{} bytes", tmp.value), &tmp.origins));
    }
    for (at, mount) in policy.mounts.iter().flatten() {
        let from = format!("from {}", mount.from.value);
        out.push(line(format!("mount {at}"), Verdict::Conditional, from, &mount.from.origins));
    }
    if let Some(devices) = &policy.devices {
        let names: Vec<String> = devices.value.iter().map(device).collect();
        out.push(line("devices", Verdict::Conditional, names.join(", "), &devices.origins));
    }
    out
}

fn device(device: &crate::policy::Device) -> String {
    match device {
        crate::policy::Device::Node(name) => name.clone(),
        other => lower(other),
    }
}

fn namespaces(policy: &Policy) -> impl Iterator<Item = Answer> {
    policy.namespaces.modes.iter().map(|(kind, mode)| {
        let (verdict, answer) = match mode.value {
            NamespaceMode::Private => (Verdict::Denied, "its own"),
            NamespaceMode::Auto => (Verdict::Conditional, "its own where the host allows it"),
            NamespaceMode::Host => (Verdict::Allowed, "the host's"),
        };
        line(format!("{} namespace", lower(kind)), verdict, answer, &mode.origins)
    })
}

fn limits(policy: &Policy) -> Vec<Answer> {
    let limit = |about: String, limit: &Ruled<u64>, unit: &str| {
        line(about, Verdict::Conditional, format!("{}{unit}", limit.value), &limit.origins)
    };
    let mut out: Vec<Answer> = policy
        .resources
        .iter()
        .map(|(resource, value)| limit(lower(resource), value, unit(*resource)))
        .collect();
    out.extend(policy.disk.size.iter().map(|size| limit("disk size".to_owned(), size, " bytes")));
    out.extend(policy.disk.files.iter().map(|files| limit("disk files".to_owned(), files, "")));
    out.extend(crate::defence::limited(policy).map(|origins| {
        let answer =
            "included: files keep their project, and nobody inside changes quotas or makes subvolumes";
        line("disk defence", Verdict::Denied, answer, &origins)
    }));
    for (direction, traffic) in [("egress", &policy.network.egress), ("ingress", &policy.network.ingress)] {
        for (name, origins) in crate::compile::traffic_limits(traffic) {
            out.push(line(format!("{direction} {name}"), Verdict::Conditional, "limited", origins));
        }
    }
    out
}

fn unit(resource: Resource) -> &'static str {
    match resource {
        Resource::Memory | Resource::Swap => " bytes",
        Resource::CpuMillis => " thousandths of a processor",
        Resource::Processes => "",
        Resource::IoRead | Resource::IoWrite => " bytes a second",
        Resource::IoReadOperations | Resource::IoWriteOperations => " a second",
    }
}
