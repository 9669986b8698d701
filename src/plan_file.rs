//! Plans in files, as `compile --emit plan` writes them and `run --plan` reads them.

use crate::failure::Failure;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use stockade_policy::plan::Plan;

/// Bytes of a plan that are read at once; most have less.
const MOST: usize = 32 << 10;

/// The envelope's own fields.
#[derive(Deserialize)]
struct Envelope<'a> {
    stockade: u32,
    kind: &'a str,
}

/// A plan in its envelope as we write it, the envelope's fields first: one pass over the text is enough. (Flattening
/// would put every instruction of the filter through a buffer of its own.)
struct AsWritten(Plan);

impl<'de> Deserialize<'de> for AsWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<AsWritten, D::Error> {
        deserializer.deserialize_map(AsWrittenVisitor)
    }
}

struct AsWrittenVisitor;

impl<'de> Visitor<'de> for AsWrittenVisitor {
    type Value = AsWritten;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a plan in its envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AsWritten, A::Error> {
        let ours = map.next_entry::<&str, u32>()? == Some(("stockade", 1))
            && map.next_entry::<&str, &str>()? == Some(("kind", "plan"));
        if !ours {
            return Err(A::Error::custom("not as we write it"));
        }
        Plan::deserialize(MapAccessDeserializer::new(map)).map(AsWritten)
    }
}

/// Reads the plan at `path`, which must have been compiled under the floors with this hash.
pub(crate) fn read(path: &Path, floors: &str) -> Result<Plan, Failure> {
    let fault = |source| Failure::Read { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(fault)?;
    let mut text = Vec::with_capacity(MOST);
    rustix::io::read(&file, rustix::buffer::spare_capacity(&mut text))
        .map_err(|errno| fault(errno.into()))?;
    // Half a plan is no JSON, so what can be read is whole.
    let plan = match serde_json::from_slice(&text) {
        Ok(AsWritten(plan)) => plan,
        Err(_) => {
            file.read_to_end(&mut text).map_err(fault)?;
            in_any_order(path, &text)?
        }
    };
    if plan.floors != floors {
        return Err(Failure::OtherFloors { path: path.to_owned() });
    }
    Ok(plan)
}

/// The plan in a text that someone else may have written anew, or that is none.
fn in_any_order(path: &Path, text: &[u8]) -> Result<Plan, Failure> {
    let json = |source| Failure::Json { path: path.to_owned(), what: "compiled plan", source };
    let envelope: Envelope<'_> = serde_json::from_slice(text).map_err(json)?;
    if envelope.stockade != 1 || envelope.kind != "plan" {
        let why = format!("it holds a {} of version {}", envelope.kind, envelope.stockade);
        return Err(Failure::OtherPlan { path: path.to_owned(), why });
    }
    serde_json::from_slice(text).map_err(json)
}
