//! The text of a `config.json`, or of another file in its terms, as a tree.

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::fmt;

/// Longest text, bytes. A bundle with a filter of its own has some tens of KiB; one of a Kubernetes pod with
/// thousands of environment variables stays under 1 MiB.
const SIZE: usize = 8 << 20;

/// Where a bundle has its filter.
const FILTER: [&str; 2] = ["linux", "seccomp"];

/// A JSON object. Keys stand once, and what is `null` is not there, as Go reads it.
///
/// The filter stays a text until it is asked for: it is most of a bundle, and the same for most containers.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    tree: Value,
    filter: Option<String>,
}

/// Why a text is none.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It is too long.
    #[error("it has {0} bytes; at most {SIZE} are read")]
    Size(usize),
    /// It is no JSON, or a key stands twice.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It is something else than an object.
    #[error("it is no JSON object")]
    NoObject,
}

impl Document {
    /// Reads a text.
    pub fn parse(text: &[u8]) -> Result<Document, DocumentError> {
        if text.len() > SIZE {
            return Err(DocumentError::Size(text.len()));
        }
        let mut filter = None;
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let once = Once { aside: Some((&FILTER, &mut filter)) };
        let tree = once.deserialize(&mut deserializer)?;
        deserializer.end()?;
        let filter = filter.map(|text| text.get().to_owned()).filter(|text| text != "null");
        if tree.is_object() { Ok(Document { tree, filter }) } else { Err(DocumentError::NoObject) }
    }

    /// A part of a bundle.
    pub(super) fn part(tree: Value) -> Document {
        Document { tree, filter: None }
    }

    /// The tree, without the filter.
    pub(super) fn tree(&self) -> &Value {
        &self.tree
    }

    /// It alone.
    pub(super) fn into_tree(self) -> Value {
        self.tree
    }

    /// The text; ends with a new line.
    pub fn text(&self) -> String {
        let filter = self.filter.as_deref().map(serde_json::from_str::<&RawValue>);
        let written = match filter {
            None => serde_json::to_string(&self.tree),
            Some(filter) => filter.and_then(|text| {
                serde_json::to_string(&With { value: Some(&self.tree), path: &FILTER, text })
            }),
        };
        match written {
            Ok(text) => text + "\n",
            Err(error) => unreachable!("a tree of texts, and a text that was read: {error}"),
        }
    }

    /// The text of the filter, as it was written.
    pub(super) fn filter_text(&self) -> Option<&str> {
        self.filter.as_deref()
    }

    /// The filter; `None` where there is none.
    pub(super) fn filter(&self) -> Result<Option<Value>, DocumentError> {
        let read = |text| {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            Once { aside: None }.deserialize(&mut deserializer)
        };
        Ok(self.filter.as_deref().map(read).transpose()?)
    }

    /// Puts a filter in the place of the one that is there; a text of JSON.
    pub(super) fn set_filter(&mut self, filter: Option<String>) {
        self.filter = filter;
    }

    /// The value at a path of keys, where all of them are there.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.tree, |value, key| value.get(key))
    }

    /// The text at a path of keys; empty where there is none.
    pub fn string(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// The list at a path of keys; empty where there is none.
    pub(super) fn list(&self, path: &[&str]) -> &[Value] {
        self.get(path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The mapping at a path of keys, made where it is not there. What is no mapping on the way is replaced: the
    /// check of the fields has refused it before.
    pub(super) fn object(&mut self, path: &[&str]) -> &mut Map<String, Value> {
        let mut value = &mut self.tree;
        for key in path {
            value = object(value).entry(*key).or_insert_with(|| Value::Object(Map::new()));
        }
        object(value)
    }

    /// Sets the value at a path of keys.
    pub(super) fn set(&mut self, path: &[&str], value: impl Into<Value>) {
        if let Some((last, above)) = path.split_last() {
            self.object(above).insert((*last).to_owned(), value.into());
        }
    }

    /// Adds a hook that the runtime starts on the host when the container is gone: its program, and all of its
    /// arguments with the program's name first. config.md, "Poststop".
    pub fn add_poststop(&mut self, program: &str, arguments: &[&str]) {
        let mut hooks = self.list(&["hooks", "poststop"]).to_vec();
        hooks.push(json!({"path": program, "args": arguments}));
        self.set(&["hooks", "poststop"], hooks);
    }

    /// Gives a mount another source, by its place among the mounts.
    pub fn set_source(&mut self, mount: usize, source: &str) {
        if let Some(mount) = self.tree.get_mut("mounts").and_then(|mounts| mounts.get_mut(mount)) {
            mount["source"] = source.into();
        }
    }

    /// Gives every joined namespace the path that `place` gives for its own.
    pub fn set_joined<E>(&mut self, mut place: impl FnMut(&str) -> Result<String, E>) -> Result<(), E> {
        let namespaces = self.tree.pointer_mut("/linux/namespaces").and_then(Value::as_array_mut);
        for path in namespaces.into_iter().flatten().filter_map(|entry| entry.get_mut("path")) {
            if let Some(old) = path.as_str().filter(|old| !old.is_empty()) {
                *path = place(old)?.into();
            }
        }
        Ok(())
    }

    /// Gives the inner runtime an order.
    pub fn order(&mut self, annotation: &str, value: &str) {
        self.set(&["annotations", annotation], value);
    }

    /// Takes the value at a path of keys away.
    pub(super) fn remove(&mut self, path: &[&str]) {
        if let Some((last, above)) = path.split_last()
            && self.get(above).is_some()
        {
            self.object(above).remove(*last);
        }
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        // It was made one above.
        _ => unreachable!("a value that was made an object"),
    }
}

/// A value in which every key stands once.
struct Once<'a> {
    /// The keys that lead to a value which stays a text, and the place for it.
    aside: Option<(&'a [&'static str], &'a mut Option<Box<RawValue>>)>,
}

impl<'de> DeserializeSeed<'de> for Once<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.aside {
            Some(([], place)) => {
                *place = Some(Box::deserialize(deserializer)?);
                Ok(Value::Null)
            }
            _ => deserializer.deserialize_any(self),
        }
    }
}

impl<'de> Visitor<'de> for Once<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Err(E::custom(format!("{value} is no whole number of 64 bits")))
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = entries.next_element_seed(Once { aside: None })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut nothing = false;
        while let Some(key) = entries.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            let aside = self.aside.as_mut().and_then(|(path, place)| {
                let (first, rest) = path.split_first()?;
                (*first == key).then_some((rest, &mut **place))
            });
            let value = entries.next_value_seed(Once { aside })?;
            nothing |= value.is_null();
            map.insert(key, value);
        }
        // Not before: what is nothing stands once too.
        if nothing {
            map.retain(|_, value| !value.is_null());
        }
        Ok(Value::Object(map))
    }
}

/// A tree with a text at a path of keys.
struct With<'a> {
    /// `None`: it is not there, and is made.
    value: Option<&'a Value>,
    path: &'a [&'static str],
    text: &'a RawValue,
}

impl Serialize for With<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((first, path)) = self.path.split_first() else { return self.text.serialize(serializer) };
        let entries = self.value.and_then(Value::as_object);
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in entries.into_iter().flatten().filter(|(key, _)| key != first) {
            map.serialize_entry(key, value)?;
        }
        let value = entries.and_then(|entries| entries.get(*first));
        map.serialize_entry(first, &With { value, path, text: self.text })?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_once_and_null_is_nothing() {
        let document =
            Document::parse(br#"{"a": null, "b": {"c": null, "d": 18446744073709551615}}"#).unwrap();
        assert_eq!(document.text(), "{\"b\":{\"d\":18446744073709551615}}\n");
        for text in [
            &br#"{"a": null, "a": 1}"#[..],
            br#"{"a": {"b": 1, "b": 1}}"#,
            b"[]",
            b"",
            b"{\"a\": 1.5}",
            b"{} {}",
        ] {
            assert!(Document::parse(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_filter_stays_a_text() {
        let text =
            r#"{"a":1,"linux":{"b":{"seccomp":null},"seccomp":{ "x" : [1, {"x": null}] }},"seccomp":2}"#;
        let mut document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(document.filter_text(), Some(r#"{ "x" : [1, {"x": null}] }"#));
        assert_eq!(document.filter().unwrap(), Some(serde_json::json!({"x": [1, {}]})));
        assert_eq!(document.get(&FILTER), None);
        let written = r#"{"a":1,"seccomp":2,"linux":{"b":{},"seccomp":{ "x" : [1, {"x": null}] }}}"#;
        assert_eq!(document.text(), format!("{written}\n"));
        assert_eq!(Document::parse(written.as_bytes()).unwrap(), document);
        document.set_filter(None);
        assert_eq!(document.text(), "{\"a\":1,\"linux\":{\"b\":{}},\"seccomp\":2}\n");
        let mut document = Document::parse(br#"{"linux": {"seccomp": null}}"#).unwrap();
        assert_eq!(document.filter_text(), None);
        document.remove(&["linux"]);
        document.set_filter(Some("{}".to_owned()));
        assert_eq!(document.text(), "{\"linux\":{\"seccomp\":{}}}\n");
        // It is JSON at once, and what else it must be when it is asked for.
        for text in [r#"{"linux": {"seccomp": {]}}"#, r#"{"linux": {"seccomp": {}, "seccomp": {}}}"#] {
            assert!(Document::parse(text.as_bytes()).is_err(), "{text}");
        }
        for text in [r#"{"x": 1, "x": 1}"#, r#"{"x": 1.5}"#] {
            let document =
                Document::parse(format!(r#"{{"linux": {{"seccomp": {text}}}}}"#).as_bytes()).unwrap();
            assert!(document.filter().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_there_is_made() {
        let mut document = Document::parse(b"{}").unwrap();
        document.set(&["linux", "resources", "pids", "limit"], 5);
        document.remove(&["process", "oomScoreAdj"]);
        assert_eq!(document.text(), "{\"linux\":{\"resources\":{\"pids\":{\"limit\":5}}}}\n");
    }
}
