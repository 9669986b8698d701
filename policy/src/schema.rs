//! JSON Schema of the language, made from the tables of keys that the parser reads with.

use crate::parse::read::Read;
use crate::profile::Sections;
use crate::rules::Rules;
use serde_json::{Value, json};

/// The schema of a profile, draft 2020-12. It takes what the parser takes as to keys and shapes; what
/// needs looking up (names of calls, parents, users) only the parser and `resolve` check.
pub fn schema() -> Value {
    document(Sections::schema(), "stockade profile", &["stockade"])
}

/// The same of the administrator's rules for containers of engines.
pub fn rules() -> Value {
    document(Rules::schema(), "stockade rules for containers of engines", &["stockade", "default"])
}

fn document(mut schema: Value, title: &str, required: &[&str]) -> Value {
    if let Value::Object(schema) = &mut schema {
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!(title));
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}
