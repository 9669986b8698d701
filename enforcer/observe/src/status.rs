//! What `status`, `stat` and the id maps of a task say. proc_pid_status(5), user_namespaces(7).

use crate::error::FormatError;
use serde::Serialize;
use stockade_policy::vocab::CapSet;

/// `Seccomp` of `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SeccompMode {
    /// No seccomp.
    Disabled,
    /// read, write, exit and sigreturn only.
    Strict,
    /// Filters.
    Filter,
}

/// The fields of `status` that decide what a task may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// `Name`: up to 15 bytes that the task chooses itself.
    pub name: String,
    /// `Umask`, 4.7; `None` for a zombie or a kernel thread.
    pub umask: Option<u32>,
    /// `Tgid`
    pub thread_group: u32,
    /// `Pid`
    pub pid: u32,
    /// `PPid`; 0: none in the reader's pid namespace.
    pub parent: u32,
    /// `TracerPid`; 0: none.
    pub tracer: u32,
    /// `Uid`: real, effective, saved, file system, in the reader's user namespace.
    pub uids: [u32; 4],
    /// `Gid`, likewise.
    pub gids: [u32; 4],
    /// `Groups`, ascending.
    pub groups: Vec<u32>,
    /// `NSpid`, from the reader's pid namespace inwards, 4.1.
    pub namespace_pids: Vec<u32>,
    /// `CapInh`
    pub inheritable: CapSet,
    /// `CapPrm`
    pub permitted: CapSet,
    /// `CapEff`
    pub effective: CapSet,
    /// `CapBnd`
    pub bounding: CapSet,
    /// `CapAmb`, 4.3
    pub ambient: CapSet,
    /// `NoNewPrivs`, 4.10
    pub no_new_privileges: bool,
    /// `Seccomp`; `None`: the kernel was built without it.
    pub seccomp: Option<SeccompMode>,
    /// `Seccomp_filters`, 5.9
    pub seccomp_filters: Option<u32>,
    /// `Threads`
    pub threads: u32,
}

impl Status {
    /// Reads the file. Every field is looked for by its name, at the start of a line: the kernel escapes
    /// line ends in `Name`, so that a task cannot write a field of its own.
    pub fn parse(content: &[u8]) -> Result<Status, FormatError> {
        let fields = Fields { content };
        let set = |name, what| fields.need(name, what, |text| hexadecimal(text).map(CapSet));
        Ok(Status {
            name: String::from_utf8_lossy(fields.text("Name").unwrap_or_default()).into_owned(),
            umask: fields.optional("Umask", "no octal Umask", octal)?,
            thread_group: fields.need("Tgid", "no Tgid", decimal)?,
            pid: fields.need("Pid", "no Pid", decimal)?,
            parent: fields.need("PPid", "no PPid", decimal)?,
            tracer: fields.need("TracerPid", "no TracerPid", decimal)?,
            uids: fields.need("Uid", "no four Uid", four)?,
            gids: fields.need("Gid", "no four Gid", four)?,
            groups: fields.need("Groups", "no Groups", list)?,
            namespace_pids: fields.optional("NSpid", "no numbers in NSpid", list)?.unwrap_or_default(),
            inheritable: set("CapInh", "no CapInh")?,
            permitted: set("CapPrm", "no CapPrm")?,
            effective: set("CapEff", "no CapEff")?,
            bounding: set("CapBnd", "no CapBnd")?,
            ambient: set("CapAmb", "no CapAmb")?,
            no_new_privileges: fields.need("NoNewPrivs", "no NoNewPrivs", flag)?,
            seccomp: fields.optional("Seccomp", "unknown Seccomp mode", mode)?,
            seccomp_filters: fields.optional("Seccomp_filters", "no number in Seccomp_filters", decimal)?,
            threads: fields.need("Threads", "no Threads", decimal)?,
        })
    }
}

struct Fields<'a> {
    content: &'a [u8],
}

impl<'a> Fields<'a> {
    fn text(&self, name: &str) -> Option<&'a [u8]> {
        self.content
            .split(|byte| *byte == b'\n')
            .find_map(|line| Some(line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?.trim_ascii()))
    }

    fn optional<T>(
        &self,
        name: &str,
        what: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, FormatError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let value = std::str::from_utf8(text).ok().and_then(read);
        value.map(Some).ok_or_else(|| FormatError::new(what, text))
    }

    fn need<T>(
        &self,
        name: &str,
        what: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, FormatError> {
        self.optional(name, what, read)?.ok_or_else(|| FormatError::new(what, self.content))
    }
}

fn decimal(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn octal(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 8).ok()
}

fn hexadecimal(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

fn flag(text: &str) -> Option<bool> {
    match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

fn mode(text: &str) -> Option<SeccompMode> {
    match text {
        "0" => Some(SeccompMode::Disabled),
        "1" => Some(SeccompMode::Strict),
        "2" => Some(SeccompMode::Filter),
        _ => None,
    }
}

fn list(text: &str) -> Option<Vec<u32>> {
    text.split_ascii_whitespace().map(decimal).collect()
}

fn four(text: &str) -> Option<[u32; 4]> {
    list(text)?.try_into().ok()
}

/// One line of `uid_map` or `gid_map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IdMapLine {
    /// First id inside.
    pub inside: u32,
    /// First id outside, as the reader's user namespace sees it (the parent's, where the reader is
    /// inside).
    pub outside: u32,
    /// How many.
    pub count: u32,
}

impl IdMapLine {
    /// Reads the file; no line: nothing is mapped yet.
    pub fn parse(content: &[u8]) -> Result<Vec<IdMapLine>, FormatError> {
        let lines = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let numbers = std::str::from_utf8(line).ok().and_then(list);
                match numbers.as_deref() {
                    Some(&[inside, outside, count]) => Ok(IdMapLine { inside, outside, count }),
                    _ => Err(FormatError::new("no three numbers", line)),
                }
            })
            .collect()
    }
}

/// When a task started: with its pid, its name for as long as the host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// Field 22 of `stat`: clock ticks since boot, in the reader's time namespace.
    pub ticks: u64,
    /// Whether it has ended and only waits to be reaped (`Z`, `X`, `x`).
    pub ended: bool,
    /// Whether it was stopped by a signal (`T`), and no tracer holds it (`t`).
    pub stopped: bool,
}

impl Start {
    /// Reads the file. The second field is a name in parentheses that may hold any byte, parentheses and
    /// spaces too: the rest begins behind the last `)`.
    pub fn parse(content: &[u8]) -> Result<Start, FormatError> {
        let wrong = |what| FormatError::new(what, content);
        let end = content.iter().rposition(|byte| *byte == b')').ok_or_else(|| wrong("no name"))?;
        let rest = std::str::from_utf8(&content[end + 1..]).map_err(|_| wrong("no text"))?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next().ok_or_else(|| wrong("no state"))?;
        // 19 fields behind the state, which is field 3.
        let ticks = fields.nth(18).and_then(|field| field.parse().ok());
        Ok(Start {
            ticks: ticks.ok_or_else(|| wrong("no start time"))?,
            ended: matches!(state, "Z" | "X" | "x"),
            stopped: state == "T",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_cannot_forge_fields() {
        let stat = b"7 (a) Z 1 (b)) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";
        assert_eq!(Start::parse(stat), Ok(Start { ticks: 4711, ended: false, stopped: false }));
        assert_eq!(Start::parse(b"7 (a"), Err(FormatError::new("no name", b"7 (a")));
    }

    #[test]
    fn missing_fields_are_errors() {
        let error = Status::parse(b"Name:\tx\nTgid:\t1\nPid:\t1\n").expect_err("short");
        assert_eq!(error.what, "no PPid");
    }

    #[test]
    fn maps() {
        let lines = IdMapLine::parse(b"         0       1000          1\n").expect("map");
        assert_eq!(lines, [IdMapLine { inside: 0, outside: 1000, count: 1 }]);
        assert!(IdMapLine::parse(b"0 1\n").is_err());
        assert!(IdMapLine::parse(b"0 0 4294967296\n").is_err());
    }

    proptest! {
        #[test]
        fn no_input_panics(content in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (Status::parse(&content), Start::parse(&content), IdMapLine::parse(&content));
        }
    }
}
