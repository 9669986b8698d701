//! The text of a `config.json`, or of another file in its terms, as a tree.

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;

/// Longest text, bytes. A bundle with a filter of its own has some tens of KiB; one of a Kubernetes pod with
/// thousands of environment variables stays under 1 MiB.
const SIZE: usize = 8 << 20;

/// A JSON object. Keys stand once, and what is `null` is not there, as Go reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Document(pub(super) Value);

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
        let Once(value) = serde_json::from_slice(text)?;
        if value.is_object() { Ok(Document(value)) } else { Err(DocumentError::NoObject) }
    }

    /// The text; ends with a new line.
    pub fn text(&self) -> String {
        format!("{}\n", self.0)
    }

    /// The value at a path of keys, where all of them are there.
    pub fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.0, |value, key| value.get(key))
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
        let mut value = &mut self.0;
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
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OnceVisitor).map(Once)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
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
        while let Some(Once(value)) = entries.next_element()? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut seen = std::collections::BTreeSet::new();
        while let Some((key, Once(value))) = entries.next_entry::<String, Once>()? {
            if !seen.insert(key.clone()) {
                return Err(A::Error::custom(format!("the key `{key}` stands twice")));
            }
            if !value.is_null() {
                map.insert(key, value);
            }
        }
        Ok(Value::Object(map))
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
    fn what_is_not_there_is_made() {
        let mut document = Document::parse(b"{}").unwrap();
        document.set(&["linux", "resources", "pids", "limit"], 5);
        document.remove(&["process", "oomScoreAdj"]);
        assert_eq!(document.text(), "{\"linux\":{\"resources\":{\"pids\":{\"limit\":5}}}}\n");
    }
}
