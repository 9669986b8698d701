//! The JSON Schema: current, and true of what the parser takes.

use super::world::source;
use serde_json::{Map, Value};
use std::path::PathBuf;
use stockade_policy::parse::parse;
use stockade_policy::schema;

/// `WRITE=1 cargo test -p stockade-policy --test language schema` writes the files anew.
#[test]
fn the_committed_schemas_are_current() {
    for (file, schema) in
        [("profile.schema.json", schema::schema()), ("runtime.schema.json", schema::rules())]
    {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("WRITE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(current == text, "docs/{file} is stale: run this test with WRITE=1");
    }
}

/// A profile as JSON, the way an editor's YAML support sees it.
fn json(text: &str) -> Value {
    use granit_parser::{Event, Parser, ScalarStyle};
    fn next<'a>(events: &mut Parser<'a, granit_parser::StrInput<'a>>) -> Option<Value> {
        loop {
            return Some(match events.next_event()?.unwrap().0 {
                Event::Scalar(text, ScalarStyle::Plain, ..) => text
                    .parse::<i64>()
                    .map(Value::from)
                    .or_else(|_| text.parse::<bool>().map(Value::from))
                    .unwrap_or_else(|_| match text.parse::<f64>() {
                        Ok(number) => number.into(),
                        Err(_) => text.into_owned().into(),
                    }),
                Event::Scalar(text, ..) => text.into_owned().into(),
                Event::SequenceStart(..) => {
                    let mut items = Vec::new();
                    while let Some(item) = next(events) {
                        items.push(item);
                    }
                    Value::Array(items)
                }
                Event::MappingStart(..) => {
                    let mut entries = Map::new();
                    while let Some(key) = next(events) {
                        let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                        entries.insert(key, next(events).unwrap());
                    }
                    Value::Object(entries)
                }
                Event::SequenceEnd | Event::MappingEnd | Event::StreamEnd => return None,
                _ => continue,
            });
        }
    }
    next(&mut Parser::new_from_str(text)).unwrap()
}

/// Whether the schema takes `text`, checked against what the parser does with it.
fn validates(text: &str) -> bool {
    let validator = jsonschema::validator_for(&schema::schema()).unwrap();
    validator.is_valid(&json(text))
}

#[test]
fn the_schema_is_a_schema() {
    assert!(jsonschema::meta::is_valid(&schema::schema()));
}

#[test]
fn what_the_parser_takes_the_schema_takes() {
    let texts = [
        include_str!("example.yaml"),
        "stockade: 1\n",
        "stockade: 1\nprocess: {user: 5, users: {not: [root, 5-9]}, groups: [a, 5], umask: 022, securebits: [noroot]}\n",
        "stockade: 1\nprocess: {user: www-data, users: 7, environment: all, sysctls: {net.ipv4.ip_forward: 0}}\n",
        "stockade: 1\ncapabilities: all\ndevices: {items: all, optional: true}\n",
        "stockade: 1\ncapabilities: {replace: [CAP_KILL], optional: false}\ndevices: [pts, /dev/fuse]\n",
        "stockade: 1\nsyscalls:\n  architectures: [arm]\n  deny: [read, {call: write, action: trap(1)}, {clone3: ENOSYS}]\n",
        "stockade: 1\nfiles: {root: writable, tmp: none, proc: hidden, hide: {replace: [/a]}}\n",
        "stockade: 1\nresources: {memory: unlimited, io: {read: 1 MB/s, read_operations: 5k/s}}\n",
        "stockade: 1\nnetwork: {egress: {rate: 1 Mbit/s burst 5 kbit, to: [any udp, \"::1\"]}, monitor: true}\n",
        "stockade: 1\nnamespaces: {network: {join: /run/netns/x}, pid: private, uts: host}\n",
        "stockade: 1\nmounts: {items: [{from: /a, at: /b}], optional: true}\nlsm: {apparmor: docker-default}\n",
    ];
    for text in texts {
        assert!(parse(&source("x", text)).is_ok(), "{text}");
        assert!(validates(text), "{text}");
    }
}

#[test]
fn the_schema_takes_the_built_in_profiles() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../profiles");
    let mut checked = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            assert!(validates(&std::fs::read_to_string(&path).unwrap()), "{}", path.display());
            checked += 1;
        }
    }
    assert!(checked > 0, "no profile in profiles/");
}

#[test]
fn shapes_that_the_parser_refuses_the_schema_refuses() {
    let texts = [
        "stockade: 2\n",
        "name: x\n",
        "stockade: 1\nsyscall: {}\n",
        "stockade: 1\nsyscalls: [read]\n",
        "stockade: 1\nsyscalls: {allow: [{clone3: enosys}]}\n",
        "stockade: 1\nsyscalls: {deny: [{a: eperm, b: eperm}]}\n",
        "stockade: 1\nfiles: {read: [usr]}\n",
        "stockade: 1\nfiles: {root: rw}\n",
        "stockade: 1\nresources: {memory: 512}\n",
        "stockade: 1\nresources: {cpu: 0}\n",
        "stockade: 1\nnetwork: {egress: {new_connections: 50}}\n",
        "stockade: 1\nprocess: {no_new_privileges: \"yes\"}\n",
        "stockade: 1\nresources: {memory: 512 Mbit}\n",
        "stockade: 1\ndisk: {size: 5 GiB/s}\n",
        "stockade: 1\nnamespaces: {pid: host}\n",
        "stockade: 1\nmounts: [{from: /a}]\n",
        "stockade: 1\ncapabilities: {items: [], replace: []}\n",
        "stockade: 1\nnetwork: {egress: {from: [any]}}\n",
        "stockade: 1\ntable: 6.18\n",
    ];
    for text in texts {
        assert!(parse(&source("x", text)).is_err(), "{text}");
        assert!(!validates(text), "{text}");
    }
}
