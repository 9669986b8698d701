//! The command line of an OCI runtime, as engines use it: runc(8) and crun(1).
//!
//! Go's `flag` takes `-name` for `--name`, and values apart or after `=`. What is not in these tables is refused where
//! it could change what a container is under, and handed on everywhere else.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Options before the command, and whether they have a value.
const GLOBAL: [(&str, bool); 12] = [
    ("debug", false),
    ("log", true),
    ("log-format", true),
    ("log-level", true),
    ("root", true),
    ("criu", true),
    ("systemd-cgroup", false),
    ("rootless", true),
    ("cgroup-manager", true),
    ("help", false),
    ("version", false),
    ("rules", true),
];

/// Commands that are met with a policy.
const MET: [&str; 5] = ["create", "run", "restore", "exec", "update"];

/// Options of `create`, `run` and `restore`.
const CREATE: [(&str, bool); 9] = [
    ("bundle", true),
    ("console-socket", true),
    ("pid-file", true),
    ("preserve-fds", true),
    ("detach", false),
    ("no-subreaper", false),
    ("keep", false),
    ("config", true),
    ("no-subset", false),
];

/// Options of `restore` beside them.
const RESTORE: [(&str, bool); 11] = [
    ("image-path", true),
    ("work-path", true),
    ("tcp-established", false),
    ("ext-unix-sk", false),
    ("shell-job", false),
    ("file-locks", false),
    ("manage-cgroups-mode", true),
    ("empty-ns", true),
    ("auto-dedup", false),
    ("lazy-pages", false),
    ("status-fd", true),
];

/// Options of `exec`.
const EXEC: [(&str, bool); 17] = [
    ("process", true),
    ("console-socket", true),
    ("pid-file", true),
    ("preserve-fds", true),
    ("detach", false),
    ("tty", false),
    ("cwd", true),
    ("env", true),
    ("user", true),
    ("additional-gids", true),
    ("cap", true),
    ("no-new-privs", false),
    ("apparmor", true),
    ("process-label", true),
    ("no-subreaper", false),
    ("ignore-paused", false),
    ("cgroup", true),
];

/// Options of `update`.
const UPDATE: [(&str, bool); 18] = [
    ("resources", true),
    ("blkio-weight", true),
    ("cpu-period", true),
    ("cpu-quota", true),
    ("cpu-burst", true),
    ("cpu-share", true),
    ("cpu-rt-period", true),
    ("cpu-rt-runtime", true),
    ("cpuset-cpus", true),
    ("cpuset-mems", true),
    ("kernel-memory", true),
    ("kernel-memory-tcp", true),
    ("memory", true),
    ("memory-reservation", true),
    ("memory-swap", true),
    ("pids-limit", true),
    ("l3-cache-schema", true),
    ("mem-bw-schema", true),
];

/// Short names, by command; `""` stands before the command.
const SHORT: [(&str, &str, &str); 17] = [
    ("", "h", "help"),
    ("", "v", "version"),
    ("create", "b", "bundle"),
    ("create", "f", "config"),
    ("run", "b", "bundle"),
    ("run", "d", "detach"),
    ("run", "f", "config"),
    ("restore", "b", "bundle"),
    ("restore", "d", "detach"),
    ("exec", "p", "process"),
    ("exec", "d", "detach"),
    ("exec", "t", "tty"),
    ("exec", "e", "env"),
    ("exec", "u", "user"),
    ("exec", "g", "additional-gids"),
    ("exec", "c", "cap"),
    ("update", "r", "resources"),
];

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Given {
    /// Its long name.
    pub(super) name: &'static str,
    /// Its value.
    pub(super) value: Option<OsString>,
    /// Where in the arguments it begins.
    at: usize,
    /// How many arguments it is.
    length: usize,
}

/// A command line that was taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Invocation {
    /// All arguments for the inner runtime: without stockade's own.
    pub(super) arguments: Vec<OsString>,
    /// Options before the command.
    pub(super) global: Vec<Given>,
    /// The command; empty where there is none.
    pub(super) command: String,
    /// Options of the command, where it is one that is met.
    pub(super) options: Vec<Given>,
    /// Where in the arguments what is no option begins.
    pub(super) positional: usize,
    /// The file of rules, where one is named.
    pub(super) rules: Option<PathBuf>,
}

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ArgumentError {
    /// An option that nobody here knows.
    #[error("the option `{option}` of `{command}` is not known, and could make the container weaker")]
    Unknown { option: String, command: String },
    /// An option without its value.
    #[error("the option `{0}` has no value")]
    NoValue(String),
    /// An option whose value is none that it takes.
    #[error("`{value}` is no value of the option `{option}`")]
    Value { option: String, value: String },
    /// No container is named.
    #[error("`{0}` names no container")]
    NoContainer(String),
    /// No name of a container.
    #[error("`{0}` is no name of a container: letters, digits, `_`, `+`, `-` and `.`")]
    Name(String),
}

impl Invocation {
    /// Takes the arguments behind the program's name apart.
    pub(super) fn parse(arguments: Vec<OsString>) -> Result<Invocation, ArgumentError> {
        let mut invocation = Invocation::default();
        let mut given = Vec::new();
        let end = match options("", &arguments, 0, &mut given) {
            // Where the command begins is not known. Nothing that is met can be meant, and a container must be ended.
            Err(ArgumentError::Unknown { .. })
                if !arguments.iter().any(|word| MET.iter().any(|met| word == met)) =>
            {
                arguments.len()
            }
            end => end?,
        };
        // Ours goes; what stands behind it moves up.
        let (mut removed, mut read) = (0, 0);
        for mut one in given {
            read = one.at + one.length;
            if one.name == "rules" {
                invocation.rules = one.value.map(PathBuf::from);
                removed += one.length;
            } else {
                invocation.arguments.extend(arguments.iter().skip(one.at).take(one.length).cloned());
                one.at -= removed;
                invocation.global.push(one);
            }
        }
        invocation.arguments.extend(arguments.iter().skip(read).cloned());
        let command = end - removed;
        invocation.positional = invocation.arguments.len();
        if let Some(name) = invocation.arguments.get(command) {
            invocation.command = name.to_string_lossy().into_owned();
            let known = table(&invocation.command);
            invocation.positional = command + 1;
            if !known.is_empty() {
                let mut given = Vec::new();
                invocation.positional =
                    options(&invocation.command, &invocation.arguments, command + 1, &mut given)?;
                invocation.options = given;
            }
        }
        Ok(invocation)
    }

    /// The value of an option before the command; the last one counts.
    pub(super) fn global(&self, name: &str) -> Option<&OsStr> {
        value(&self.global, name)
    }

    /// What stands before the command.
    pub(super) fn global_arguments(&self) -> &[OsString] {
        let length = self.global.iter().map(|one| one.length).sum();
        self.arguments.get(..length).unwrap_or_default()
    }

    /// The value of an option of the command; the last one counts.
    pub(super) fn option(&self, name: &str) -> Option<&OsStr> {
        value(&self.options, name)
    }

    /// The container.
    pub(super) fn container(&self) -> Result<String, ArgumentError> {
        let Some(name) = self.arguments.get(self.positional) else {
            return Err(ArgumentError::NoContainer(self.command.clone()));
        };
        let name = name.to_string_lossy().into_owned();
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '-' | '.');
        if name.is_empty() || name == "." || name == ".." || !name.chars().all(valid) {
            return Err(ArgumentError::Name(name));
        }
        Ok(name)
    }

    /// Gives an option another value wherever it stands.
    pub(super) fn replace(&mut self, name: &str, value: &OsStr) {
        for one in self.options.iter().filter(|one| one.name == name) {
            if one.length == 2 {
                if let Some(place) = self.arguments.get_mut(one.at + 1) {
                    *place = value.to_owned();
                }
            } else if let Some(place) = self.arguments.get_mut(one.at) {
                *place = OsString::from(format!("--{name}="));
                place.push(value);
            }
        }
    }

    /// Gives an option a value, whether or not it has one.
    pub(super) fn set(&mut self, name: &'static str, value: &OsStr) {
        self.replace(name, value);
        if self.option(name).is_none() {
            let at = self.options.first().map_or(self.positional, |first| first.at);
            let mut word = OsString::from(format!("--{name}="));
            word.push(value);
            self.arguments.insert(at.min(self.arguments.len()), word);
            self.positional += 1;
            self.options.iter_mut().for_each(|one| one.at += 1);
            self.options.insert(0, Given { name, value: Some(value.to_owned()), at, length: 1 });
        }
    }

    /// Gives an option that takes no value, unless it is there.
    pub(super) fn give(&mut self, name: &'static str) {
        if self.options.iter().any(|one| one.name == name) {
            return;
        }
        // Right behind the command: what stands before the container's name may be `--`.
        let at = (self.global_arguments().len() + 1).min(self.arguments.len());
        self.arguments.insert(at, format!("--{name}").into());
        self.positional += 1;
        self.options.iter_mut().for_each(|one| one.at += 1);
        self.options.insert(0, Given { name, value: None, at, length: 1 });
    }

    /// Puts a word behind the container's name.
    pub(super) fn insert_command(&mut self, word: &str) {
        let at = (self.positional + 1).min(self.arguments.len());
        self.arguments.insert(at, word.into());
    }
}

fn value<'a>(given: &'a [Given], name: &str) -> Option<&'a OsStr> {
    given.iter().rev().find(|one| one.name == name).and_then(|one| one.value.as_deref())
}

/// The options of a command that is met; none of any other.
fn table(command: &str) -> Vec<(&'static str, bool)> {
    match command {
        "" => GLOBAL.to_vec(),
        "create" | "run" => CREATE.to_vec(),
        "restore" => CREATE.into_iter().chain(RESTORE).collect(),
        "exec" => EXEC.to_vec(),
        "update" => UPDATE.to_vec(),
        _ => Vec::new(),
    }
}

/// Reads options from `from` on; returns where what is no option begins.
fn options(
    command: &str,
    arguments: &[OsString],
    from: usize,
    given: &mut Vec<Given>,
) -> Result<usize, ArgumentError> {
    let known = table(command);
    let mut at = from;
    while let Some(argument) = arguments.get(at) {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            // Before the command nothing is met that stands behind it.
            if command.is_empty() {
                return Err(ArgumentError::Unknown {
                    option: "--".to_owned(),
                    command: "runtime".to_owned(),
                });
            }
            return Ok(at + 1);
        }
        if bytes.first() != Some(&b'-') || bytes == b"-" {
            return Ok(at);
        }
        let text = argument.to_string_lossy();
        let word = text.trim_start_matches('-');
        let word = word.split_once('=').map_or(word, |(word, _)| word);
        // Byte for byte: what the inner runtime reads must be what was looked at.
        let inline = bytes.iter().position(|byte| *byte == b'=');
        let inline =
            inline.and_then(|at| bytes.get(at + 1..)).map(|value| OsStr::from_bytes(value).to_owned());
        let short = SHORT.iter().find(|(of, short, _)| *of == command && *short == word);
        let long = short.map_or(word, |(_, _, long)| *long);
        let Some((name, takes_value)) = known.iter().find(|(name, _)| *name == long) else {
            return Err(ArgumentError::Unknown { option: text.into_owned(), command: command.to_owned() });
        };
        let (value, length) = match (takes_value, inline) {
            (true, Some(value)) => (Some(value), 1),
            (true, None) => match arguments.get(at + 1) {
                Some(value) => (Some(value.clone()), 2),
                None => return Err(ArgumentError::NoValue(text.into_owned())),
            },
            (false, Some(value)) if value != "true" && value != "false" => {
                let value = value.to_string_lossy().into_owned();
                return Err(ArgumentError::Value { option: (*name).to_owned(), value });
            }
            (false, value) => (value, 1),
        };
        given.push(Given { name, value, at, length });
        at += length;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Invocation, ArgumentError> {
        Invocation::parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn text(invocation: &Invocation) -> String {
        invocation.arguments.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_engines_write_is_taken_apart() {
        let docker = parse(
            "--rules /r.yaml --root /run/docker/runtime-runc/moby --log /l --log-format json create --bundle /b --pid-file /p c0ffee",
        )
        .unwrap();
        assert_eq!(docker.rules.as_deref(), Some(std::path::Path::new("/r.yaml")));
        assert_eq!(docker.global("root"), Some(OsStr::new("/run/docker/runtime-runc/moby")));
        assert_eq!(docker.option("bundle"), Some(OsStr::new("/b")));
        assert_eq!((docker.command.as_str(), docker.container().unwrap().as_str()), ("create", "c0ffee"));
        assert_eq!(
            text(&docker),
            "--root /run/docker/runtime-runc/moby --log /l --log-format json create --bundle /b --pid-file /p c0ffee"
        );
        let mut exec = parse("-root=/r exec -p /x -detach --pid-file=/p a.b").unwrap();
        exec.replace("process", OsStr::new("/y"));
        exec.replace("pid-file", OsStr::new("/q"));
        assert_eq!(text(&exec), "-root=/r exec -p /y -detach --pid-file=/q a.b");
        let mut exec = parse("exec -t id sh -c true").unwrap();
        exec.insert_command("/init");
        assert_eq!(text(&exec), "exec -t id /init sh -c true");
        let mut update = parse("update --cpu-quota 5 --memory 1 id").unwrap();
        update.set("memory", OsStr::new("2"));
        update.set("cpu-period", OsStr::new("9"));
        update.set("cpu-quota", OsStr::new("6"));
        assert_eq!(text(&update), "update --cpu-period=9 --cpu-quota 6 --memory 2 id");
        assert_eq!(update.container().unwrap(), "id");
        let update = parse("update -r - id").unwrap();
        assert_eq!(update.option("resources"), Some(OsStr::new("-")));
    }

    #[test]
    fn what_is_not_known_is_refused_where_it_matters() {
        for line in [
            "create --unconfined id",
            "--x create id",
            "exec --privileged id sh",
            "update --all id",
            "run -z id",
        ] {
            assert!(matches!(parse(line), Err(ArgumentError::Unknown { .. })), "{line}");
        }
        for line in
            ["kill --all id 9", "events --stats id", "ps -f json id", "features", "", "checkpoint --x id"]
        {
            assert_eq!(text(&parse(line).unwrap()), line);
        }
        // What ends a container is handed on, wherever it stands.
        for line in ["--x kill id 9", "--x=1 --y delete --force id", "--root /r --x z state id", "-- kill id"]
        {
            assert_eq!(text(&parse(line).unwrap()), line);
        }
        let passed = parse("--rules /r.yaml --root /r --x kill id").unwrap();
        assert_eq!(text(&passed), "--root /r --x kill id");
        assert_eq!((passed.global("root"), passed.command.as_str()), (Some(OsStr::new("/r")), ""));
        assert!(matches!(parse("--x --root create kill id"), Err(ArgumentError::Unknown { .. })));
        // Behind `--` the command would not be found, and nothing be met.
        for line in [
            "-- run --bundle /b id",
            "--root /r -- create id",
            "create --no-pivot id",
            "run --no-new-keyring id",
        ] {
            assert!(matches!(parse(line), Err(ArgumentError::Unknown { .. })), "{line}");
        }
        assert!(matches!(parse("create --bundle"), Err(ArgumentError::NoValue(_))));
        assert!(matches!(parse("exec --tty=maybe id"), Err(ArgumentError::Value { .. })));
        for name in ["..", "a/b", ".", "a b"] {
            let invocation = Invocation::parse(vec!["create".into(), name.into()]).unwrap();
            assert!(matches!(invocation.container(), Err(ArgumentError::Name(_))), "{name}");
        }
    }
}
