//! `process.apparmorProfile` and `process.selinuxLabel`. config.md, "Linux Process"; apparmor(7), selinux(8).

use super::{Cut, Document, Refusal};
use crate::policy::{Label, Lsm, Policy};
use std::collections::BTreeSet;

/// A security module as the host lists it, and the field by which a runtime is given its label.
const MODULES: [(&str, &str, &str); 2] =
    [("apparmor", "apparmorProfile", "AppArmor"), ("selinux", "selinuxLabel", "SELinux")];

/// What a container is called that AppArmor leaves alone.
const UNCONFINED: &str = "unconfined";

/// Gives the process the labels that the policy names, where this host has the module (`modules`). Between two labels
/// nothing is known: a bundle with another one is refused. What is given is taken out of the policy and returned, so that
/// nothing else is asked to enforce it; what is left there no layer enforces.
pub(super) fn meet(
    process: &mut Document,
    policy: &mut Policy,
    modules: &BTreeSet<String>,
    refusals: &mut Vec<Refusal>,
) -> (Option<Lsm>, Vec<Cut>) {
    let mut given = Policy::unconstrained("labels").lsm;
    let mut cuts = Vec::new();
    for (module, field, word) in MODULES {
        let (asked, place) = match module {
            "apparmor" => (&mut policy.lsm.apparmor, &mut given.apparmor),
            _ => (&mut policy.lsm.selinux, &mut given.selinux),
        };
        let Some(label) = asked.clone().filter(|_| modules.contains(module)) else { continue };
        let Label::Name(name) = &label.value else { continue };
        let before = process.string(&[field]).to_owned();
        if before.is_empty() || before == UNCONFINED {
            process.set(&[field], name.as_str());
            let change = format!("`{name}` in the place of none");
            cuts.push(Cut { field: format!("process.{field}"), change, origins: label.origins.clone() });
        } else if before != *name {
            let why = format!(
                "it has the {word} label `{before}`, and the policy names `{name}`; neither is known to be stricter"
            );
            refusals.push(Refusal { field: format!("process.{field}"), why, origins: label.origins.clone() });
        }
        *place = Some(label);
        *asked = None;
    }
    let any = given.apparmor.is_some() || given.selinux.is_some();
    (any.then_some(given), cuts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::origin::Ruled;
    use serde_json::json;

    fn met(label: Label, process: serde_json::Value, modules: &[&str]) -> (String, bool, usize, Vec<String>) {
        let modules = modules.iter().map(|module| (*module).to_owned()).collect();
        let mut policy = Policy::unconstrained("test");
        policy.lsm.apparmor = Some(Ruled::unwritten(label));
        let mut process = Document::part(process);
        let mut refusals = Vec::new();
        let (given, cuts) = meet(&mut process, &mut policy, &modules, &mut refusals);
        assert_eq!(given.is_some(), policy.lsm.apparmor.is_none());
        let refusals = refusals.iter().map(ToString::to_string).collect();
        (process.string(&["apparmorProfile"]).to_owned(), given.is_some(), cuts.len(), refusals)
    }

    #[test]
    fn a_label_takes_the_place_of_none_and_of_no_other() {
        let web = || Label::Name("web".to_owned());
        let none: [String; 0] = [];
        for bundle in [json!({}), json!({"apparmorProfile": ""}), json!({"apparmorProfile": "unconfined"})] {
            assert_eq!(met(web(), bundle, &["apparmor"]), ("web".to_owned(), true, 1, none.to_vec()));
        }
        let same = met(web(), json!({"apparmorProfile": "web"}), &["apparmor"]);
        assert_eq!(same, ("web".to_owned(), true, 0, none.to_vec()));
        let (_, _, _, refusals) = met(web(), json!({"apparmorProfile": "docker-default"}), &["apparmor"]);
        assert_eq!(
            refusals,
            [
                "process.apparmorProfile: it has the AppArmor label `docker-default`, and the policy names `web`; neither is \
              known to be stricter"
            ]
        );
    }

    #[test]
    fn what_nobody_gives_stays_asked_for() {
        // No such module, and a label that nobody writes.
        let none: [String; 0] = [];
        for (label, modules) in
            [(Label::Name("web".to_owned()), &["selinux"][..]), (Label::Generate, &["apparmor"][..])]
        {
            assert_eq!(met(label, json!({}), modules), (String::new(), false, 0, none.to_vec()));
        }
        let free = met(Label::Unconfined, json!({"apparmorProfile": "docker-default"}), &["apparmor"]);
        assert_eq!(free, ("docker-default".to_owned(), false, 0, none.to_vec()));
    }
}
