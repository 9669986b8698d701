//! `update`: limits stay within the policy's.

use super::arguments::{ArgumentError, Invocation};
use super::exec::made;
use super::{RuntimeError, become_inner, log};
use crate::host;
use serde_json::json;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::Path;
use stockade_enforcer::oci::bundle::{read_part, read_standard_input};
use stockade_enforcer::sealed;
use stockade_policy::oci::{Bounds, Document};
use stockade_policy::policy::Resource;

/// Options by which limits are changed without a file, and the place that each has in one.
const LIMITS: [(&str, [&str; 2], Resource); 4] = [
    ("memory", ["memory", "limit"], Resource::Memory),
    ("memory-swap", ["memory", "swap"], Resource::Swap),
    ("cpu-quota", ["cpu", "quota"], Resource::CpuMillis),
    ("pids-limit", ["pids", "limit"], Resource::Processes),
];

/// Options that no policy has a word for.
const REFUSED: [&str; 5] =
    ["cpu-rt-period", "cpu-rt-runtime", "l3-cache-schema", "mem-bw-schema", "cpu-burst"];

/// Makes the new limits as strict as the container's policy, and becomes the inner runtime.
pub(super) fn update(invocation: &mut Invocation) -> Result<Infallible, RuntimeError> {
    let (rules, inner, record) = made(invocation)?;
    let Some(record) = record.filter(|record| !record.observed) else {
        return become_inner(&inner, invocation);
    };
    // crun reads options behind the name too.
    if let Some(more) = invocation.arguments.get(invocation.positional + 1) {
        let option = more.to_string_lossy().into_owned();
        return Err(ArgumentError::Unknown { option, command: "update".to_owned() }.into());
    }
    if let Some(file) = invocation.option("resources") {
        let mut resources = if file == "-" { read_standard_input()? } else { read_part(Path::new(file))? };
        let cuts = record.bounds.updated(&mut resources, &host::here()?.block_devices)?;
        log::cuts(&rules.log(), &record.id, false, &cuts)?;
        let path = sealed::hand_on(resources.text().as_bytes()).map_err(RuntimeError::HandOn)?;
        invocation.replace("resources", path.as_os_str());
    }
    check(invocation, &record.bounds)?;
    become_inner(&inner, invocation)
}

fn check(invocation: &mut Invocation, bounds: &Bounds) -> Result<(), RuntimeError> {
    let refuse = |option: &str, value: &str| -> RuntimeError {
        ArgumentError::Value { option: option.to_owned(), value: value.to_owned() }.into()
    };
    if let Some(one) = invocation.options.iter().find(|one| REFUSED.contains(&one.name)) {
        return Err(refuse(one.name, "any"));
    }
    // In the form of a file, so that the limits are met by the same code.
    let mut asked = json!({});
    for (option, [section, field], kind) in LIMITS {
        let bounded = bounds.resources.get(&kind).is_some_and(|limit| limit.value != u64::MAX);
        let Some(value) = invocation.option(option).filter(|_| bounded) else { continue };
        let value = value.to_string_lossy();
        let number = bytes(&value).ok_or_else(|| refuse(option, &value))?;
        asked[section][field] = number.into();
    }
    if let Some(period) = invocation.option("cpu-period") {
        let period = period.to_string_lossy();
        asked["cpu"]["period"] = bytes(&period).ok_or_else(|| refuse("cpu-period", &period))?.into();
        // A longer or shorter period alone makes another share of the quota that is there.
        let bounded = bounds.resources.get(&Resource::CpuMillis).is_some_and(|limit| limit.value != u64::MAX);
        if bounded && invocation.option("cpu-quota").is_none() {
            return Err(refuse("cpu-period", &period));
        }
    }
    let mut asked = Document::parse(asked.to_string().as_bytes())
        .map_err(|error| refuse("resources", &error.to_string()))?;
    bounds.updated(&mut asked, &std::collections::BTreeSet::new())?;
    // What the meet has put beside what was asked for, too: a quota has its period, and memory its swap.
    let limits = LIMITS.into_iter().map(|(option, path, _)| (option, path));
    for (option, path) in limits.chain([("cpu-period", ["cpu", "period"])]) {
        if let Some(limit) = asked.get(&path) {
            invocation.set(option, &OsString::from(limit.to_string()));
        }
    }
    Ok(())
}

/// A number with the units that runc takes; negative ones are no limit. go-units, `RAMInBytes`.
fn bytes(text: &str) -> Option<i64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text.get(digits.len()..)?.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        "t" | "tb" | "tib" => 1 << 40,
        _ => return None,
    };
    digits.parse::<i64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn units_are_those_of_runc() {
        assert_eq!(bytes("512m"), Some(512 << 20));
        assert_eq!(bytes("1GiB"), Some(1 << 30));
        assert_eq!(bytes("-1"), Some(-1));
        assert_eq!(bytes("7"), Some(7));
        for text in ["", "m", "1.5g", "1x", "99999999999t"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
