//! `generated/groups.rs`: leaf groups, unions of them, and the sets of systemd and Docker.

use crate::error::Error;
use crate::pool::{Pool, wrapped};
use crate::syscalls::Numbers;
use crate::{docker, places, tsv};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `groups.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    leaf: Vec<Leaf>,
    union: Vec<Union>,
}

/// A group that shares no call with another leaf.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaf {
    name: String,
    about: String,
    risk: Risk,
    reason: String,
    members: String,
}

/// A group made of others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Union {
    name: String,
    about: String,
    members: String,
}

/// As in stockade-policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

/// A group with its calls.
struct Group {
    name: String,
    about: String,
    reason: String,
    risk: Risk,
    leaf: bool,
    calls: BTreeSet<String>,
}

/// The file.
pub(crate) fn file(numbers: &Numbers) -> Result<String, Error> {
    let groups = groups(numbers)?;
    let words =
        Pool::new(groups.iter().flat_map(|group| [&group.name, &group.about, &group.reason]).cloned())?;
    if let Some(word) = words.names().find(|word| word.contains(['"', '\\', '\n'])) {
        return Err(Error::Tables(format!("`{word}` has a sign that the generated file cannot hold")));
    }
    let calls = Pool::new(numbers.keys().cloned())?;
    let mut rows = String::new();
    let mut members = Vec::new();
    for group in &groups {
        rows += &format!(
            "    Row {{ name: {}, about: {}, reason: {}, risk: Risk::{:?}, leaf: {}, start: {}, count: {} }},\n",
            words.index(&group.name)?,
            words.index(&group.about)?,
            words.index(&group.reason)?,
            group.risk,
            group.leaf,
            members.len(),
            group.calls.len()
        );
        for call in &group.calls {
            members.push(calls.index(call)?);
        }
    }
    let mut text = String::from(
        "//! Groups of system calls. Written by stockade-generate; do not edit.\n\n\
         use crate::vocab::groups::{Risk, Row};\nuse crate::vocab::pool::Pool;\n\n",
    );
    text += &words.definition("WORDS", "Names, descriptions and reasons.");
    text += &format!(
        "\n/// Leaf groups, unions, foreign sets; in this order.\n\
         pub(in crate::vocab) static GROUPS: [Row; {}] = [\n{rows}];\n",
        groups.len()
    );
    text += &format!(
        "\n/// Members one group after the other: positions of calls.\n\
         pub(in crate::vocab) static MEMBERS: [u16; {}] = [{}];\n",
        members.len(),
        wrapped(&members)
    );
    Ok(text)
}

fn groups(numbers: &Numbers) -> Result<Vec<Group>, Error> {
    let path = places::data("groups.toml");
    let written: Written =
        toml::from_str(&places::read(&path)?).map_err(|source| Error::Toml { path: path.clone(), source })?;
    let mut groups = leaves(written.leaf, numbers)?;
    let risks: BTreeMap<String, Risk> =
        groups.iter().flat_map(|leaf| leaf.calls.iter().map(|call| (call.clone(), leaf.risk))).collect();
    let risk = |calls: &BTreeSet<String>| {
        calls.iter().filter_map(|call| risks.get(call)).max().copied().unwrap_or(Risk::Low)
    };

    let mut known: BTreeMap<String, BTreeSet<String>> =
        groups.iter().map(|leaf| (leaf.name.clone(), leaf.calls.clone())).collect();
    for union in written.union {
        let (calls, unknown) = members(&union.members, &known, numbers);
        if let Some(word) = unknown.first() {
            return Err(Error::Tables(format!("@{}: `{word}` is no call and no group so far", union.name)));
        }
        if known.insert(union.name.clone(), calls.clone()).is_some() {
            return Err(Error::Tables(format!("@{} is there twice", union.name)));
        }
        groups.push(Group {
            risk: risk(&calls),
            name: union.name,
            about: union.about,
            reason: String::new(),
            leaf: false,
            calls,
        });
    }
    for (name, about, calls) in systemd(numbers)?.into_iter().chain([docker::default(numbers)?]) {
        groups.push(Group { risk: risk(&calls), name, about, reason: String::new(), leaf: false, calls });
    }
    Ok(groups)
}

/// The leaf groups, after making sure that they partition every call.
fn leaves(written: Vec<Leaf>, numbers: &Numbers) -> Result<Vec<Group>, Error> {
    let mut owner: BTreeMap<String, String> = BTreeMap::new();
    let mut groups = Vec::new();
    for leaf in written {
        let (calls, unknown) = members(&leaf.members, &BTreeMap::new(), numbers);
        if let Some(word) = unknown.first() {
            return Err(Error::Tables(format!("@{}: `{word}` is no call", leaf.name)));
        }
        for call in &calls {
            if let Some(other) = owner.insert(call.clone(), leaf.name.clone()) {
                return Err(Error::Tables(format!("`{call}` is in @{other} and in @{}", leaf.name)));
            }
        }
        let (name, about, reason, risk) = (leaf.name, leaf.about, leaf.reason, leaf.risk);
        groups.push(Group { name, about, reason, risk, leaf: true, calls });
    }
    let missing: Vec<&str> =
        numbers.keys().map(String::as_str).filter(|call| !owner.contains_key(*call)).collect();
    if missing.is_empty() {
        return Ok(groups);
    }
    Err(Error::Tables(format!("in no leaf group of groups.toml: {}", missing.join(", "))))
}

/// Calls and `@groups` of a list, and the words that are neither.
fn members(
    text: &str,
    known: &BTreeMap<String, BTreeSet<String>>,
    numbers: &Numbers,
) -> (BTreeSet<String>, Vec<String>) {
    let mut calls = BTreeSet::new();
    let mut unknown = Vec::new();
    for word in text.split_whitespace() {
        if let Some(group) = word.strip_prefix('@').and_then(|name| known.get(name)) {
            calls.extend(group.iter().cloned());
        } else if numbers.contains_key(word) {
            calls.insert(word.to_owned());
        } else {
            unknown.push(word.to_owned());
        }
    }
    (calls, unknown)
}

/// systemd's sets, by the names `systemd/…`. Calls of architectures that are not ours are left out.
fn systemd(numbers: &Numbers) -> Result<Vec<(String, String, BTreeSet<String>)>, Error> {
    let rows = tsv::data("systemd-sets.tsv")?;
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut result = Vec::new();
    // Sets name each other in any order: as many rounds as the deepest nesting needs.
    for last in [false, false, false, true] {
        for row in &rows {
            let (calls, unknown) = members(row.cell(2)?, &sets, numbers);
            if let Some(set) = unknown.iter().find(|word| word.starts_with('@')).filter(|_| last) {
                return Err(row.wrong(format!("no set {set}")));
            }
            sets.insert(row.cell(0)?.to_owned(), calls.clone());
            if last {
                result.push((format!("systemd/{}", row.cell(0)?), row.cell(1)?.to_owned(), calls));
            }
        }
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(name: &str, members: &str) -> Leaf {
        Leaf {
            name: name.to_owned(),
            about: String::new(),
            risk: Risk::Low,
            reason: String::new(),
            members: members.to_owned(),
        }
    }

    #[test]
    fn leaves_must_partition_the_calls() {
        let numbers: Numbers = ["a", "b"].into_iter().map(|call| (call.to_owned(), [None; 5])).collect();
        let problem = |leaves_: Vec<Leaf>| leaves(leaves_, &numbers).err().map(|error| error.to_string());
        assert_eq!(problem(vec![leaf("x", "a"), leaf("y", "b")]), None);
        assert_eq!(problem(vec![leaf("x", "a")]).unwrap(), "in no leaf group of groups.toml: b");
        assert_eq!(problem(vec![leaf("x", "a b"), leaf("y", "b")]).unwrap(), "`b` is in @x and in @y");
        assert_eq!(problem(vec![leaf("x", "a b c")]).unwrap(), "@x: `c` is no call");
    }
}
