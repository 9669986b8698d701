//! Commands are found as runc finds them, and what cannot be started ends with the codes that engines give.

use crate::container::Container;
use crate::ended::Ended;
use crate::scene::{OPEN_FILES, Scene};
use serde_json::json;
use std::fs;
use std::os::unix::fs::symlink;

/// Command, current directory, `PATH`, and how it ends.
type Case = (&'static str, &'static str, Option<&'static str>, i32);

const CASES: [Case; 24] = [
    ("true", "/", Some("/bin"), 0),
    ("true", "/", Some("/none:/bin"), 0),
    ("true", "/", Some("/bin/:/none"), 0),
    // A file without an executable bit, a directory, a link that leads nowhere: the next entry.
    ("true", "/", Some("/plain:/bin"), 0),
    ("true", "/", Some("/directory:/bin"), 0),
    ("true", "/", Some("/dangling:/bin"), 0),
    ("true", "/", Some("/probe:/bin"), 0),
    ("true", "/", Some("/plain"), 127),
    ("true", "/", Some("/directory"), 127),
    ("nothing", "/", Some("/bin"), 127),
    ("true", "/", Some(""), 127),
    ("true", "/", None, 127),
    // Found in the current directory: refused, and nothing behind it is tried.
    ("true", "/bin", Some(""), 127),
    ("true", "/bin", Some(":/bin"), 126),
    ("true", "/bin", Some("/none:"), 126),
    ("true", "/bin", Some(".:/bin"), 126),
    ("true", "/", Some("bin:/bin"), 126),
    ("true", "/", Some(":/bin"), 0),
    ("./true", "/bin", Some("/none"), 0),
    ("bin/true", "/", None, 0),
    ("/bin/nothing", "/", Some("/bin"), 127),
    ("/plain/true", "/", Some("/bin"), 126),
    ("/bin", "/", Some("/bin"), 126),
    // Its interpreter is missing.
    ("/scripts/lost", "/", Some("/bin"), 127),
];

/// What the message of runc comes to; engines read it alike: daemon/start.go of moby.
fn code(ended: &Ended) -> i32 {
    let code = ended.code.unwrap();
    if code == 0 {
        return 0;
    }
    let says = |part: &str| ended.stderr.contains(part);
    if says("executable file not found in $PATH") || says("no such file or directory") {
        127
    } else if says("permission denied")
        || says("is a directory")
        || says("found relative to current directory")
        || says("exec format error")
    {
        126
    } else {
        panic!("{ended:?}")
    }
}

#[test]
fn commands_are_found_as_runc_finds_them() {
    needs!("init-look-up", "runc", "busybox", "cc");
    let mut container = Container::busybox(&Scene::new(OPEN_FILES));
    let root = container.root();
    for directory in ["plain", "directory", "directory/true", "dangling", "scripts"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    container.file("plain/true", "text", 0o644);
    container.file("scripts/lost", "#!/none\n", 0o755);
    symlink("/none", root.join("dangling/true")).unwrap();
    for (command, directory, path, expected) in CASES {
        let process = &mut container.config["process"];
        process["cwd"] = json!(directory);
        process["env"] = path.map(|path| format!("PATH={path}")).into_iter().collect();
        container.wrapped = true;
        let ended = container.run(&[command]);
        assert_eq!(ended.code, Some(expected), "{command} in {directory}, PATH {path:?}: {ended:?}");
        assert_eq!(ended.stderr.is_empty(), expected == 0, "{ended:?}");
        container.wrapped = false;
        let alone = code(&container.run(&[command]));
        assert_eq!(alone, expected, "runc: {command} in {directory}, PATH {path:?}");
    }
}

#[test]
fn the_line_says_what_failed() {
    needs!("init-line", "runc", "busybox", "cc");
    let container = Container::busybox(&Scene::new(OPEN_FILES));
    container.file("bin/text", "no program", 0o755);
    container.file("bin/closed", "no program", 0o600);
    let line = |command: &str| {
        let ended = container.run(&[command]);
        (ended.code.unwrap(), ended.stderr)
    };
    let says = |text: &str| format!("stockade: {text}\n");
    assert_eq!(line("nothing"), (127, says("exec: nothing: errno 2")));
    assert_eq!(line("/bin/nothing"), (127, says("exec: /bin/nothing: errno 2")));
    assert_eq!(line("text"), (126, says("exec: text: errno 8")));
    assert_eq!(line("/bin/closed"), (126, says("exec: /bin/closed: errno 13")));
    assert_eq!(line("no\u{1b}[2Jescape"), (127, says("exec: no?[2Jescape: errno 2")));
    let long = "x".repeat(5000);
    assert_eq!(line(&long), (127, says(&format!("exec: {}: errno 2", "x".repeat(400)))));
    let ended = container.run(&[]);
    assert_eq!((ended.code, ended.stderr), (Some(125), says("command: none given: errno 22")));
}
