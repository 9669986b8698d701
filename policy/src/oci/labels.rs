//! `process.apparmorProfile` and `process.selinuxLabel`. config.md, "Linux Process"; apparmor(7), selinux(8).

use super::{Cut, Document, Refusal};
use crate::origin::Ruled;
use crate::policy::{Label, Lsm, Policy};
use std::collections::BTreeSet;

/// A security module as the host lists it, and the field by which a runtime is given its label.
const MODULES: [(&str, &str, &str); 2] =
    [("apparmor", "apparmorProfile", "AppArmor"), ("selinux", "selinuxLabel", "SELinux")];

/// What a container is called that AppArmor leaves alone.
const UNCONFINED: &str = "unconfined";

/// Modes of AppArmor in which what a profile does not allow is denied. security/apparmor/policy.c, `aa_profile_mode_names`.
pub const CONFINING: [&str; 2] = ["enforce", "kill"];

/// What labels depend on.
pub(super) struct On<'a> {
    /// The security modules that the host has.
    pub(super) modules: &'a BTreeSet<String>,
    /// As of [`super::Surroundings`].
    pub(super) apparmor_mode: &'a ApparmorMode<'a>,
}

type ApparmorMode<'a> = dyn Fn(&str) -> Result<Option<String>, String> + 'a;

/// Gives the process the labels that the policy names, where this host has the module. Between two labels nothing is known: a
/// bundle with another one is refused. What is given, and what the bundle names where the policy names none, is returned; what
/// is given is taken out of the policy, so that nothing else is asked to enforce it; what is left there no layer enforces.
///
/// # Errors
///
/// Where the host does not say which labels it has.
pub(super) fn meet(
    process: &mut Document,
    policy: &mut Policy,
    on: &On<'_>,
    refusals: &mut Vec<Refusal>,
) -> Result<(Option<Lsm>, Vec<Cut>), String> {
    let mut given = Policy::unconstrained("labels").lsm;
    let mut cuts = Vec::new();
    for (module, field, word) in MODULES.into_iter().filter(|(module, ..)| on.modules.contains(*module)) {
        let (asked, place) = match module {
            "apparmor" => (&mut policy.lsm.apparmor, &mut given.apparmor),
            _ => (&mut policy.lsm.selinux, &mut given.selinux),
        };
        let before = process.string(&[field]).to_owned();
        let is_free = before.is_empty() || before == UNCONFINED;
        let Some((label, name)) = asked.clone().and_then(named) else {
            // The runtime gives it, or does not start the container; that it stays is read back.
            *place = (!is_free).then(|| Ruled::unwritten(Label::Name(before)));
            continue;
        };
        let field_path = format!("process.{field}");
        let refusal = if !is_free && before != name {
            Some(format!(
                "it has the {word} label `{before}`, and the policy names `{name}`; neither is known to be stricter"
            ))
        } else if module == "apparmor" {
            unconfining(&name, on.apparmor_mode)?
        } else {
            None
        };
        match refusal {
            Some(why) => {
                refusals.push(Refusal { field: field_path, why, origins: label.origins.clone() });
            }
            None if is_free => {
                process.set(&[field], name.as_str());
                let change = format!("`{name}` in the place of none");
                cuts.push(Cut { field: field_path, change, origins: label.origins.clone() });
            }
            None => {}
        }
        *place = Some(label);
        *asked = None;
    }
    let any = given.apparmor.is_some() || given.selinux.is_some();
    Ok((any.then_some(given), cuts))
}

/// A label that the host is to have, with its name.
fn named(label: Ruled<Label>) -> Option<(Ruled<Label>, String)> {
    let Label::Name(name) = &label.value else { return None };
    let name = name.clone();
    Some((label, name))
}

/// Why a profile of AppArmor would confine nothing: no runtime looks at its mode. Of a stack (`a//&b`) each part counts.
fn unconfining(name: &str, mode: &ApparmorMode<'_>) -> Result<Option<String>, String> {
    for part in name.split("//&") {
        match mode(part)? {
            Some(mode) if CONFINING.contains(&mode.as_str()) => {}
            Some(mode) => {
                return Ok(Some(format!(
                    "AppArmor has the profile `{part}` in the mode {mode}: it does not confine"
                )));
            }
            None => {
                return Ok(Some(format!(
                    "AppArmor has no profile `{part}`: load it with apparmor_parser(8)"
                )));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What becomes of a process: its label, the one that must be found, the one that nobody gives, how many cuts, and what is
    /// refused. `web` and `docker-default` confine.
    #[derive(Debug, PartialEq)]
    struct Met {
        worn: String,
        given: Option<Label>,
        left: Option<Label>,
        cuts: usize,
        refusals: Vec<String>,
    }

    fn met(label: Label, process: serde_json::Value, modules: &[&str]) -> Met {
        let modules = modules.iter().map(|module| (*module).to_owned()).collect();
        let mode = |profile: &str| {
            let modes = [("web", "enforce"), ("docker-default", "kill"), ("lax", "complain")];
            let found = modes.into_iter().find(|(name, _)| *name == profile);
            Ok(found.map(|(_, mode)| mode.to_owned()))
        };
        let mut policy = Policy::unconstrained("test");
        policy.lsm.apparmor = Some(Ruled::unwritten(label));
        let mut process = Document::part(process);
        let mut refusals = Vec::new();
        let on = On { modules: &modules, apparmor_mode: &mode };
        let (given, cuts) = meet(&mut process, &mut policy, &on, &mut refusals).unwrap();
        let value = |label: Option<Ruled<Label>>| label.map(|label| label.value);
        Met {
            worn: process.string(&["apparmorProfile"]).to_owned(),
            given: value(given.and_then(|given| given.apparmor)),
            left: value(policy.lsm.apparmor),
            cuts: cuts.len(),
            refusals: refusals.iter().map(ToString::to_string).collect(),
        }
    }

    fn name(name: &str) -> Label {
        Label::Name(name.to_owned())
    }

    #[test]
    fn a_label_takes_the_place_of_none_and_of_no_other() {
        let worn = |worn: &str, cuts| Met {
            worn: worn.to_owned(),
            given: Some(name(worn)),
            left: None,
            cuts,
            refusals: Vec::new(),
        };
        for bundle in [json!({}), json!({"apparmorProfile": ""}), json!({"apparmorProfile": "unconfined"})] {
            assert_eq!(met(name("web"), bundle, &["apparmor"]), worn("web", 1));
        }
        assert_eq!(met(name("web"), json!({"apparmorProfile": "web"}), &["apparmor"]), worn("web", 0));
        let stack = "web//&docker-default";
        assert_eq!(met(name(stack), json!({}), &["apparmor"]), worn(stack, 1));
        assert_eq!(
            met(name("web"), json!({"apparmorProfile": "docker-default"}), &["apparmor"]).refusals,
            [
                "process.apparmorProfile: it has the AppArmor label `docker-default`, and the policy names `web`; neither is \
              known to be stricter"
            ]
        );
    }

    #[test]
    fn a_label_that_does_not_confine_is_refused() {
        for (label, why) in [
            ("none", "AppArmor has no profile `none`: load it with apparmor_parser(8)"),
            ("web//&none", "AppArmor has no profile `none`: load it with apparmor_parser(8)"),
            ("lax", "AppArmor has the profile `lax` in the mode complain: it does not confine"),
        ] {
            for bundle in [json!({}), json!({"apparmorProfile": label})] {
                let refusals = met(name(label), bundle, &["apparmor"]).refusals;
                assert_eq!(refusals, [format!("process.apparmorProfile: {why}")]);
            }
        }
    }

    #[test]
    fn what_nobody_gives_stays_asked_for() {
        let left = |label: Label| Met {
            worn: String::new(),
            given: None,
            left: Some(label),
            cuts: 0,
            refusals: Vec::new(),
        };
        // No such module, and a label that nobody writes.
        assert_eq!(met(name("web"), json!({}), &["selinux"]), left(name("web")));
        assert_eq!(met(Label::Generate, json!({}), &["apparmor"]), left(Label::Generate));
        assert_eq!(met(Label::Unconfined, json!({}), &["apparmor"]), left(Label::Unconfined));
    }

    #[test]
    fn what_the_bundle_alone_names_must_be_found_too() {
        let free = met(Label::Unconfined, json!({"apparmorProfile": "docker-default"}), &["apparmor"]);
        assert_eq!(free.given, Some(name("docker-default")));
        assert_eq!((free.worn.as_str(), free.cuts, free.refusals.len()), ("docker-default", 0, 0));
        // The runtime's to refuse, or the module is not there.
        let absent = met(Label::Unconfined, json!({"apparmorProfile": "none"}), &["apparmor"]);
        assert_eq!((absent.given, absent.refusals.len()), (Some(name("none")), 0));
        assert_eq!(met(Label::Unconfined, json!({"apparmorProfile": "web"}), &[]).given, None);
    }
}
