use super::*;
use crate::diagnostic::render;
use std::collections::BTreeMap;

fn rules(text: &str) -> Result<Rules, String> {
    parse(&Source { file: "runtime.yaml".into(), text: text.as_bytes().to_vec() })
        .map_err(|faults| render(&faults, false))
}

const EXAMPLE: &str = "\
stockade: 1
default: docker-default
requests: [web, restricted]
vouched: [engine/namespace, engine/kind]
floors: [/etc/stockade/floor.yaml]
sandbox: restricted
rules:
  - {when: {digest: 'sha256:aa*'}, profile: unconfined}
  - {when: {image: 'bad*'}, deny: it mines}
  - when: {labels: {tier: db}, name: 'db-*'}
    profile: database
    floors: [db.yaml]
  - {when: {annotations: {engine/namespace: kube-system}}, profile: unconfined}
";

fn chosen(claims: &Claims) -> Result<Vec<String>, Denied> {
    let choice = rules(EXAMPLE).unwrap().choose(claims)?;
    Ok(choice
        .steps
        .into_iter()
        .map(|step| format!("{}{}", if step.floor { "^" } else { "" }, step.profile))
        .collect())
}

#[test]
fn what_nobody_vouches_for_can_only_tighten() {
    let floor = "^/etc/stockade/floor.yaml";
    let some = |text: &str| Some(text.to_owned());
    let pairs = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    assert_eq!(chosen(&Claims::default()).unwrap(), ["docker-default", floor]);
    let vouched = Claims { digest: some("sha256:aabb"), ..Claims::default() };
    assert_eq!(chosen(&vouched).unwrap(), ["unconfined", floor]);
    // An image's name is anybody's word.
    let named = Claims { image: some("sha256:aabb"), ..Claims::default() };
    assert_eq!(chosen(&named).unwrap(), ["docker-default", floor]);
    let labelled = Claims { labels: pairs("tier", "db"), name: some("db-1"), ..Claims::default() };
    assert_eq!(chosen(&labelled).unwrap(), ["database", "docker-default", floor, "^db.yaml"]);
    let annotated = Claims { annotations: pairs("engine/namespace", "kube-system"), ..Claims::default() };
    assert_eq!(chosen(&annotated).unwrap(), ["unconfined", "docker-default", floor]);
    assert_eq!(chosen(&Claims { through_cri: true, ..annotated }).unwrap(), ["unconfined", floor]);
    let asking = Claims { requests: vec!["web".to_owned()], ..vouched };
    assert_eq!(chosen(&asking).unwrap(), ["unconfined", "web", floor]);
    let asking = Claims { requests: vec!["web".to_owned()], ..Claims::default() };
    assert_eq!(chosen(&asking).unwrap(), ["web", "docker-default", floor]);
    let pod = Claims { sandbox: some("anybody/kind"), through_cri: true, ..Claims::default() };
    assert_eq!(chosen(&pod).unwrap(), ["restricted", "docker-default", floor]);
    let pod = Claims { sandbox: some("engine/kind"), ..Claims::default() };
    assert_eq!(chosen(&pod).unwrap(), ["restricted", "docker-default", floor]);
    assert_eq!(chosen(&Claims { through_cri: true, ..pod }).unwrap(), ["restricted", floor]);
}

#[test]
fn a_start_is_denied_with_the_reason() {
    let asking = Claims { requests: vec!["unconfined".to_owned()], ..Claims::default() };
    assert_eq!(
        chosen(&asking).unwrap_err().to_string(),
        "the profile `unconfined` that it asks for is none of those that containers may ask for: web, restricted"
    );
    let bad = Claims { image: Some("bad:1".to_owned()), ..Claims::default() };
    assert_eq!(chosen(&bad).unwrap_err().to_string(), "it mines (runtime.yaml:9:35)");
}

#[test]
fn a_rule_that_fits_hides_none_that_is_stricter() {
    let text = "\
stockade: 1
default: docker-default
rules:
  - {when: {labels: {tier: batch}}, profile: web, floors: [a.yaml]}
  - {when: {digest: 'sha256:*'}, profile: database}
  - {when: {digest: 'sha256:aa*'}, profile: unconfined}
  - {when: {labels: {team: x}}, floors: [b.yaml]}
  - {when: {labels: {team: y}}, deny: it may not}
";
    let rules = rules(text).unwrap();
    let labels = |team: &str| -> BTreeMap<String, String> {
        [("tier", "batch"), ("team", team)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    };
    let claims = Claims { digest: Some("sha256:aa".to_owned()), labels: labels("x"), ..Claims::default() };
    let steps: Vec<String> =
        rules.choose(&claims).unwrap().steps.into_iter().map(|step| step.profile).collect();
    assert_eq!(steps, ["web", "database", "a.yaml", "b.yaml"]);
    assert!(rules.choose(&Claims { labels: labels("y"), ..claims }).is_err());
}

#[test]
fn faults_name_their_place() {
    for (text, expected) in [
        ("stockade: 1", "the rules lack `default`"),
        ("default: web", "the version of the language is missing"),
        ("stockade: 1\ndefault: web\nrules: [{profile: web}]", "lacks `when`"),
        ("stockade: 1\ndefault: web\nrules: [{when: {}, profile: web}]", "about every container"),
        ("stockade: 1\ndefault: web\nrules: [{when: {name: x}}]", "decides nothing"),
        ("stockade: 1\ndefault: web\nrules: [{when: {name: x}, profile: a, deny: b}]", "not both"),
        ("stockade: 1\ndefault: web\nmode: off", "is not `enforce` or `observe`"),
        ("stockade: 1\ndefault: web\nmounts: [srv]", "no absolute path"),
        ("stockade: 1\ndefault: web\nruntimes: runc", "unknown key"),
        ("", "is empty"),
    ] {
        let fault = rules(text).unwrap_err();
        assert!(fault.contains(expected), "{text}: {fault}");
    }
}
