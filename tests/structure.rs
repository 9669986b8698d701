//! The shape of the repository: who may import whom, and where `unsafe` may stand. ARCHITECTURE.md says
//! why.
#![forbid(unsafe_code)]

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate of ours, and those of ours that it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    (
        "stockade",
        &[
            "stockade-policy",
            "stockade-libseccomp",
            "stockade-enforcer",
            "stockade-observe",
            "stockade-audit",
            "stockade-vm",
        ],
    ),
    ("stockade-policy", &[]),
    ("stockade-libseccomp", &["stockade-policy"]),
    ("stockade-generate", &["stockade-policy"]),
    ("stockade-enforcer", &["stockade-policy", "stockade-observe", "stockade-ebpf-common"]),
    ("stockade-observe", &["stockade-policy"]),
    ("stockade-audit", &["stockade-policy", "stockade-observe"]),
    ("stockade-ebpf-common", &[]),
    ("stockade-vm", &[]),
    ("stockade-ebpf", &["stockade-ebpf-common"]),
];

/// Crates where not even `sys` may be unsafe, by the folder of their sources.
const SAFE: &[&str] = &[
    "policy/src",
    "policy/generate/src",
    "policy/libseccomp/src",
    "enforcer/observe/src",
    "audit/src",
    "ebpf/common/src",
    "tests/vm/src",
];

/// Where unsafe code may stand, of all Rust sources here, whoever compiles them: a file, or a folder and all below, and
/// why.
const UNSAFE: [(&str, &str); 6] = [
    ("enforcer/src/sys.rs", "the fence itself: the raw system call behind the trait"),
    ("enforcer/src/sys", "the kernel's interfaces, one a file"),
    (
        "enforcer/init",
        "process 1, and what stands before a container's command: system calls without a library",
    ),
    ("enforcer/drill", "the drill inside a container: system calls without a library"),
    ("ebpf/src", "programs that the kernel runs: its maps and helpers have raw pointers"),
    ("src/main.rs", "the one attribute that names `main` for the C library"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The packages that a manifest describes, by name.
fn packages(manifest: &str) -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"])
        .arg(root().join(manifest))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"]
        .as_array()
        .expect("packages are a list")
        .iter()
        .map(|package| (package["name"].as_str().expect("a package has a name").to_owned(), package.clone()))
        .collect()
}

fn ours() -> BTreeMap<String, Value> {
    let mut all = packages("Cargo.toml");
    all.extend(packages("ebpf/Cargo.toml"));
    all
}

/// Every Rust source below a folder.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries {
            let path = entry.expect("a directory can be listed").path();
            // What cargo makes, and what git keeps.
            let hidden = path.file_name().is_none_or(|name| name == "target" || name == ".git");
            if path.is_dir() {
                open.extend((!hidden).then_some(path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[test]
fn every_crate_imports_only_what_it_may() {
    let ours = ours();
    let table: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(name, may)| (*name, may.iter().copied().collect())).collect();
    let named: BTreeSet<&str> = ours.keys().map(String::as_str).collect();
    assert_eq!(named, table.keys().copied().collect(), "the table and the workspace name the same crates");

    for (name, package) in &ours {
        // Of every kind: a test or a build script that needs a crate above it is an arrow up too.
        for dependency in package["dependencies"].as_array().expect("dependencies are a list") {
            let target = dependency["name"].as_str().expect("a dependency has a name");
            if !named.contains(target) {
                assert!(
                    dependency["path"].is_null(),
                    "{name} takes {target} from a path outside the workspace"
                );
                continue;
            }
            assert!(table[name.as_str()].contains(target), "{name} must not depend on {target}");
        }
    }
}

#[test]
fn the_table_itself_has_no_circle() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    while settled.len() < EDGES.len() {
        let before = settled.len();
        for (name, may) in EDGES {
            if may.iter().all(|target| settled.contains(target)) {
                settled.insert(name);
            }
        }
        assert!(
            settled.len() > before,
            "a circle among {:?}",
            EDGES.iter().map(|edge| edge.0).collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_crate_of_the_workspace_takes_its_lints() {
    for (name, package) in packages("Cargo.toml") {
        let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
        let text = fs::read_to_string(manifest).expect("the manifest can be read");
        assert!(text.contains("[lints]\nworkspace = true"), "{name} does not take the workspace's lints");
    }
}

#[test]
fn crates_outside_the_fence_forbid_unsafe() {
    for folder in SAFE {
        let top = ["lib.rs", "main.rs"]
            .into_iter()
            .map(|file| root().join(folder).join(file))
            .find(|path| path.exists())
            .unwrap_or_else(|| panic!("{folder} has neither lib.rs nor main.rs"));
        let text = fs::read_to_string(&top).expect("the source can be read");
        assert!(text.contains("#![forbid(unsafe_code)]"), "{} does not forbid unsafe code", shown(&top));
    }
}

#[test]
fn the_binary_has_one_unsafe_attribute_and_no_unsafe_code() {
    // The name `main` for the C library. Whatever else is unsafe belongs into the enforcer.
    let main = "extern \"C\" fn main(";
    for path in sources("src") {
        let text = fs::read_to_string(&path).expect("the source can be read");
        let code: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.starts_with("//")).collect();
        let named: Vec<usize> = (0..code.len()).filter(|index| code[*index].contains("unsafe")).collect();
        if shown(&path) != "src/main.rs" {
            assert!(named.is_empty(), "{}: {}", shown(&path), code[named[0]]);
            continue;
        }
        assert!(text.contains("#![deny(unsafe_code)]"), "the denial stands");
        let function = code.iter().position(|line| line.starts_with(main)).expect("there is a main");
        let others: Vec<&str> = named
            .iter()
            .filter(|index| !(function - 3..function).contains(index))
            .map(|index| code[*index])
            .collect();
        assert_eq!(others, ["#![deny(unsafe_code)]"]);
    }
}

/// Whether a line of code is unsafe, or lets code be.
fn is_unsafe(line: &str) -> bool {
    let line = line.trim_start();
    let word = "unsafe";
    let after = ["{", "fn ", "extern ", "impl ", "trait "].map(|after| format!("{word} {after}"));
    let attributes = ["[", "(", " "].map(|before| format!("{before}{word}("));
    let lifts = ["allow", "expect", "warn"].map(|level| format!("{level}({word}_code"));
    let found = |parts: &[String]| parts.iter().any(|part| line.contains(part));
    !line.starts_with("//") && (found(&after) || found(&attributes) || found(&lifts))
}

#[test]
fn unsafe_code_is_found_by_how_it_is_written() {
    let word = "unsafe";
    for line in [
        "    WORD { call() }",
        "pub WORD fn f() {",
        "#[WORD(no_mangle)]",
        "#![expect(WORD_code, reason = \"\")]",
    ] {
        assert!(is_unsafe(&line.replace("WORD", word)), "{line}");
    }
    for line in ["// WORD { call() }", "#![forbid(WORD_code)]", "#![deny(WORD_code)]", "let text = \"WORD\";"]
    {
        assert!(!is_unsafe(&line.replace("WORD", word)), "{line}");
    }
}

#[test]
fn unsafe_code_stands_only_where_the_table_says() {
    let within = |name: &str, place: &str| {
        name.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut used = BTreeSet::new();
    let all = sources("");
    assert!(all.len() > 500, "only {} sources are seen", all.len());
    for path in all {
        let text = fs::read_to_string(&path).expect("the source can be read");
        let Some(line) = text.lines().find(|line| is_unsafe(line)) else { continue };
        let name = shown(&path);
        match UNSAFE.iter().find(|(place, _)| within(&name, place)) {
            Some((place, _)) => used.insert(*place),
            None => panic!("{name} is in no row of the table, and has: {line}"),
        };
    }
    for (place, why) in UNSAFE {
        assert!(used.contains(place), "{place} ({why}) needs no row: nothing there is unsafe");
    }
}

#[test]
fn no_source_outgrows_one_concept() {
    let mut seen = 0;
    for path in sources("") {
        let text = fs::read_to_string(&path).expect("the source can be read");
        seen += 1;
        // Tables written by a command are as long as what they list.
        if path.components().any(|part| part.as_os_str() == "generated") {
            continue;
        }
        let lines = text.lines().count();
        assert!(lines <= 500, "{} has {lines} lines: split it by concept", shown(&path));
    }
    assert!(seen > 0, "no sources found");
}
