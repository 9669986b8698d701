//! A service of Docker Compose: the options of `docker run` under the keys of the Compose specification.
//!
//! <https://github.com/compose-spec/compose-spec/blob/main/05-services.md>

use super::docker::{Setting, Value};
use serde_json::{Map, Value as Json, json};

/// How the values of an option are written.
enum Shape {
    /// `key: true`
    Switch,
    /// `key: text`
    Text,
    /// `key: 1`, where the text is a number
    Number,
    /// A list of texts.
    List,
    /// `key: {name: text}`
    Mapping,
    /// `key: {name: 1}`
    Numbers,
    /// A list of mounts in their long form.
    Mounts,
}

/// Options, and the key of each.
const KEYS: [(&str, &str, Shape); 21] = [
    ("--user", "user", Shape::Text),
    ("--group-add", "group_add", Shape::List),
    ("--security-opt", "security_opt", Shape::List),
    ("--ulimit", "ulimits", Shape::Numbers),
    ("--workdir", "working_dir", Shape::Text),
    ("--hostname", "hostname", Shape::Text),
    ("--sysctl", "sysctls", Shape::Mapping),
    ("--cap-drop", "cap_drop", Shape::List),
    ("--cap-add", "cap_add", Shape::List),
    ("--read-only", "read_only", Shape::Switch),
    ("--tmpfs", "tmpfs", Shape::List),
    ("--mount", "volumes", Shape::Mounts),
    ("--device", "devices", Shape::List),
    ("--network", "network_mode", Shape::Text),
    ("--ipc", "ipc", Shape::Text),
    ("--cgroupns", "cgroup", Shape::Text),
    ("--memory", "mem_limit", Shape::Text),
    ("--memory-swap", "memswap_limit", Shape::Text),
    ("--cpus", "cpus", Shape::Text),
    ("--pids-limit", "pids_limit", Shape::Number),
    ("--storage-opt", "storage_opt", Shape::Mapping),
];

/// Compose puts variables of its caller where a text says `$`.
fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn number(text: &str) -> Json {
    text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from)
}

/// The service `name`. Every option of [`super::docker`] has a key; a test holds the two together.
pub(super) fn service(name: &str, settings: &[Setting]) -> Json {
    let mut service = Map::from_iter([("image".to_owned(), json!("IMAGE"))]);
    for setting in settings {
        let Some((_, key, shape)) = KEYS.iter().find(|(option, ..)| *option == setting.option) else {
            continue;
        };
        let entry = service.entry(*key);
        match (shape, &setting.value) {
            (Shape::Number, Value::Text(text)) => *entry.or_insert(Json::Null) = number(text),
            (Shape::List, Value::Text(text)) => push(entry.or_insert(json!([])), literal(text).into()),
            (Shape::Text, Value::Text(text)) => *entry.or_insert(Json::Null) = literal(text).into(),
            (Shape::Switch, Value::Switch) => *entry.or_insert(Json::Null) = true.into(),
            (Shape::Mounts, Value::Fields(fields)) => push(entry.or_insert(json!([])), mount(fields)),
            (Shape::Numbers, Value::Pair(name, value)) => {
                entry.or_insert(json!({}))[name.as_str()] = number(value);
            }
            (Shape::Mapping, Value::Pair(name, value)) => {
                entry.or_insert(json!({}))[name.as_str()] = literal(value).into();
            }
            _ => {}
        }
    }
    json!({"services": {service_name(name): service}})
}

/// Letters, digits, `-`, `_` and `.`, as Compose wants it.
fn service_name(name: &str) -> String {
    let usual = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    name.chars().map(usual).take(63).collect()
}

fn push(list: &mut Json, item: Json) {
    if let Json::Array(items) = list {
        items.push(item);
    }
}

/// The long form of a mount. A source that is not there is an error, as with `docker run --mount`.
fn mount(fields: &[(&'static str, Option<String>)]) -> Json {
    let mut mount = json!({"bind": {"create_host_path": false}});
    for (key, value) in fields {
        match (*key, value) {
            ("bind-propagation", Some(value)) => mount["bind"]["propagation"] = literal(value).into(),
            ("readonly", _) => mount["read_only"] = true.into(),
            (key, Some(value)) => mount[key] = literal(value).into(),
            (key, None) => mount[key] = true.into(),
        }
    }
    mount
}

#[cfg(test)]
mod tests {
    use super::KEYS;
    use std::collections::BTreeSet;

    #[test]
    fn every_option_has_a_key() {
        let source = include_str!("docker.rs");
        let named = source.split('"').skip(1).step_by(2).filter(|text| text.starts_with("--"));
        let known: BTreeSet<&str> = KEYS.iter().map(|(option, ..)| *option).collect();
        assert_eq!(named.collect::<BTreeSet<_>>(), known);
    }
}
