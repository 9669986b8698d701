//! Many creates at once.

use crate::bench::{Bench, Bundle, ended};
use crate::facts;
use serde_json::{Value, json};
use std::fs;
use std::process::{Child, Stdio};

const MANY: usize = 20;

/// A bench with this many profiles that differ in a limit, and a bundle for each that asks for its own.
fn many(ids: impl Fn(usize) -> String) -> (Bench, Vec<Bundle>) {
    let names: Vec<String> = (0..MANY).map(|number| format!("./own-{number}.yaml")).collect();
    let bench = Bench::with(&format!("default: docker-default\nrequests: [{}]\n", names.join(", ")));
    let bundles = (0..MANY).map(|number| {
        let text = format!(
            "stockade: 1\nname: own-{number}\nextends: [docker-default]\nprocess:\n  no_new_privileges: true\n  \
             limits: {{open_files: {}}}\n",
            limit(number)
        );
        bench.profile(&format!("own-{number}"), &text);
        let bundle = bench.bundle(&format!("{number}"));
        bundle.edit(|config| config["annotations"] = json!({"io.stockade.profile": names[number]}));
        Bundle { id: ids(number), path: bundle.path }
    });
    let bundles = bundles.collect();
    (bench, bundles)
}

fn limit(number: usize) -> usize {
    100 + number
}

fn creates(bench: &Bench, bundles: &[Bundle]) -> Vec<bool> {
    let start = |bundle: &Bundle| {
        let mut command = bench.stockade(&["create", "--bundle", bundle.text(), &bundle.id]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let children: Vec<Child> = bundles.iter().map(start).collect();
    children.into_iter().map(|mut child| child.wait().unwrap().success()).collect()
}

fn open_files(pid: u32) -> String {
    facts::of(pid)["open files"].clone()
}

#[test]
fn creates_at_once_never_mix() {
    needs!("runtime", "runc", "busybox");
    let (bench, bundles) = many(|number| format!("c{number}"));
    assert_eq!(creates(&bench, &bundles), [true; MANY]);
    for (number, bundle) in bundles.iter().enumerate() {
        let pid = bench.state(&bundle.id).unwrap()["pid"].as_u64().unwrap();
        ended(&mut bench.stockade(&["start", &bundle.id])).success();
        assert_eq!(bench.pid(&bundle.id), u32::try_from(pid).unwrap());
        let expected = format!("{0} {0}", limit(number));
        assert_eq!(open_files(bench.pid(&bundle.id)), expected);
        let added = ended(bench.stockade(&["exec", &bundle.id]).args(facts::OWN)).success();
        assert_eq!(facts::from(&added)["open files"], expected);
    }
}

/// The one record that is kept.
fn record(bench: &Bench) -> Vec<u8> {
    let places: Vec<_> = fs::read_dir(bench.join("state/containers")).unwrap().flatten().collect();
    assert_eq!(places.len(), 1);
    fs::read(places[0].path().join("record.json")).unwrap()
}

/// What a process is under that a file describes without limits of its own.
fn added(bench: &Bench) -> String {
    let file = bench.join("process.json");
    let process = json!({"user": {"uid": 0, "gid": 0}, "args": facts::OWN, "env": [], "cwd": "/"});
    fs::write(&file, process.to_string()).unwrap();
    let added = ended(&mut bench.stockade(&["exec", "--process", file.to_str().unwrap(), "x"]));
    facts::from(&added.success())["open files"].clone()
}

#[test]
fn of_one_id_one_wins() {
    needs!("runtime", "runc", "busybox");
    let (bench, bundles) = many(|_| "x".to_owned());
    let won: Vec<usize> = creates(&bench, &bundles)
        .iter()
        .enumerate()
        .filter(|(_, won)| **won)
        .map(|(number, _)| number)
        .collect();
    let [winner] = won.as_slice() else { panic!("{won:?} won") };
    let record: Value = serde_json::from_slice(&record(&bench)).unwrap();
    assert_eq!(record["profiles"][0], format!("./own-{winner}.yaml"));
    ended(&mut bench.stockade(&["start", "x"])).success();
    let expected = format!("{0} {0}", limit(*winner));
    assert_eq!(open_files(bench.pid("x")), expected);
    assert_eq!(added(&bench), expected);
}

#[test]
fn a_second_create_leaves_the_first_ones_policy() {
    needs!("runtime", "runc", "busybox");
    let (bench, bundles) = many(|_| "x".to_owned());
    bench.start(&bundles[0]);
    let before = record(&bench);
    let bytes = bundles[1].bytes();
    // One that would get more.
    bench.create(&bundles[1]).refused("there is a container x");
    assert_eq!(record(&bench), before);
    assert_eq!(bundles[1].bytes(), bytes);
    assert_eq!(added(&bench), format!("{0} {0}", limit(0)));
    // When the first is gone, its place is free.
    ended(&mut bench.stockade(&["delete", "--force", "x"])).success();
    bench.start(&bundles[1]);
    assert_eq!(added(&bench), format!("{0} {0}", limit(1)));
}
