//! Policies as seccomp JSON: what is exported and imported again decides as before.

use crate::builtin;
use crate::filter::{profile, resolved};
use crate::world::{container, import};
use proptest::prelude::*;
use serde_json::Value;
use stockade_policy::diagnostic::{Diagnostic, render};
use stockade_policy::export::{Dialect, ExportError, Exported, seccomp_json};
use stockade_policy::lattice::Lattice;
use stockade_policy::lattice::action::Action;
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::origin::Ruled;
use stockade_policy::policy::Filter;
use stockade_policy::vocab::{Arch, syscalls};
use stockade_policy::write::WriteError;

const HOSTS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];
const DIALECTS: [Dialect; 2] = [Dialect::Docker, Dialect::Oci];

/// The export, which an import must take for what it was.
fn export(policy: &Syscalls, host: Arch, dialect: Dialect) -> Result<Exported, ExportError> {
    let exported = seccomp_json(policy, &filter(false, false), host, dialect)?;
    match import(&exported.json, &container(host)) {
        Ok(imported) => assert!(imported.calls.as_ref().unwrap().0 == policy.on(host), "{}", exported.json),
        // JSON says in many rules what a condition is too short for; that it means the same the export has read itself.
        Err(faults) => {
            let long = |fault: &Diagnostic| fault.message.contains("more comparisons than a condition has");
            assert!(faults.iter().all(long), "{}", render(&faults, false));
        }
    }
    shape(&exported.json, dialect);
    Ok(exported)
}

fn filter(mitigated: bool, logged: bool) -> Filter {
    Filter { mitigate_speculation: Ruled::unwritten(mitigated), log_denied: Ruled::unwritten(logged) }
}

/// What the filter is put on with comes back, or is refused.
#[test]
fn flags_are_said_where_the_engine_can_hear_them() {
    let rules =
        "  architectures: {replace: [x86_64]}\n  allow: [read]\n  otherwise: enosys\n  unknown: enosys\n";
    let policy = resolved(&format!("stockade: 1\nextends: [unconfined]\nsyscalls:\n{rules}")).unwrap();
    for (mitigated, logged) in [(false, false), (false, true), (true, false), (true, true)] {
        for dialect in DIALECTS {
            let asked = filter(mitigated, logged);
            match seccomp_json(&policy, &asked, Arch::X86_64, dialect) {
                Ok(exported) => {
                    let imported = import(&exported.json, &container(Arch::X86_64)).unwrap();
                    assert_eq!(imported.calls.as_ref().unwrap().1, asked, "{}", exported.json);
                }
                Err(error) => {
                    assert_eq!((dialect, mitigated, logged), (Dialect::Docker, true, false));
                    assert!(error.to_string().contains("--emit oci"), "{error}");
                }
            }
        }
    }
}

/// What the engines' own readers demand: no key that they do not know, one comparison for a register.
fn shape(json: &str, dialect: Dialect) {
    let document: Value = serde_json::from_str(json).unwrap();
    let keys: &[&str] = match dialect {
        Dialect::Docker => &["archMap", "defaultAction", "defaultErrnoRet", "syscalls"],
        Dialect::Oci => &["architectures", "defaultAction", "defaultErrnoRet", "syscalls"],
    };
    assert!(document.as_object().unwrap().keys().all(|key| keys.contains(&key.as_str())), "{json}");
    for rule in document["syscalls"].as_array().unwrap() {
        assert!(rule["action"].as_str().unwrap().starts_with("SCMP_ACT_"));
        assert!(!rule["names"].as_array().unwrap().is_empty());
        let empty = Vec::new();
        let args = rule["args"].as_array().unwrap_or(&empty);
        let mut registers: Vec<u64> = args.iter().map(|one| one["index"].as_u64().unwrap()).collect();
        registers.dedup();
        assert_eq!(registers.len(), args.len(), "{rule}");
    }
}

#[test]
fn every_built_in_profile_is_json() {
    let mut shown = Vec::new();
    for name in builtin::names() {
        let policy = builtin::policy(&name).syscalls;
        for host in HOSTS {
            for dialect in DIALECTS {
                let exported = export(&policy, host, dialect)
                    .unwrap_or_else(|error| panic!("{name} on {host}: {error}"));
                let document: Value = serde_json::from_str(&exported.json).unwrap();
                let rules = document["syscalls"].as_array().unwrap();
                let conditional = rules.iter().filter(|rule| rule.get("args").is_some()).count();
                shown.push(format!(
                    "{name} on {host}, {dialect:?}: {} rules, {conditional} with comparisons",
                    rules.len()
                ));
            }
        }
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_condition_of_32_bits_is_rules_that_exclude_each_other() {
    let text = "stockade: 1\nextends: [unconfined]\nsyscalls:\n  architectures: {replace: [x86_64]}\n  allow:\n    - \
                getpriority(which == 3)\n    - lseek(offset >= 4096)\n    - dup(arg0 != 7)\n    - semget(key == 1 and nsems != 2)\n  \
                otherwise: enosys\n  unknown: enosys\n";
    let policy = resolved(text).unwrap();
    let exported = export(&policy, Arch::X86_64, Dialect::Oci).unwrap();
    let document: Value = serde_json::from_str(&exported.json).unwrap();
    let rules = |call: &str| {
        let rules = document["syscalls"].as_array().unwrap().iter();
        rules.filter(|rule| rule["names"][0] == call).map(|rule| rule["args"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        rules("getpriority"),
        [serde_json::json!([{"index": 0, "value": u32::MAX, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}])]
    );
    assert_eq!(
        rules("dup"),
        [serde_json::json!([{"index": 0, "value": 7, "valueTwo": 0, "op": "SCMP_CMP_NE"}])]
    );
    // A signed comparison: everything from 4096 to the largest positive number.
    assert!(rules("lseek").len() > 10);
    // Each of 32 ways not to be 2.
    assert_eq!(rules("semget").len(), 32);
}

#[test]
fn what_json_cannot_say_is_refused_by_name() {
    let profile = |rest: &str| format!("stockade: 1\nextends: [unconfined]\nsyscalls:\n{rest}");
    let cases = [
        ("a trap with data", profile("  deny: [{call: dup, action: trap(5)}]\n  unknown: allow\n")),
        (
            "a call that others make",
            profile(
                "  architectures: {replace: [x86_64, i386]}\n  allow: [socket, read]\n  otherwise: enosys\n  unknown: enosys\n",
            ),
        ),
        (
            "64 bits for 32",
            profile(
                "  architectures: {replace: [x86_64, i386]}\n  allow:\n    - lseek(offset < 7)\n  otherwise: enosys\n  unknown: enosys\n",
            ),
        ),
        ("without the host", profile("  architectures: {replace: [i386]}\n  unknown: enosys\n")),
        (
            "too many rules",
            profile(
                "  architectures: {replace: [x86_64]}\n  allow:\n    - semget(key not in {1, 0x40000, 77} and nsems not in {2, 50, 0x20000} and semflg != 3)\n  otherwise: enosys\n  unknown: enosys\n",
            ),
        ),
    ];
    let each = cases.map(|(name, text)| {
        let policy = resolved(&text).unwrap_or_else(|| panic!("{text}"));
        match seccomp_json(&policy, &filter(false, false), Arch::X86_64, Dialect::Docker) {
            Ok(exported) => format!("{name}: taken, {} bytes", exported.json.len()),
            Err(error) => format!("{name}: {error}"),
        }
    });
    insta::assert_snapshot!(each.join("\n"));
}

/// Half of the values lie under a mask of two bits, which an order from the top takes into dozens of masks.
#[test]
fn what_lies_under_few_bits_is_said_of_few_bits() {
    let rules = "  architectures: {replace: [x86_64, i386]}\n  deny:\n    - call: umask\n      \
                 when: (arg1 < 2561) or (arg1 & 3 <= 0)\n  otherwise: eperm\n  unknown: eperm\n";
    let policy = resolved(&format!("stockade: 1\nextends: [unconfined]\nsyscalls:\n{rules}")).unwrap();
    export(&policy, Arch::X86_64, Dialect::Docker).unwrap();
}

/// One value is compared as 64 bits, all others as 32: the high half matters to one of them alone.
#[test]
fn what_docker_and_podman_allow_of_sockets_together_is_said_in_few_rules() {
    // containers-common, seccomp.json, without CAP_AUDIT_WRITE.
    let podman = r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": [
        {"names": ["socketcall"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "args": [
            {"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_NE"}]}]}"#;
    let podman = import(podman, &container(Arch::X86_64)).unwrap().calls.unwrap().0;
    let both = builtin::policy("docker-default").syscalls.meet(&podman).unwrap();
    let exported = seccomp_json(&both, &filter(false, false), Arch::X86_64, Dialect::Oci).unwrap();
    let document: Value = serde_json::from_str(&exported.json).unwrap();
    let rules = document["syscalls"].as_array().unwrap().iter().filter(|rule| rule["names"][0] == "socket");
    let count = rules.count();
    assert!((1..120).contains(&count), "{count}: {}", exported.json);
}

#[test]
fn notes_say_what_an_engine_adds() {
    let policy = builtin::policy("restricted").syscalls;
    let exported = export(&policy, Arch::X86_64, Dialect::Docker).unwrap();
    insta::assert_snapshot!(exported.notes.join("\n"));
    let number = syscalls::number(Arch::X86_64, "mount").unwrap();
    assert_ne!(policy.decide(Arch::X86_64, number, &[0; 6]).action, Action::Allow);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_profiles_survive(text in profile()) {
        let Some(policy) = resolved(&text) else { return Ok(()) };
        for host in HOSTS {
            match export(&policy, host, Dialect::Docker) {
                Ok(_) | Err(ExportError::Rules { .. } | ExportError::Data { .. }) => {}
                // `unknown` of what JSON has no words for is refused too.
                Err(ExportError::Write(WriteError::Unnamed { .. })) => prop_assert!(false, "{text}"),
                // Wide masks on 32 bits, and socketcall and ipc, which answer for others.
                Err(ExportError::Differs { .. }) if text.contains("i386") => {}
                Err(error) => prop_assert!(false, "{error}\n{text}"),
            }
        }
    }
}
