//! Filters as profiles: what is compiled, imported and compiled again decides as before.

use crate::builtin;
use crate::policies;
use crate::world::policy;
use proptest::prelude::*;
use stockade_policy::import::{FilterError, Imported, filters};
use stockade_policy::lattice::syscalls::Syscalls;
use stockade_policy::seccomp::compile;
use stockade_policy::vocab::Arch;
use stockade_policy::write::WriteError;

const HOSTS: [Arch; 2] = [Arch::X86_64, Arch::Aarch64];

/// The import of the filter for a host, which must decide as what it was compiled from, and as its text says.
fn import(syscalls: &Syscalls, host: Arch) -> Result<Imported, FilterError> {
    let program = compile(syscalls, host).unwrap();
    let imported = filters(&[program], host, "again", "a filter")?;
    assert!(imported.calls.as_ref().unwrap().0 == syscalls.on(host), "recovered otherwise");
    assert!(
        policy(&imported.profile).syscalls == syscalls.on(host),
        "written otherwise:\n{}",
        imported.profile
    );
    Ok(imported)
}

#[test]
fn every_built_in_profile_survives() {
    let mut shown = Vec::new();
    for name in builtin::names() {
        let before = builtin::policy(&name).syscalls;
        for host in HOSTS {
            let imported = import(&before, host).unwrap();
            // Parameters are compared as the kernel reads them.
            assert_eq!(imported.holes, [], "{name}");
            let kept = |line: &&str| line.contains(['(', '{']) || line.trim_start().starts_with("when");
            let lines: Vec<&str> = imported.profile.lines().filter(kept).collect();
            shown.push(format!("=== {name} on {host}\n{}", lines.join("\n")));
        }
    }
    insta::assert_snapshot!(shown.join("\n"));
}

/// The kernel takes the strictest answer of all filters.
#[test]
fn a_stack_of_filters_is_one_profile() {
    use stockade_policy::lattice::Lattice;
    let [docker, web] = ["docker-default", "web"].map(|name| builtin::policy(name).syscalls);
    let programs = [&docker, &web].map(|one| compile(one, Arch::X86_64).unwrap());
    let imported = filters(&programs, Arch::X86_64, "both", "two filters").unwrap();
    let both = docker.meet(&web).unwrap().on(Arch::X86_64);
    assert!(policy(&imported.profile).syscalls == both, "{}", imported.profile);
}

#[test]
fn what_no_profile_can_say_is_refused_by_name() {
    let refused = |text: &str| {
        let program = assembled(text);
        filters(&[program], Arch::X86_64, "x", "a filter").unwrap_err().to_string()
    };
    let cases = [
        ("a number without a name", "ld nr; jeq 1000 allow; ret errno 1"),
        ("one name, two interfaces", "ld arch; jeq 0x40000003 allow; ld nr; jeq 0 allow; ret errno 1"),
        ("success without a call", "ret errno 0"),
        ("everything is killed", "ret kill"),
        ("the instruction pointer", "ld ip; jeq 5 allow; ret errno 1"),
        ("an operation that there is none of", "ld nowhere; ret allow"),
    ];
    let each = cases.map(|(name, text)| format!("{name}: {}", refused(text)));
    insta::assert_snapshot!(each.join("\n"));
}

/// `jeq K VERDICT` returns where it holds and goes on where it does not.
fn assembled(text: &str) -> Vec<stockade_policy::plan::Instruction> {
    use stockade_policy::plan::Instruction;
    use stockade_policy::seccomp::bpf;
    let verdict = |words: &[&str]| match words {
        ["allow"] => 0x7fff_0000,
        ["kill"] => 0x8000_0000,
        ["errno", number] => 0x0005_0000 | number.parse::<u32>().unwrap(),
        other => panic!("{other:?}"),
    };
    let number = |text: &str| {
        text.strip_prefix("0x")
            .map_or_else(|| text.parse().unwrap(), |hex| u32::from_str_radix(hex, 16).unwrap())
    };
    let mut program = Vec::new();
    for line in text.split("; ") {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["ld", word] => {
                let offset = match *word {
                    "nr" => bpf::NUMBER,
                    "arch" => bpf::ARCH,
                    "ip" => 8,
                    _ => 3,
                };
                program.push(Instruction(bpf::LOAD, 0, 0, offset));
            }
            ["jeq", value, rest @ ..] => program.extend([
                Instruction(bpf::JUMP_EQUAL, 0, 1, number(value)),
                Instruction(bpf::RETURN, 0, 0, verdict(rest)),
            ]),
            ["ret", rest @ ..] => program.push(Instruction(bpf::RETURN, 0, 0, verdict(rest))),
            other => panic!("{other:?}"),
        }
    }
    program
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![3 => 0..20_u64, 1 => any::<u32>().prop_map(u64::from), 1 => (0..32_u32).prop_map(|bit| 1 << bit)]
}

/// A comparison that 32-bit interfaces can make too.
fn comparison() -> impl Strategy<Value = String> {
    let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let values = prop::collection::vec(number(), 1..5);
    prop_oneof![
        (0..4_u8, operator.clone(), number())
            .prop_map(|(register, operator, value)| format!("arg{register} {operator} {value}")),
        (0..4_u8, operator, number(), number()).prop_map(|(register, operator, mask, value)| format!(
            "arg{register} & {mask} {operator} {}",
            value & mask
        )),
        (0..4_u8, any::<bool>(), values).prop_map(|(register, not, values)| {
            let values: Vec<String> = values.iter().map(u64::to_string).collect();
            format!("arg{register} {}in {{{}}}", if not { "not " } else { "" }, values.join(", "))
        }),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    comparison().prop_recursive(2, 6, 3, |part| {
        prop_oneof![
            (part.clone(), part.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (part.clone(), part.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            part.prop_map(|part| format!("not ({part})")),
        ]
    })
}

prop_compose! {
    /// A profile of rules on calls that nothing goes around.
    pub(crate) fn profile()(
        rules in prop::collection::vec((prop::sample::select(vec!["umask", "getpriority", "lseek", "flock", "semget", "dup"]), prop::option::of(condition()), prop::sample::select(vec!["", "eperm", "enosys", "kill_process", "log", "trap(3)", "trace(7)", "notify"])), 0..6),
        otherwise in prop::sample::select(vec!["eperm", "enosys", "allow", "log", "kill_thread"]),
        unknown in prop::sample::select(vec!["eperm", "enosys", "allow"]),
        architectures in prop::sample::select(vec!["x86_64, i386, x32, aarch64, arm", "x86_64, aarch64", "x86_64, i386, aarch64"]),
    ) -> String {
        let entry = |(call, when, action): &(&str, Option<String>, &str)| {
            let when = when.as_ref().map(|when| format!("\n      when: {when}")).unwrap_or_default();
            let action = if action.is_empty() { String::new() } else { format!("\n      action: {action}") };
            format!("    - call: {call}{when}{action}\n")
        };
        let of = |deny: bool| rules.iter().filter(|(.., action)| action.is_empty() != deny).map(entry).collect::<String>();
        let list = |name: &str, entries: String| if entries.is_empty() { String::new() } else { format!("  {name}:\n{entries}") };
        format!(
            "stockade: 1\nextends: [unconfined]\nsyscalls:\n  architectures: {{replace: [{architectures}]}}\n{}{}  otherwise: {otherwise}\n  unknown: {unknown}\n",
            list("allow", of(false)),
            list("deny", of(true)),
        )
    }
}

/// What a profile means, where it means something.
pub(crate) fn resolved(text: &str) -> Option<Syscalls> {
    crate::world::resolved(text).ok().map(|policy| policy.syscalls)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_profiles_survive(text in profile()) {
        let Some(before) = resolved(&text) else { return Ok(()) };
        for host in HOSTS {
            match import(&before, host) {
                Ok(_) => {}
                // More ranges than a condition can list.
                Err(FilterError::Write(WriteError::TooLong { .. })) => {}
                // What 64 bits decide may have no form that can be cut to 32.
                Err(FilterError::Write(WriteError::Interfaces { .. })) if text.contains("i386") => {}
                Err(error) => prop_assert!(false, "{error}\n{text}"),
            }
        }
    }

    /// Whatever a filter decides, the profile decides so too or there is none.
    #[test]
    fn random_filters_are_meant_or_refused(policy in policies::syscalls()) {
        for host in HOSTS {
            if let Err(error) = import(&policy, host) {
                prop_assert!(matches!(error, FilterError::Write(_)), "{error}");
            }
        }
    }
}
