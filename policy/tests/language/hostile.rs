//! Texts that mean harm: no panic, no tree bigger than the text, every fault an error with a place.

use super::world::{World, source};
use proptest::prelude::*;
use stockade_policy::diagnostic::{Diagnostic, render};
use stockade_policy::parse::parse;
use stockade_policy::resolve::{Mode, resolve};

const EXAMPLE: &str = include_str!("example.yaml");

/// The findings about a text that must not be taken.
fn refused(text: impl AsRef<[u8]>) -> Vec<Diagnostic> {
    let faults = parse(&source("test.yaml", text)).expect_err("it should be refused");
    assert!(!faults.is_empty());
    assert!(!render(&faults, false).is_empty());
    faults
}

fn message(text: impl AsRef<[u8]>) -> String {
    refused(text)[0].message.clone()
}

#[test]
fn an_alias_bomb_is_refused_at_its_first_anchor() {
    let mut bomb = "stockade: 1\na: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..) {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    let faults = refused(&bomb);
    assert_eq!(faults[0].message, "YAML anchors (`&name`) are not part of the language");
    assert_eq!(faults[0].place.as_ref().unwrap().origin.line, 2);
}

#[test]
fn a_big_file_is_not_read() {
    let text = format!("stockade: 1\nname: {}\n", "x".repeat(10_000_000));
    assert_eq!(message(text), "the profile has 10000019 bytes; at most 1048576 are read");
}

#[test]
fn depth_and_number_of_values_are_bounded() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
        let deep = format!("stockade: 1\nname:\n  {}x{}\n", open.repeat(100_000), close.repeat(100_000));
        let faults = refused(&deep);
        assert!(faults[0].message.contains("deep"), "{open}: {}", faults[0].message);
    }
    let deep: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(message(&deep).contains("deep"));
    let wide = format!("stockade: 1\ncapabilities: [{}]\n", "a,".repeat(200_000));
    assert_eq!(message(&wide), "a profile has at most 50000 values");
    let wide = format!("stockade: 1\ncapabilities: [{}]\n", "kill,".repeat(6_000));
    assert_eq!(message(&wide), "a list has at most 5000 entries");
}

#[test]
fn the_number_of_findings_is_bounded() {
    let many: String = (0..2000).map(|number| format!("key{number}: 1\n")).collect();
    let faults = refused(format!("stockade: 1\n{many}"));
    assert_eq!(faults.len(), 51);
    assert_eq!(faults[50].message, "and 1950 more errors");
}

#[test]
fn bytes_that_are_no_text() {
    for text in [
        &b"\xff\xfe"[..],
        b"stockade: 1\nname: \xc3\x28\n",
        b"\0",
        b"stockade: 1\nname: a\0b\n",
        b"\xef\xbb\xbf\xff",
    ] {
        let faults = refused(text);
        assert!(faults[0].place.is_some());
    }
    // A byte order mark in front is what some editors write.
    assert!(parse(&source("test.yaml", "\u{feff}stockade: 1\n")).is_ok());
}

#[test]
fn long_lines_and_words_cost_little() {
    let long = "x".repeat(900_000);
    for text in [
        format!("stockade: 1\n{long}: 1\n"),
        format!("stockade: 1\nfiles: {{read: [{long}]}}\n"),
        format!("stockade: 1\nsyscalls: {{allow: [{long}]}}\n"),
        format!("stockade: 1\ncapabilities: [{long}]\n"),
        format!("stockade: 1\nsyscalls:\n  allow:\n    - \"{long}\n"),
        format!("stockade: 1\nsyscalls: {{otherwise: {long}}}\n"),
        format!("stockade: 1\nresources: {{memory: {}}}\n", "9".repeat(900_000)),
        format!("stockade: 1\nsyscalls:\n  allow:\n    - read({}\n", "(".repeat(900_000)),
        format!("stockade: 1\nnetwork: {{egress: {{to: [{}]}}}}\n", "1.".repeat(400_000)),
    ] {
        match World::new().resolve(&text, Mode::Profile) {
            Ok(_) => panic!("{}", &text[..60]),
            Err(faults) => assert!(!render(&faults, false).is_empty()),
        }
    }
}

#[test]
fn many_entries_cost_little() {
    let world = World::new();
    let groups = "\"@docker/default\",".repeat(4_900);
    world.policy(&format!("stockade: 1\nsyscalls: {{allow: [{groups}]}}\n"));
    let peers: String =
        (0..4_900).map(|n| format!("10.{}.{}.0/24 tcp/{},", n / 250, n % 250, n + 1)).collect();
    world.policy(&format!("stockade: 1\nnetwork: {{egress: {{to: [{peers}]}}}}\n"));
    let paths: String = (0..4_900).map(|n| format!("/a{n}{},", "/b".repeat(50))).collect();
    world.policy(&format!("stockade: 1\nfiles: {{read: [{paths}]}}\n"));
    let rules = "\"read(fd == 1)\",".repeat(100);
    let faults =
        world.faults(&format!("stockade: 1\nextends: [unconfined]\nsyscalls: {{deny: [{rules}]}}\n"));
    assert!(faults.starts_with("error: a call has at most 64 conditions"), "{faults}");
}

/// Pairs of bits in two arguments: each pair doubles the diagram.
fn pairs(count: u32) -> String {
    let pair = |bit: u32| format!("fd & {0} == {0} and count & {0} == {0}", 1u64 << bit);
    (0..count).map(pair).collect::<Vec<_>>().join(" or ")
}

#[test]
fn conditions_that_explode_are_refused() {
    let world = World::default().with("restricted", "stockade: 1\n");
    let rules: String = (0..64).map(|n| format!("    - read({} or buf == {n})\n", pairs(9))).collect();
    let faults = world.faults(&format!("stockade: 1\nsyscalls:\n  allow:\n{rules}"));
    assert!(
        faults.starts_with("error: the conditions of a profile need at most 50000 decisions"),
        "{faults}"
    );
}

/// Parses and, where that works, resolves.
fn digest(text: &[u8]) {
    let world = World::new();
    match parse(&source("test.yaml", text)) {
        Ok(profile) => {
            for mode in [Mode::Profile, Mode::Floor] {
                if let Err(faults) = resolve(&profile, &world, mode) {
                    assert!(!render(&faults, true).is_empty());
                }
            }
        }
        Err(faults) => assert!(!render(&faults, true).is_empty()),
    }
}

/// Pieces that mean something to YAML or to the language.
const PIECES: [&str; 40] = [
    "\n",
    "  ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!t ",
    "<<",
    "? ",
    "|\n",
    ">\n",
    "---\n",
    "...\n",
    "%",
    "@",
    "\t",
    "\r",
    "\0",
    "\u{feff}",
    "é",
    "all",
    "replace: ",
    "not ",
    "and",
    "(",
    ")",
    "& ",
    "== ",
    "0x",
    "-1",
    "null",
    "64 MiB",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(usize, &'static str),
    Delete(usize, usize),
    Repeat(usize, usize),
    Byte(usize, u8),
}

fn change() -> impl Strategy<Value = Change> {
    let at = 0..EXAMPLE.len();
    prop_oneof![
        (at.clone(), prop::sample::select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (at.clone(), 1..40usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (at.clone(), 1..40usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (at, any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
    ]
}

fn changed(changes: &[Change]) -> Vec<u8> {
    let mut text = EXAMPLE.as_bytes().to_vec();
    for change in changes {
        let clamp = |at: usize| at.min(text.len());
        match *change {
            Change::Insert(at, piece) => {
                let at = clamp(at);
                text.splice(at..at, piece.bytes());
            }
            Change::Delete(at, length) => {
                text.drain(clamp(at)..clamp(at + length));
            }
            Change::Repeat(at, length) => {
                let piece = text[clamp(at)..clamp(at + length)].to_vec();
                let at = clamp(at);
                text.splice(at..at, piece);
            }
            Change::Byte(at, byte) => {
                if let Some(place) = text.get_mut(at) {
                    *place = byte;
                }
            }
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changed_profiles_never_panic(changes in prop::collection::vec(change(), 1..6)) {
        digest(&changed(&changes));
    }

    #[test]
    fn pieces_in_any_order_never_panic(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)) {
        digest(format!("stockade: 1\nsyscalls:\n  allow: {}", pieces.concat()).as_bytes());
    }

    #[test]
    fn any_rule_never_panics(rule in "[a-z_ ()&|{},=!<>0-9x-]{0,60}") {
        digest(format!("stockade: 1\nsyscalls:\n  allow:\n    - socket({rule})\n").as_bytes());
    }
}
