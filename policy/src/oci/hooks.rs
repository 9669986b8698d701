//! `hooks`: programs that the runtime starts on the host, with all of its privileges. config.md, "POSIX-platform
//! Hooks".

use super::{Document, Refusal, Surroundings};
use serde_json::Value;

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// Refuses every hook whose program the administrator does not admit, or others could put another one in the place of.
/// Links are followed, as Docker names its own as `/proc/PID/exe`, and the runtime is given where they lead: they may lead
/// elsewhere by then. What a program is called, its first argument, stays.
pub(super) fn meet(
    document: &mut Document,
    admitted: &[String],
    surroundings: &dyn Surroundings,
    refusals: &mut Vec<Refusal>,
) -> Result<(), String> {
    for kind in KINDS {
        let field = format!("hooks.{kind}");
        let mut hooks = document.list(&["hooks", kind]).to_vec();
        for hook in &mut hooks {
            let Some(path) = hook.get("path").and_then(Value::as_str) else {
                refusals.push(Refusal::plain(&field, "a hook has no path"));
                continue;
            };
            let found = surroundings.canonical(path)?;
            let Some(found) = found.as_ref().filter(|found| admitted.contains(found)) else {
                let leads = found.filter(|found| found != path);
                let leads = leads.map_or_else(String::new, |found| format!(", which is {found},"));
                let why = format!(
                    "the program {path}{leads} would run on the host, and no rule admits it as a hook"
                );
                refusals.push(Refusal::plain(&field, why));
                continue;
            };
            if let Some(part) = surroundings.changeable(found)? {
                let why = format!(
                    "the program {found} would run on the host, and others than root can change {part}"
                );
                refusals.push(Refusal::plain(&field, why));
            }
            hook["path"] = found.as_str().into();
        }
        if !hooks.is_empty() {
            document.set(&["hooks", kind], hooks);
        }
    }
    Ok(())
}
