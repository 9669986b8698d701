//! Both dialects of seccomp JSON: what is taken, what is refused, and with which words.

use crate::world::{container, faults, import, policy};
use proptest::prelude::*;
use stockade_policy::diagnostic::render;
use stockade_policy::import::{Container, seccomp_json};
use stockade_policy::lattice::action::Action;
use stockade_policy::lookup::Source;
use stockade_policy::vocab::{Arch, syscalls};

/// A Docker file with these rules, for both interfaces of x86 that libseccomp compares differently.
fn docker(rules: &str) -> String {
    format!(
        r#"{{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38,
 "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
 "syscalls": [{rules}]}}"#
    )
}

fn decided(json: &str, arch: Arch, call: &str, registers: [u64; 6]) -> Action {
    let imported =
        import(json, &container(Arch::X86_64)).unwrap_or_else(|faults| panic!("{}", render(&faults, false)));
    imported.calls.as_ref().unwrap().0.decide(arch, syscalls::number(arch, call).unwrap(), &registers).action
}

fn first(value: u64) -> [u64; 6] {
    [value, 0, 0, 0, 0, 0]
}

const ENOSYS: Action = Action::Errno(38);

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let rule = |inside: &str| {
        docker(&format!("\n  {{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\", {inside}}}"))
    };
    let cases = [
        ("nothing", String::new()),
        ("no object", "[1, 2]".to_owned()),
        ("cut off", docker("{\"names\": [\"read\"")[..150].to_owned()),
        ("a comma too many", docker("{\"names\": [\"read\",], \"action\": \"SCMP_ACT_ALLOW\"}")),
        ("YAML", "defaultAction: SCMP_ACT_ALLOW\n".to_owned()),
        ("no default", "{\"defaultaction\": \"SCMP_ACT_ALLOW\"}".to_owned()),
        (
            "a key twice",
            "{\"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"defaultAction\": \"SCMP_ACT_LOG\"}".to_owned(),
        ),
        ("an action", "{\"defaultAction\": \"SCMP_ACT_EROR\"}".to_owned()),
        (
            "an architecture",
            "{\"defaultAction\": \"SCMP_ACT_LOG\", \"architectures\": [\"SCMP_ARCH_X86_46\"]}".to_owned(),
        ),
        ("an unknown key", "{\"defaultAction\": \"SCMP_ACT_LOG\", \"syscals\": []}".to_owned()),
        ("an operator", rule("\"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EG\"}]")),
        ("an index", rule("\"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]")),
        ("a negative value", rule("\"args\": [{\"index\": 0, \"value\": -1, \"op\": \"SCMP_CMP_EQ\"}]")),
        ("a value in quotes", rule("\"args\": [{\"index\": 0, \"value\": \"1\", \"op\": \"SCMP_CMP_EQ\"}]")),
        ("no value", rule("\"args\": [{\"index\": 0, \"op\": \"SCMP_CMP_EQ\"}]")),
        ("a null value", rule("\"args\": [{\"index\": 0, \"value\": null, \"op\": \"SCMP_CMP_EQ\"}]")),
        ("a null index", rule("\"args\": [{\"index\": null, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]")),
        ("a null operator", rule("\"args\": [{\"index\": 0, \"value\": 1, \"op\": null}]")),
        (
            "interfaces in two ways",
            "{\"defaultAction\": \"SCMP_ACT_LOG\", \"architectures\": [\"SCMP_ARCH_X86\"],\n \
             \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86_64\", \"subArchitectures\": []}]}"
                .to_owned(),
        ),
        ("an unknown key of a rule", rule("\"arguments\": []")),
        ("a capability", rule("\"includes\": {\"caps\": [\"CAP_SYS_ADMN\"]}")),
        ("a kernel", rule("\"includes\": {\"minKernel\": \"four\"}")),
        ("both names", rule("\"name\": \"bind\"")),
        ("no names", docker("{\"action\": \"SCMP_ACT_ALLOW\"}")),
        (
            "success without a call",
            docker("{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 0}"),
        ),
        (
            "a flag",
            "{\"defaultAction\": \"SCMP_ACT_LOG\", \"flags\": [\"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV\"]}"
                .to_owned(),
        ),
        ("a listener", "{\"defaultAction\": \"SCMP_ACT_LOG\", \"listenerPath\": \"/run/x\"}".to_owned()),
        ("a configuration without a filter", "{\"ociVersion\": \"1.0.2\", \"linux\": {}}".to_owned()),
        (
            "a wide value on i386",
            rule("\"args\": [{\"index\": 0, \"value\": 4294967336, \"op\": \"SCMP_CMP_EQ\"}]"),
        ),
        (
            "a register that has no name",
            docker(
                "{\"names\": [\"prctl\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 5, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}",
            ),
        ),
        (
            "the same twice, other answers",
            docker(
                "{\"names\": [\"bind\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]},\n\
             {\"names\": [\"bind\"], \"action\": \"SCMP_ACT_LOG\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}",
            ),
        ),
    ];
    let each = cases.iter().map(|(name, text)| format!("=== {name}\n{}", faults(text, Arch::X86_64)));
    insta::assert_snapshot!(each.collect::<Vec<_>>().join("\n"));
}

/// Where none are written runc asks for `SPEC_ALLOW`; where a list is, for what is in it.
#[test]
fn flags_become_what_they_ask_for() {
    let filter = |flags: &str| {
        let json = format!("{{\"defaultAction\": \"SCMP_ACT_ERRNO\"{flags}}}");
        let source = Source { file: "filter.json".into(), text: json.into_bytes() };
        let imported = seccomp_json(&source, "x", &container(Arch::X86_64)).unwrap();
        let filter = policy(&imported.profile).filter;
        assert_eq!(filter, imported.calls.as_ref().unwrap().1, "{}", imported.profile);
        (filter.mitigate_speculation.value, filter.log_denied.value)
    };
    assert_eq!(filter(""), (false, false));
    assert_eq!(filter(r#", "flags": null"#), (false, false));
    assert_eq!(filter(r#", "flags": []"#), (true, false));
    assert_eq!(filter(r#", "flags": ["SECCOMP_FILTER_FLAG_TSYNC"]"#), (true, false));
    assert_eq!(filter(r#", "flags": ["SECCOMP_FILTER_FLAG_LOG"]"#), (true, true));
    let both = r#", "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"]"#;
    assert_eq!(filter(both), (false, true));
}

/// Names times comparisons: few bytes that ask for much memory.
#[test]
fn a_rule_that_multiplies_is_refused() {
    let names = vec!["\"read\""; 20_000].join(", ");
    let compare = "{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}";
    let comparisons = vec![compare; 4000].join(", ");
    let rule = format!("{{\"names\": [{names}], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{comparisons}]}}");
    let refused = faults(&docker(&rule), Arch::X86_64);
    assert!(refused.contains("a call has at most 1024 rules"), "{refused}");
}

/// A way around a condition that only another process closes, or only for some arguments, is written with a reason.
#[test]
fn open_ways_are_written_whatever_opens_them() {
    let conditional = |call: &str| {
        format!(
            "{{\"names\": [\"{call}\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}}]}}"
        )
    };
    let answered =
        |call: &str, action: &str| format!("{{\"names\": [\"{call}\"], \"action\": \"SCMP_ACT_{action}\"}}");
    for (first, second) in [
        (conditional("socket"), conditional("bind")),
        (conditional("shmget"), conditional("socket")),
        (conditional("clone"), answered("clone3", "NOTIFY")),
        (conditional("clone"), answered("clone3", "TRACE")),
        (conditional("clone"), answered("clone3", "LOG")),
    ] {
        let json = docker(&format!("{first},\n {second}"));
        // `import` holds the profile to what was read.
        let imported = import(&json, &container(Arch::X86_64));
        imported.unwrap_or_else(|faults| panic!("{json}\n{}", render(&faults, false)));
    }
}

#[test]
fn contradictions_are_warned_of() {
    let rule = |action: &str, args: &str| {
        format!("\n  {{\"names\": [\"getpriority\"], \"action\": \"SCMP_ACT_{action}\", \"args\": [{args}]}}")
    };
    let compare = |index: u8, op: &str, value: u64| {
        format!("{{\"index\": {index}, \"value\": {value}, \"op\": \"SCMP_CMP_{op}\"}}")
    };
    let (five, more) = (compare(0, "EQ", 5), compare(0, "GE", 4));
    let cases = [
        ("always and sometimes", rule("ALLOW", &five), rule("LOG", "")),
        ("always, twice", rule("LOG", ""), rule("ALLOW", "")),
        ("sometimes, twice", rule("ALLOW", &more), rule("LOG", &five)),
        ("of different registers", rule("TRAP", &more), rule("ALLOW", &compare(1, "NE", 0))),
    ];
    let mut shown = Vec::new();
    for (name, one, other) in cases {
        let json = docker(&[one, other].join(","));
        let imported = import(&json, &container(Arch::X86_64)).unwrap();
        shown.push(format!("=== {name}\n{}", render(&imported.warnings, false)));
    }
    insta::assert_snapshot!(shown.join("\n"));
    let apart = docker(&[rule("ALLOW", &five), rule("LOG", &compare(0, "GT", 5))].join(","));
    assert_eq!(import(&apart, &container(Arch::X86_64)).unwrap().warnings, []);
}

/// Tried with libseccomp 2.5.4.
#[test]
fn comparisons_are_libseccomps() {
    let rule = |op: &str, value: u64, two: u64| {
        docker(&format!(
            "{{\"names\": [\"getpriority\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": {value}, \"valueTwo\": {two}, \"op\": \"SCMP_CMP_{op}\"}}]}}"
        ))
    };
    let wide = 1 << 32;
    for (op, value, two, allowed, refused) in [
        ("EQ", 5, 0, vec![5], vec![4, 6, wide | 5]),
        ("NE", 5, 0, vec![4, 6, wide | 5], vec![5]),
        ("LT", 5, 0, vec![0, 4], vec![5, 6, wide]),
        ("LE", 5, 0, vec![0, 5], vec![6, wide]),
        ("GT", 5, 0, vec![6, wide, u64::MAX], vec![5, 0]),
        ("GE", 5, 0, vec![5, 6, wide, u64::MAX], vec![4, 0]),
        ("MASKED_EQ", 0xf, 5, vec![5, 0x15, wide | 5], vec![4, 6]),
        // Bits outside the mask do not count.
        ("MASKED_EQ", 0xf, 0x15, vec![5, 0x15], vec![4, 6]),
        ("MASKED_EQ", 0, 1, vec![0, 5], vec![]),
        ("GE", 0, 0, vec![0, u64::MAX], vec![]),
        ("LT", 0, 0, vec![], vec![0, u64::MAX]),
    ] {
        let json = rule(op, value, two);
        for value in allowed {
            assert_eq!(
                decided(&json, Arch::X86_64, "getpriority", first(value)),
                Action::Allow,
                "{op} {value:#x}"
            );
        }
        for value in refused {
            assert_eq!(decided(&json, Arch::X86_64, "getpriority", first(value)), ENOSYS, "{op} {value:#x}");
        }
    }
    // 32 bits on i386 and, for libseccomp, on x32.
    for arch in [Arch::I386, Arch::X32] {
        let json = rule("EQ", 5, 0);
        assert_eq!(decided(&json, arch, "getpriority", first(wide | 5)), Action::Allow);
        assert_eq!(decided(&json, arch, "getpriority", first(6)), ENOSYS);
    }
}

/// Tried with libseccomp 2.5.4.
#[test]
fn sockets_and_ipc_of_i386_are_one_call_each() {
    let json = docker(
        "{\"names\": [\"socket\", \"accept\", \"shmget\", \"recv\"], \"action\": \"SCMP_ACT_ALLOW\"},
         {\"names\": [\"bind\", \"send\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [
            {\"index\": 0, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}, {\"index\": 1, \"value\": 7, \"op\": \"SCMP_CMP_EQ\"}]}",
    );
    let socketcall = |registers| decided(&json, Arch::I386, "socketcall", registers);
    assert_eq!(socketcall(first(1)), Action::Allow);
    assert_eq!(socketcall(first(2)), ENOSYS);
    assert_eq!(socketcall([2, 7, 0, 0, 0, 0]), Action::Allow);
    // Of no number of their own on i386.
    assert_eq!(socketcall(first(5)), Action::Allow);
    assert_eq!(socketcall(first(10)), Action::Allow);
    assert_eq!(socketcall(first(9)), ENOSYS);
    assert_eq!(socketcall([9, 7, 0, 0, 0, 0]), Action::Allow);
    assert_eq!(decided(&json, Arch::I386, "ipc", first(23)), Action::Allow);
    assert_eq!(decided(&json, Arch::I386, "ipc", first(24)), ENOSYS);
    let both = docker(
        "{\"names\": [\"socket\"], \"action\": \"SCMP_ACT_ALLOW\"}, {\"names\": [\"socketcall\"], \"action\": \"SCMP_ACT_LOG\"}",
    );
    assert_eq!(decided(&both, Arch::I386, "socketcall", first(1)), Action::Log);
}

/// runc, matchCall.
#[test]
fn comparisons_of_one_register_are_alternatives() {
    let json = docker(
        "{\"names\": [\"getpriority\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [
            {\"index\": 0, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}, {\"index\": 0, \"value\": 7, \"op\": \"SCMP_CMP_EQ\"},
            {\"index\": 1, \"value\": 9, \"op\": \"SCMP_CMP_EQ\"}]}",
    );
    for (registers, expected) in
        [([5, 0], Action::Allow), ([7, 0], Action::Allow), ([6, 0], ENOSYS), ([6, 9], Action::Allow)]
    {
        let all = [registers[0], registers[1], 0, 0, 0, 0];
        assert_eq!(decided(&json, Arch::X86_64, "getpriority", all), expected, "{registers:?}");
    }
}

#[test]
fn a_rule_that_answers_as_the_default_is_none() {
    let json = docker(
        "{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 5, \"op\": \"SCMP_CMP_EQ\"}]},
         {\"names\": [\"read\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 38}",
    );
    assert_eq!(decided(&json, Arch::X86_64, "read", first(5)), Action::Allow);
}

#[test]
fn an_oci_configuration_is_read() {
    let seccomp = r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"], "flags": ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
      "syscalls": [{"names": ["ptrace"], "action": "SCMP_ACT_KILL_PROCESS"}, {"names": ["mount"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["umount2"], "action": "SCMP_ACT_TRACE", "errnoRet": 9}, {"names": ["swapon"], "action": "SCMP_ACT_KILL"}]}"#;
    let whole = format!(
        "{{\"ociVersion\": \"1.0.2\", \"process\": {{\"args\": [\"sh\"]}}, \"linux\": {{\"seccomp\": {seccomp}}}}}"
    );
    for json in [seccomp, whole.as_str()] {
        let imported = import(json, &container(Arch::X86_64)).unwrap();
        let decide = |call| {
            imported
                .calls
                .as_ref()
                .unwrap()
                .0
                .decide(Arch::X86_64, syscalls::number(Arch::X86_64, call).unwrap(), &[0; 6])
                .action
        };
        assert_eq!(decide("ptrace"), Action::KillProcess);
        assert_eq!(decide("mount"), Action::Errno(1));
        assert_eq!(decide("umount2"), Action::Trace(9));
        assert_eq!(decide("swapon"), Action::KillThread);
        assert_eq!(decide("read"), Action::Allow);
        assert_eq!(
            imported.calls.as_ref().unwrap().0.decide(Arch::X86_64, 5000, &[0; 6]).action,
            Action::Allow
        );
        assert_eq!(
            imported.calls.as_ref().unwrap().0.decide(Arch::X32, 0, &[0; 6]).action,
            Action::KillProcess
        );
        assert_eq!(imported.calls.as_ref().unwrap().0.decide(Arch::I386, 3, &[0; 6]).action, Action::Allow);
    }
}

/// What the file says about itself cannot become part of the profile's text.
#[test]
fn comments_and_names_stay_what_they_are() {
    let comment = "why\\n  unknown: allow # \\u2028 \\u0085";
    let json = docker(&format!(
        "{{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"comment\": \"{comment}\"}}, {{\"names\": [\"b\\nc: d\"], \"action\": \"SCMP_ACT_ALLOW\"}}"
    ));
    for name in ["true", "a: b", "x\n  y: z", "\"", "", "5", "#"] {
        let source = Source { file: "a\nb: c.json".into(), text: json.as_bytes().to_vec() };
        let imported = seccomp_json(&source, name, &container(Arch::X86_64)).unwrap();
        if !name.is_empty() {
            assert!(policy(&imported.profile).syscalls == imported.calls.as_ref().unwrap().0);
        }
        assert!(imported.profile.contains("- read   # why"), "{}", imported.profile);
    }
}

fn value() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..8_u64, 1 => any::<u32>().prop_map(u64::from), 1 => any::<u64>(), 1 => (0..64_u32).prop_map(|bit| 1 << bit)]
}

prop_compose! {
    fn rule()(
        names in prop::collection::vec(prop::sample::select(vec!["read", "socket", "bind", "semop", "clone", "prctl", "openat", "nonsense"]), 1..3),
        action in prop::sample::select(vec!["ALLOW", "ERRNO", "KILL_PROCESS", "LOG", "TRAP"]),
        args in prop::collection::vec((0..6_u8, value(), value(), prop::sample::select(vec!["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"])), 0..3),
    ) -> String {
        let args: Vec<String> = args.into_iter().map(|(index, value, two, op)| {
            format!("{{\"index\": {index}, \"value\": {value}, \"valueTwo\": {two}, \"op\": \"SCMP_CMP_{op}\"}}")
        }).collect();
        format!("{{\"names\": {names:?}, \"action\": \"SCMP_ACT_{action}\", \"args\": [{}]}}", args.join(", "))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// `import` asserts that the profile decides as the import says.
    #[test]
    fn what_is_imported_is_meant(rules in prop::collection::vec(rule(), 0..5), only_native in any::<bool>()) {
        let mut json = docker(&rules.join(",\n"));
        if only_native {
            json = json.replace(", \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"", "");
        }
        if let Err(faults) = import(&json, &container(Arch::X86_64)) {
            prop_assert!(faults.iter().all(|fault| fault.place.is_some()), "{}", render(&faults, false));
            // Values of 64 bits are said on interfaces of 64 bits.
            let refused = render(&faults, false);
            let known = ["decided differently", "refuses the second", "more comparisons", "which no name", "cannot say"];
            prop_assert!(known.iter().any(|words| refused.contains(words)), "{refused}\n{json}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        rules in prop::collection::vec(rule(), 0..3),
        cut in any::<prop::sample::Index>(),
        put in prop::sample::select(vec!["", "{", "}", "[", "]", "\"", ",", ":", "null", "1e9", "\\", "\u{0}", "\u{feff}", "- ", "&a", "#", "\t"]),
    ) {
        let json = docker(&rules.join(",\n"));
        let at = (0..=cut.index(json.len())).rev().find(|at| json.is_char_boundary(*at)).unwrap();
        let container = Container::docker(Arch::X86_64, (6, 18));
        for text in [format!("{}{put}", &json[..at]), format!("{}{put}{}", &json[..at], &json[at..])] {
            let source = Source { file: "x.json".into(), text: text.into_bytes() };
            let _ = seccomp_json(&source, "x", &container);
        }
    }
}

#[test]
fn hostile_sizes_are_refused() {
    let deep = format!("{{\"defaultAction\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(faults(&deep, Arch::X86_64).contains("deep"));
    let names = vec!["\"read\""; 60_000].join(",");
    let many = docker(&format!("{{\"names\": [{names}], \"action\": \"SCMP_ACT_ALLOW\"}}"));
    assert!(faults(&many, Arch::X86_64).contains("at most"));
    let rule = |value: u64| {
        format!(
            "{{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{{\"index\": 0, \"value\": {value}, \"op\": \"SCMP_CMP_EQ\"}}]}}"
        )
    };
    let rules: Vec<String> = (0..1100).map(rule).collect();
    assert!(faults(&docker(&rules.join(",")), Arch::X86_64).contains("at most 1024 rules"));
}
