//! What the numbers of a condition are called in the headers, for people.

use super::values::shown;
use crate::expression::{Expression, Test, Value};
use crate::vocab::{Arch, constants};

/// Which constants the numbers of a register are: call, register, prefixes of their names.
const CONSTANTS: [(&str, u8, &[&str]); 8] = [
    ("clone", 0, &["CLONE_"]),
    ("ioctl", 1, &["TIOC", "FIO", "FS_IOC"]),
    ("personality", 0, &["PER_", "UNAME26"]),
    ("prctl", 0, &["PR_"]),
    ("ptrace", 0, &["PTRACE_"]),
    ("socket", 0, &["AF_"]),
    ("socketpair", 0, &["AF_"]),
    ("unshare", 0, &["CLONE_"]),
];

/// The name of a number in a register (from 0) of a call.
pub(crate) fn name(call: &str, register: u8, number: u64) -> Option<&'static str> {
    let (.., prefixes) = CONSTANTS.iter().find(|(known, at, _)| *known == call && *at == register)?;
    let called = |name: &&str| {
        prefixes.iter().any(|prefix| name.starts_with(prefix))
            && constants::value(Arch::X86_64, name) == Some(number)
    };
    // 0 is the name of too much to mean one thing.
    let flags = (number == NAMESPACE_FLAGS).then_some("NAMESPACE_FLAGS");
    flags.or_else(|| constants::names().find(called)).filter(|_| number > 0)
}

/// `38 = AF_ALG, 40 = AF_VSOCK`: those of a condition on a call.
pub(super) fn named(call: &str, condition: &Expression) -> Option<String> {
    let (_, register, _) = CONSTANTS.iter().find(|(known, ..)| *known == call)?;
    let mut numbers = Vec::new();
    compared(condition, &format!("arg{register}"), &mut numbers);
    let known = numbers
        .into_iter()
        .filter_map(|number| name(call, *register, number).map(|name| format!("{} = {name}", shown(number))));
    let known: Vec<String> = known.collect();
    (!known.is_empty()).then(|| known.join(", "))
}

/// The numbers that a register is compared with, masks among them, in the order written.
fn compared(condition: &Expression, register: &str, numbers: &mut Vec<u64>) {
    match condition {
        Expression::Or(parts) | Expression::And(parts) => {
            parts.iter().for_each(|part| compared(part, register, numbers));
        }
        Expression::Not(part) => compared(part, register, numbers),
        Expression::Compare(comparison) if comparison.parameter.value == register => {
            let values = match &comparison.test {
                Test::Against(_, value) => std::slice::from_ref(value),
                Test::In { values, .. } => values,
            };
            for value in comparison.mask.iter().chain(values) {
                if let Value::Number { number, .. } = value.value {
                    numbers.extend(u64::try_from(number).ok().filter(|number| !numbers.contains(number)));
                }
            }
        }
        Expression::Compare(_) => {}
    }
}

/// See [`constants::value`].
const NAMESPACE_FLAGS: u64 = 0x7e02_0000;
