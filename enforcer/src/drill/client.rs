//! The engines' own clients: what is said to each of them.

use super::DrillError;
use super::run::end;
use std::ffi::OsString;
use std::process::{Command, Stdio};

/// A client, with its command lines. `{NAME}` stands for a value; `{options}` and `{arguments}` alone for several words.
#[derive(Debug)]
pub struct Client {
    /// What the engine is called.
    pub name: &'static str,
    /// The client's program.
    pub program: &'static str,
    /// Starts a container of an image with the program mounted into it.
    pub(super) run: &'static [&'static str],
    /// Starts one of a directory, where it can be had without an image.
    pub(super) run_root: Option<&'static [&'static str]>,
    /// Starts a program in a container that runs.
    pub(super) exec: &'static [&'static str],
    /// Says the first process of a container that runs.
    pid: &'static [&'static str],
    /// Ends and forgets a container.
    pub(super) remove: &'static [&'static [&'static str]],
}

/// `run` of Docker and of podman, which took its command line over. docker-run(1), podman-run(1).
const RUN: &[&str] = &[
    "run",
    "--rm",
    "--name",
    "{name}",
    "--entrypoint",
    "{inside}",
    "--volume",
    "{program}:{inside}:ro",
    "{options}",
    "{image}",
    "{arguments}",
];
const EXEC: &[&str] = &["exec", "{options}", "{container}", "{inside}", "{arguments}"];
const PID: &[&str] = &["inspect", "--type", "container", "--format", "{{.State.Pid}}", "{container}"];
const REMOVE: &[&[&str]] = &[&["rm", "--force", "{name}"]];

/// All of them. ctr(8) is containerd's own; it starts a container as it is told to, and not as the CRI does.
pub const CLIENTS: [Client; 3] = [
    Client {
        name: "docker",
        program: "docker",
        run: RUN,
        run_root: None,
        exec: EXEC,
        pid: PID,
        remove: REMOVE,
    },
    Client {
        name: "podman",
        program: "podman",
        run: RUN,
        run_root: None,
        exec: EXEC,
        pid: PID,
        remove: REMOVE,
    },
    Client {
        name: "containerd",
        program: "ctr",
        run: &[
            "run",
            "--rm",
            "--mount",
            "type=bind,src={program},dst={inside},options=rbind:ro",
            "{options}",
            "{image}",
            "{name}",
            "{inside}",
            "{arguments}",
        ],
        run_root: Some(&[
            "run",
            "--rm",
            "--rootfs",
            "{options}",
            "{root}",
            "{name}",
            "{inside}",
            "{arguments}",
        ]),
        exec: &[
            "tasks",
            "exec",
            "--exec-id",
            "{name}",
            "{options}",
            "{container}",
            "{inside}",
            "{arguments}",
        ],
        pid: &["tasks", "ls"],
        remove: &[
            &["tasks", "kill", "--signal", "SIGKILL", "{name}"],
            &["tasks", "rm", "--force", "{name}"],
            &["containers", "rm", "{name}"],
        ],
    },
];

/// What stands for the names in a command line.
pub(super) struct Words<'a> {
    values: Vec<(&'static str, String)>,
    options: &'a [OsString],
    arguments: &'a [String],
}

impl<'a> Words<'a> {
    pub(super) fn new(options: &'a [OsString], arguments: &'a [String]) -> Words<'a> {
        Words { values: Vec::new(), options, arguments }
    }

    pub(super) fn set(&mut self, name: &'static str, value: &str) {
        self.values.push((name, value.to_owned()));
    }

    /// The client's command line.
    pub(super) fn command(&self, client: &Client, template: &[&str]) -> Command {
        let mut command = Command::new(client.program);
        for word in template {
            match *word {
                "{options}" => command.args(self.options),
                "{arguments}" => command.args(self.arguments),
                word => command.arg(self.filled(word)),
            };
        }
        command
    }

    fn filled(&self, word: &str) -> String {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(&format!("{{{name}}}"), value);
        self.values.iter().fold(word.to_owned(), fill)
    }
}

impl Client {
    /// The first process of a container that runs.
    pub(super) fn pid_of(&self, container: &str) -> Result<u32, DrillError> {
        let program = self.program.to_owned();
        let mut words = Words::new(&[], &[]);
        words.set("container", container);
        let output = words.command(self, self.pid).stdin(Stdio::null()).output();
        let output = output.map_err(|source| DrillError::Client { client: program.clone(), source })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(DrillError::Refused { client: program, code: output.status.code(), said });
        }
        let said = String::from_utf8_lossy(&output.stdout);
        // A line with the number alone, or one of a table that begins with the container's name.
        let pid =
            said.lines().find_map(|line| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [pid] => pid.parse().ok(),
                [name, pid, "RUNNING", ..] if *name == container => pid.parse().ok(),
                _ => None,
            });
        pid.filter(|pid| *pid > 1).ok_or_else(|| DrillError::NotRunning { container: container.to_owned() })
    }
}

/// Runs a client, and drops what it says; one that does not end is left alone.
pub(super) fn quietly(mut command: Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It is told to remove what is mostly gone already.
    if let Ok(mut client) = command.spawn() {
        let _ = end(&mut client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(client: &Client, template: &[&str]) -> Vec<String> {
        let (options, arguments) = ([OsString::from("--o={name}")], ["1".to_owned(), "a".to_owned()]);
        let mut words = Words::new(&options, &arguments);
        for (name, value) in
            [("name", "n"), ("inside", "/i"), ("program", "/p"), ("container", "c"), ("image", "m")]
        {
            words.set(name, value);
        }
        let command = words.command(client, template);
        command.get_args().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_name_stands_for_its_value_and_options_are_as_they_were_given() {
        let [docker, _, containerd] = &CLIENTS;
        let expected = ["exec", "--o={name}", "c", "/i", "1", "a"];
        assert_eq!(line(docker, docker.exec), expected);
        assert_eq!(line(docker, docker.pid).last().map(String::as_str), Some("c"));
        assert!(line(docker, docker.pid).contains(&"{{.State.Pid}}".to_owned()));
        let mount = "type=bind,src=/p,dst=/i,options=rbind:ro";
        let expected = ["run", "--rm", "--mount", mount, "--o={name}", "m", "n", "/i", "1", "a"];
        assert_eq!(line(containerd, containerd.run), expected);
    }
}
