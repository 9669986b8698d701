//! Seccomp actions as written: `eperm`, `errno(5)`, `kill_process`, `trap(1)`.

use crate::diagnostic::Flaw;
use crate::lattice::action::Action;
use crate::parse::read::unknown;
use crate::parse::scalar::Written;
use serde_json::{Value, json};

/// Largest errno that a system call returns. `MAX_ERRNO`, linux/err.h.
const MAX_ERRNO: u16 = 4095;

/// Actions that are one word.
const WORDS: [(&str, Action); 7] = [
    ("kill_process", Action::KillProcess),
    ("kill_thread", Action::KillThread),
    ("trap", Action::Trap(0)),
    ("notify", Action::Notify),
    ("trace", Action::Trace(0)),
    ("log", Action::Log),
    ("allow", Action::Allow),
];

/// Error names by number, errno(3): asm-generic/errno-base.h and errno.h, which x86 and ARM share. Two
/// numbers have no name; of two names for a number the first of the header is kept.
#[rustfmt::skip]
const ERRNO: [&str; 134] = [
    "", "eperm", "enoent", "esrch", "eintr", "eio", "enxio", "e2big", "enoexec", "ebadf", "echild",
    "eagain", "enomem", "eacces", "efault", "enotblk", "ebusy", "eexist", "exdev", "enodev", "enotdir",
    "eisdir", "einval", "enfile", "emfile", "enotty", "etxtbsy", "efbig", "enospc", "espipe", "erofs",
    "emlink", "epipe", "edom", "erange", "edeadlk", "enametoolong", "enolck", "enosys", "enotempty",
    "eloop", "", "enomsg", "eidrm", "echrng", "el2nsync", "el3hlt", "el3rst", "elnrng", "eunatch",
    "enocsi", "el2hlt", "ebade", "ebadr", "exfull", "enoano", "ebadrqc", "ebadslt", "", "ebfont",
    "enostr", "enodata", "etime", "enosr", "enonet", "enopkg", "eremote", "enolink", "eadv", "esrmnt",
    "ecomm", "eproto", "emultihop", "edotdot", "ebadmsg", "eoverflow", "enotuniq", "ebadfd", "eremchg",
    "elibacc", "elibbad", "elibscn", "elibmax", "elibexec", "eilseq", "erestart", "estrpipe", "eusers",
    "enotsock", "edestaddrreq", "emsgsize", "eprototype", "enoprotoopt", "eprotonosupport",
    "esocktnosupport", "eopnotsupp", "epfnosupport", "eafnosupport", "eaddrinuse", "eaddrnotavail",
    "enetdown", "enetunreach", "enetreset", "econnaborted", "econnreset", "enobufs", "eisconn",
    "enotconn", "eshutdown", "etoomanyrefs", "etimedout", "econnrefused", "ehostdown", "ehostunreach",
    "ealready", "einprogress", "estale", "euclean", "enotnam", "enavail", "eisnam", "eremoteio",
    "edquot", "enomedium", "emediumtype", "ecanceled", "enokey", "ekeyexpired", "ekeyrevoked",
    "ekeyrejected", "eownerdead", "enotrecoverable", "erfkill", "ehwpoison",
];

/// The number of an error name in lower case.
fn errno(name: &str) -> Option<u16> {
    let index = ERRNO.iter().position(|known| !known.is_empty() && *known == name)?;
    u16::try_from(index).ok()
}

/// The action as profiles write it; `None` for an errno that no call returns.
pub(crate) fn written(action: Action) -> Option<String> {
    let word = WORDS.iter().find(|(_, known)| *known == action).map(|(word, _)| (*word).to_owned());
    word.or_else(|| match action {
        Action::Errno(number) if (1..=MAX_ERRNO).contains(&number) => {
            let name = ERRNO.get(usize::from(number)).filter(|name| !name.is_empty());
            Some(name.map_or_else(|| format!("errno({number})"), |name| (*name).to_owned()))
        }
        Action::Errno(_) => None,
        Action::Trap(data) => Some(format!("trap({data})")),
        Action::Trace(data) => Some(format!("trace({data})")),
        // The others are words.
        other => Some(other.to_string()),
    })
}

/// The finding that `text` is no action.
fn no_action(text: &str) -> Flaw {
    let names: Vec<&str> = WORDS
        .iter()
        .map(|(word, _)| *word)
        .chain(ERRNO.iter().copied().filter(|name| !name.is_empty()))
        .collect();
    unknown("action", text, &names).help(
        "valid: an error name (`eperm`, `enosys`, …), `errno(N)`, `kill_process`, `kill_thread`, `trap(N)`, `trace(N)`, `notify`, `log`",
    )
}

impl Written for Action {
    const WHAT: &'static str = "an action";

    fn from_text(text: &str) -> Result<Self, Flaw> {
        if let Some((_, action)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*action);
        }
        if let Some(number) = errno(&text.to_ascii_lowercase()) {
            return Ok(Action::Errno(number));
        }
        let call = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let Some((word, number)) = call else {
            return Err(no_action(text));
        };
        let data: u16 = match (errno(&number.to_ascii_lowercase()), number.parse()) {
            (Some(number), _) if word == "errno" => number,
            (_, Ok(number)) => number,
            _ => return Err(Flaw::new(format!("`{number}` is no number from 0 to 65535"))),
        };
        match word {
            "trap" => Ok(Action::Trap(data)),
            "trace" => Ok(Action::Trace(data)),
            // 0 would be success, of a call that never ran.
            "errno" if (1..=MAX_ERRNO).contains(&data) => Ok(Action::Errno(data)),
            "errno" => Err(Flaw::new(format!("an errno is a number from 1 to {MAX_ERRNO}"))),
            _ => Err(no_action(text)),
        }
    }

    fn schema() -> Value {
        let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
        json!({"anyOf": [
            {"enum": words},
            {"type": "string", "pattern": r"^([eE][a-zA-Z0-9]+|(errno|trap|trace)\([0-9a-zA-Z]+\))$"},
        ]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_as_written() {
        for (text, action) in [
            ("eperm", Action::Errno(1)),
            ("ENOSYS", Action::Errno(38)),
            ("ehwpoison", Action::Errno(133)),
            ("errno(5)", Action::Errno(5)),
            ("errno(eio)", Action::Errno(5)),
            ("kill_process", Action::KillProcess),
            ("trap(7)", Action::Trap(7)),
            ("trace", Action::Trace(0)),
            ("log", Action::Log),
        ] {
            assert_eq!(Action::from_text(text), Ok(action), "{text}");
        }
        for text in
            ["", "errno(0)", "errno(5000)", "errno()", "trap(70000)", "kill", "eprem", "eperm(1)", "errno(5"]
        {
            assert!(Action::from_text(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let numbers = (1..=MAX_ERRNO).map(Action::Errno);
        let data = [0, 1, 7, u16::MAX].into_iter().flat_map(|data| [Action::Trap(data), Action::Trace(data)]);
        for action in WORDS.iter().map(|(_, action)| *action).chain(numbers).chain(data) {
            assert_eq!(Action::from_text(&written(action).unwrap()), Ok(action));
        }
        assert_eq!(written(Action::Errno(1)).as_deref(), Some("eperm"));
        for number in [0, MAX_ERRNO + 1, u16::MAX] {
            assert_eq!(written(Action::Errno(number)), None);
        }
    }

    /// The table against the system's own header, where there is one.
    #[test]
    fn error_names_are_the_headers() {
        let mut checked = 0;
        for header in ["errno-base.h", "errno.h"] {
            let Ok(text) = std::fs::read_to_string(format!("/usr/include/asm-generic/{header}")) else {
                println!("SKIP errno-header: no /usr/include/asm-generic/{header}");
                return;
            };
            for line in text.lines().filter_map(|line| line.strip_prefix("#define\tE")) {
                let mut words = line.split_whitespace();
                let (Some(name), Some(Ok(number))) = (words.next(), words.next().map(str::parse::<u16>))
                else {
                    continue;
                };
                assert_eq!(errno(&format!("e{}", name.to_ascii_lowercase())), Some(number));
                checked += 1;
            }
        }
        assert!(checked > 120, "{checked}");
    }
}
