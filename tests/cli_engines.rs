//! `stockade compile --emit` for engines: what comes out is taken by the engines' own programs.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn stockade(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stockade")).args(arguments).output().expect("the program runs")
}

fn told(profile: &str, form: &str) -> String {
    let output = stockade(&["compile", profile, "--emit", form]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{profile} {form}: {errors}");
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Profiles of every kind.
const PROFILES: [&str; 6] = ["restricted", "docker-default", "web", "worker", "builder", "unconfined"];

/// Odd values in every place that takes them.
const ODD: &str = "stockade: 1\nname: odd\nextends: [unconfined]\n\
                   process: {workdir: \"/it's \\\"$HOME\\\" `id` a,b \\\\\"}\n\
                   mounts: [{from: \"/x,y \\\"z\\\"\", at: \"/m n\"}]\n";

/// The arguments as a shell hands them to `docker`, by the line that the file itself gives.
fn handed(directory: &Path, text: &str) -> Vec<String> {
    let file = directory.join("args");
    fs::write(&file, text).expect("the file can be written");
    let line = text.lines().nth(1).and_then(|line| line.strip_prefix("# ")).expect("a line that says how");
    let line = line.replace("THIS_FILE", file.to_str().expect("scratch directories are UTF-8"));
    let print = directory.join("docker");
    fs::write(&print, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n").expect("the file can be written");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&print, mode).expect("the file is ours");
    let path = format!("{}:/usr/bin:/bin", directory.display());
    let output = Command::new("sh").args(["-c", &line]).env("PATH", path).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let words = output.stdout.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    words.filter(|word| !word.is_empty()).collect()
}

#[test]
fn a_shell_hands_every_argument_on_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let odd = directory.path().join("odd.yaml");
    fs::write(&odd, ODD).unwrap();
    let words = handed(directory.path(), &told(odd.to_str().unwrap(), "docker-args"));
    assert_eq!((words[0].as_str(), words[words.len() - 2].as_str()), ("run", "IMAGE"));
    assert!(words.contains(&"--workdir=/it's \"$HOME\" `id` a,b \\".to_owned()), "{words:?}");
    let mount = r#"--mount=type=bind,"source=/x,y ""z""",target=/m n,bind-propagation=rprivate,readonly"#;
    assert!(words.contains(&mount.to_owned()), "{words:?}");
    for profile in PROFILES {
        let text = told(profile, "docker-args");
        let lines = text.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(handed(directory.path(), &text).len(), lines + 3, "{profile}");
    }
}

#[test]
fn docker_has_every_option() {
    let help = match Command::new("docker").args(["run", "--help"]).stderr(Stdio::null()).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => {
            println!("SKIP emit-docker-options: there is no client of Docker");
            return;
        }
    };
    let known: BTreeSet<&str> = help.split_whitespace().filter(|word| word.starts_with("--")).collect();
    let mut used = BTreeSet::new();
    for profile in PROFILES {
        let text = told(profile, "docker-args");
        let options = text.lines().filter_map(|line| line.trim_matches('\'').strip_prefix("--"));
        used.extend(options.filter_map(|line| line.split('=').next()).map(|name| format!("--{name}")));
    }
    assert!(used.len() > 9, "{used:?}");
    for option in used {
        assert!(known.contains(option.as_str()), "docker run has no {option}");
    }
}

#[test]
fn systemd_takes_every_directive() {
    let directory = tempfile::tempdir().unwrap();
    let mut exposure = Vec::new();
    let odd = directory.path().join("odd.yaml");
    fs::write(&odd, ODD.replace(" \\\\\"}", "\"}")).unwrap();
    for profile in PROFILES.into_iter().chain([odd.to_str().unwrap()]) {
        let unit = directory.path().join("stockade-export.service");
        // A name that leads out of its line would be a directive of its own.
        fs::write(&unit, format!("{}ExecStart=/bin/true\n", told(profile, "systemd"))).unwrap();
        let analyze =
            |arguments: &[&str]| Command::new("systemd-analyze").args(arguments).arg(&unit).output();
        let Ok(output) = analyze(&["verify", "--man=no"]) else {
            println!("SKIP emit-systemd: there is no systemd-analyze");
            return;
        };
        let errors = String::from_utf8_lossy(&output.stderr);
        let about = errors.lines().filter(|line| line.contains("stockade-export"));
        // Calls that are younger than its libseccomp are left out by systemd too.
        let about: Vec<&str> = about.filter(|line| !line.contains("Failed to parse system call")).collect();
        assert!(about.is_empty(), "{profile}: {about:#?}");
        let output = analyze(&["security", "--offline=yes"]).expect("it ran before");
        let text = String::from_utf8_lossy(&output.stdout);
        let level = text.split("exposure level for stockade-export.service: ").nth(1);
        let level: f64 =
            level.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).expect("a level");
        exposure.push((profile.to_owned(), level));
    }
    let level = |name: &str| exposure.iter().find(|(profile, _)| profile == name).expect("it was asked").1;
    assert!(level("restricted") < 3.0, "{exposure:?}");
    assert!(level("restricted") < level("docker-default"), "{exposure:?}");
    assert!(level("docker-default") < level("unconfined"), "{exposure:?}");
}

#[test]
fn what_systemd_always_allows_is_what_its_group_says() {
    let Ok(output) = Command::new("systemd-analyze").args(["syscall-filter", "@default"]).output() else {
        println!("SKIP emit-systemd-default: there is no systemd-analyze");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let group: BTreeSet<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with(['@', '#']) && !line.is_empty())
        .collect();
    assert!(group.contains("execve"), "{text}");
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("none.yaml");
    // Nothing of the group is allowed.
    fs::write(&profile, "stockade: 1\nsyscalls: {allow: {replace: [read, execve]}, deny: {replace: []}}\n")
        .unwrap();
    let unit = told(profile.to_str().unwrap(), "systemd");
    let line = unit.lines().find(|line| line.contains("systemd always allows these calls"));
    let line = line.unwrap_or_else(|| panic!("{unit}"));
    let (_, names) = line.rsplit_once(": ").expect("a list");
    let (names, more) = names.split_once(" and ").expect("it is cut");
    let names: Vec<&str> = names.split(' ').collect();
    assert!(names.iter().all(|name| group.contains(name)), "{line}");
    // What the group has and this machine's table of calls has.
    let more: usize = more.split(' ').next().and_then(|count| count.parse().ok()).expect("a count");
    assert!(names.len() + more <= group.len() && names.len() + more > 40, "{line}");
}

#[test]
fn what_an_engine_is_told_is_no_json_and_has_no_backend() {
    for form in ["docker-args", "compose", "kubernetes", "systemd"] {
        let output = stockade(&["compile", "restricted", "--emit", form, "--format", "json"]);
        assert_eq!(output.status.code(), Some(2), "{form}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(form), "{form}");
        assert_eq!(output.stdout, b"", "{form}");
    }
}
