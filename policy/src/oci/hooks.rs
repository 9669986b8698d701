//! `hooks`: programs that the runtime starts on the host, with all of its privileges. config.md, "POSIX-platform
//! Hooks".

use super::{Document, Refusal, Surroundings};
use serde_json::Value;

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Refuses every hook whose program the administrator does not admit. Links are followed: Docker names its own as
/// `/proc/PID/exe`.
pub(super) fn check(
    document: &Document,
    admitted: &[String],
    surroundings: &dyn Surroundings,
    refusals: &mut Vec<Refusal>,
) -> Result<(), String> {
    for kind in KINDS {
        let field = format!("hooks.{kind}");
        for hook in document.list(&["hooks", kind]) {
            let Some(path) = hook.get("path").and_then(Value::as_str) else {
                refusals.push(Refusal::plain(&field, "a hook has no path"));
                continue;
            };
            let found = surroundings.canonical(path)?;
            if !found.as_ref().is_some_and(|found| admitted.contains(found)) {
                let leads = found.filter(|found| found != path);
                let leads = leads.map_or_else(String::new, |found| format!(", which is {found},"));
                let why = format!(
                    "the program {path}{leads} would run on the host, and no rule admits it as a hook"
                );
                refusals.push(Refusal::plain(&field, why));
            }
        }
    }
    Ok(())
}
