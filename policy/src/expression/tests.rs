use super::*;
use crate::origin::Origin;
use crate::vocab::Arch;
use crate::vocab::parameters::ParameterError;

fn at(index: usize) -> Origin {
    Origin { file: "test".into(), line: 1, column: u32::try_from(index + 1).unwrap() }
}

fn rule(text: &str) -> Rule {
    parse_rule(text, &at).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn fault(text: &str) -> String {
    parse_rule(text, &at).unwrap_err().to_string()
}

fn holds(text: &str, arch: Arch, stance: Stance, arguments: [u64; 6]) -> bool {
    let rule = rule(text);
    lower(rule.when.as_ref().unwrap(), &rule.call.value, arch, stance).unwrap().holds(&arguments)
}

#[test]
fn a_rule_prints_as_it_is_written() {
    for text in [
        "read",
        "socket(domain in {AF_UNIX, AF_INET, AF_INET6})",
        "clone(flags & NAMESPACE_FLAGS == 0)",
        "ioctl(request not in {TIOCSTI, TIOCLINUX})",
        "socket(domain == AF_NETLINK and protocol in {0, 4} or domain != AF_PACKET)",
        "socket((domain == 1 or domain == 2) and not type & (SOCK_RAW | 0x10) == SOCK_RAW)",
        "socket(not (domain == 1 and type == 2))",
        "openat(dfd == -100)",
        "personality(persona == 0xffffffff)",
        "socket(not not domain == 1)",
    ] {
        let parsed = rule(text);
        assert_eq!(parsed.to_string(), text);
    }
    assert_eq!(rule("socket( domain==1 and type<2 )").to_string(), "socket(domain == 1 and type < 2)");
    assert_eq!(rule("socket(((domain == 0o17)))").to_string(), "socket(domain == 15)");
}

#[test]
fn and_binds_tighter_than_or() {
    let Some(Expression::Or(parts)) = rule("x(a == 1 or b == 2 and c == 3)").when else { panic!() };
    assert!(matches!(parts.as_slice(), [Expression::Compare(_), Expression::And(_)]));
}

#[test]
fn faults_say_what_is_expected() {
    for (text, expected) in [
        ("", "the rule ends where the name of a system call is expected"),
        ("socket(", "the rule ends where the name of a parameter is expected"),
        ("socket(domain", "the rule ends where a comparison such as `== 0` or `in {A, B}` is expected"),
        ("socket(domain = 1)", "`=` is written `==` here"),
        ("socket(domain == 1 && type == 2)", "`&&` is written `and` here"),
        ("socket(!domain == 1)", "`!` is written `not` here"),
        ("socket(domain == 1", "the rule ends where `)`, `and` or `or` is expected"),
        ("socket(domain == 1) x", "nothing more is expected, not `x`"),
        ("socket(domain in {})", "a number or the name of a constant is expected, not `}`"),
        ("socket(domain in (1, 2))", "`{` is expected, not `(`"),
        (
            "clone((flags & A) == 0)",
            "`&` binds tighter than a comparison here: write it without the parentheses",
        ),
        ("clone(flags & A | B == 0)", "a mask of several values stands in parentheses: `& (A | B)`"),
        (
            "socket(domain == 010)",
            "`010` is no number of 64 bits; numbers are written `5`, `0x1f`, `0o17` or `-1`",
        ),
        (
            "socket(domain == 0x1ffffffffffffffff)",
            "`0x1ffffffffffffffff` is no number of 64 bits; numbers are written `5`, `0x1f`, `0o17` or `-1`",
        ),
        ("socket(domain == 1;)", "`;` has no meaning in a rule"),
        ("socket domain", "`(` is expected, not `domain`"),
        ("socket(not)", "the name of a parameter is expected, not `)`"),
        ("socket(1 == domain)", "the name of a parameter is expected, not `1`"),
    ] {
        assert_eq!(fault(text), expected, "{text}");
    }
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = format!("x({}a == 1{})", "(".repeat(5000), ")".repeat(5000));
    assert!(matches!(parse_rule(&deep, &at), Err(ExpressionError::TooLarge { .. })));
    let deep = format!("x({}a == 1)", "not ".repeat(5000));
    assert!(matches!(parse_rule(&deep, &at), Err(ExpressionError::TooLarge { .. })));
    let long = format!("x(a in {{{}0}})", "0, ".repeat(5000));
    assert!(matches!(parse_rule(&long, &at), Err(ExpressionError::TooLarge { .. })));
    let long = format!("x({}a == 1)", "a == 1 or ".repeat(5000));
    assert!(matches!(parse_rule(&long, &at), Err(ExpressionError::TooLarge { .. })));
}

#[test]
fn the_upper_half_of_an_int_does_not_count() {
    for stance in [Stance::Allow, Stance::Deny] {
        for (domain, expected) in [(1, true), (1 << 32 | 1, true), (40, false), (1 << 32 | 40, false)] {
            let arguments = [domain, 0, 0, 0, 0, 0];
            assert_eq!(holds("socket(domain == AF_UNIX)", Arch::X86_64, stance, arguments), expected);
            assert_eq!(holds("socket(domain != AF_UNIX)", Arch::X86_64, stance, arguments), !expected);
        }
    }
}

#[test]
fn a_register_is_compared_whole() {
    let wide = 1 << 32 | 40;
    for stance in [Stance::Allow, Stance::Deny] {
        let on = |text, arch, first| holds(text, arch, stance, [first, 0, 0, 0, 0, 0]);
        for arch in [Arch::X86_64, Arch::Aarch64] {
            assert!(on("socket(arg0 == 40)", arch, 40) && !on("socket(arg0 == 40)", arch, wide));
            assert!(on("socket(arg0 == 0x100000028)", arch, wide));
            // No sign.
            assert!(on("socket(arg0 > 40)", arch, u64::MAX) && !on("socket(arg0 < 40)", arch, 1 << 63));
        }
        for arch in [Arch::I386, Arch::X32, Arch::Arm] {
            assert!(on("socket(arg0 == 40)", arch, 40) && on("socket(arg0 == 40)", arch, wide));
            assert!(
                on("socket(arg0 > 40)", arch, 0x8000_0000) && !on("socket(arg0 < 40)", arch, 0xffff_ffff)
            );
        }
    }
    let Rule { when: Some(when), call } = rule("socket(arg0 == 0x100000028)") else { panic!() };
    let refused = lower(&when, &call.value, Arch::I386, Stance::Allow);
    assert!(matches!(refused, Err(LowerError::DoesNotFit { bits: 32, .. })), "{refused:?}");
    // The parameter beside it is an `int`.
    assert!(holds("socket(family == 40)", Arch::X86_64, Stance::Allow, [wide, 0, 0, 0, 0, 0]));
}

/// `clone`'s flags: declared 64 bits wide, read as 32.
#[test]
fn where_the_width_is_unknown_every_reading_must_agree() {
    let (clean, dirty, other) = ([17, 0, 0, 0, 0, 0], [1 << 32 | 17, 0, 0, 0, 0, 0], [18, 0, 0, 0, 0, 0]);
    for (text, stance, expected) in [
        ("clone(flags == 17)", Stance::Allow, [true, false, false]),
        ("clone(flags == 17)", Stance::Deny, [true, true, false]),
        ("clone(flags != 17)", Stance::Allow, [false, false, true]),
        ("clone(flags != 17)", Stance::Deny, [false, true, true]),
        ("clone(not flags == 17)", Stance::Allow, [false, false, true]),
        ("clone(flags not in {17, 5})", Stance::Allow, [false, false, true]),
        ("clone(flags not in {17, 5})", Stance::Deny, [false, true, true]),
        ("clone(flags < 18)", Stance::Allow, [true, false, false]),
        ("clone(flags < 18)", Stance::Deny, [true, true, false]),
    ] {
        let actual = [clean, dirty, other].map(|arguments| holds(text, Arch::X86_64, stance, arguments));
        assert_eq!(actual, expected, "{text} {stance:?}");
    }
}

#[test]
fn names_are_the_kernels_or_the_manuals() {
    let arguments = [0, 0x5412, 0, 0, 0, 0];
    assert!(holds("ioctl(request == TIOCSTI)", Arch::X86_64, Stance::Allow, arguments));
    assert!(holds("ioctl(cmd == TIOCSTI)", Arch::Aarch64, Stance::Allow, arguments));
    assert!(holds("openat(dfd == AT_FDCWD)", Arch::X86_64, Stance::Allow, [0xffff_ff9c, 0, 0, 0, 0, 0]));
    assert!(holds("openat(dfd == -100)", Arch::X86_64, Stance::Allow, [u64::MAX - 99, 0, 0, 0, 0, 0]));
}

#[test]
fn signed_parameters_are_compared_signed() {
    assert!(holds("openat(dfd < 0)", Arch::X86_64, Stance::Allow, [0xffff_ff9c, 0, 0, 0, 0, 0]));
    assert!(!holds("openat(dfd < 0)", Arch::X86_64, Stance::Allow, [1 << 63, 0, 0, 0, 0, 0]));
}

fn lower_fault(text: &str, arch: Arch) -> LowerError {
    let rule = rule(text);
    lower(rule.when.as_ref().unwrap(), &rule.call.value, arch, Stance::Allow).unwrap_err()
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let fault = |text| lower_fault(text, Arch::X86_64);
    assert!(matches!(fault("socket(domian == 1)"), LowerError::Parameter { .. }));
    assert!(matches!(fault("socket(domain == AF_UNXI)"), LowerError::UnknownConstant { .. }));
    assert!(matches!(fault("socket(domain == 0x100000001)"), LowerError::DoesNotFit { bits: 32, .. }));
    assert!(matches!(fault("socket(domain == -2147483649)"), LowerError::DoesNotFit { .. }));
    assert!(matches!(fault("clone(flags & 0xf0 == 1)"), LowerError::OutsideMask { .. }));
    assert!(matches!(
        lower_fault("mmap(flags == MAP_32BIT)", Arch::Aarch64),
        LowerError::NoValueHere { arch: Arch::Aarch64, .. }
    ));
    let LowerError::Parameter { source, .. } = lower_fault("pread64(pos == 0)", Arch::I386) else { panic!() };
    assert!(matches!(*source, ParameterError::Split { .. }));
}

#[test]
fn sixteen_bit_parameters_are_compared_in_16_bits() {
    assert!(holds("setuid(uid == 5)", Arch::I386, Stance::Allow, [0xabcd_0005, 0, 0, 0, 0, 0]));
    assert!(matches!(
        lower_fault("setuid(uid == 65536)", Arch::I386),
        LowerError::DoesNotFit { bits: 16, .. }
    ));
}

#[test]
fn places_inside_a_rule_are_known() {
    let rule = rule("socket(domain in {AF_UNIX, 7})");
    let Some(Expression::Compare(comparison)) = rule.when else { panic!() };
    let Test::In { values, .. } = comparison.test else { panic!() };
    assert_eq!((comparison.parameter.origin.column, values[1].origin.column), (8, 28));
}

fn expression() -> impl proptest::strategy::Strategy<Value = Expression> {
    use proptest::prelude::*;
    let value = || {
        let number = (any::<i64>(), any::<bool>())
            .prop_map(|(number, hexadecimal)| Value::Number { number: number.into(), hexadecimal });
        let value = prop_oneof![number, "[A-Z][A-Z_0-9]{0,8}".prop_map(Value::Name)];
        value.prop_map(|value| At { value, origin: at(0) })
    };
    let values = || prop::collection::vec(value(), 1..4);
    let operator = prop::sample::select(vec![
        Operator::Equal,
        Operator::NotEqual,
        Operator::Less,
        Operator::LessOrEqual,
        Operator::Greater,
        Operator::GreaterOrEqual,
    ]);
    let test = prop_oneof![
        (operator, value()).prop_map(|(operator, value)| Test::Against(operator, value)),
        (any::<bool>(), values()).prop_map(|(negated, values)| Test::In { negated, values }),
    ];
    let mask = prop_oneof![Just(Vec::new()), values()];
    let comparison = ("p[a-z]{1,5}", mask, test).prop_map(|(parameter, mask, test)| {
        Expression::Compare(Comparison { parameter: At { value: parameter, origin: at(0) }, mask, test })
    });
    comparison.prop_recursive(4, 20, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Or),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            inner.prop_map(|part| Expression::Not(Box::new(part))),
        ]
    })
}

proptest::proptest! {
    /// Everywhere one place, so that two expressions are equal where their text is.
    #[test]
    fn what_is_printed_reads_back_the_same(expression in expression()) {
        let text = expression.to_string();
        let read = parse_condition(&text, &|_| at(0)).unwrap_or_else(|error| panic!("{text}: {error}"));
        proptest::prop_assert_eq!(read, expression, "{}", text);
    }
}
