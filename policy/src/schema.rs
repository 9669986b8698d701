//! JSON Schema of the language, made from the tables of keys that the parser reads with.

use crate::parse::read::Read;
use crate::profile::Sections;
use serde_json::{Value, json};

/// The schema of a profile, draft 2020-12. It takes what the parser takes as to keys and shapes; what
/// needs looking up (names of calls, parents, users) only the parser and `resolve` check.
pub fn schema() -> Value {
    let mut schema = Sections::schema();
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!("stockade profile"));
        schema.insert("required".to_owned(), json!(["stockade"]));
    }
    schema
}
