//! What can be asked about.

use crate::lattice::event::{Direction, Event};
use crate::lattice::files::{self, Rights};
use crate::lattice::network::Protocol;
use crate::vocab::{Arch, Cap, constants, nearest, syscalls};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Something that a policy may say something about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// `syscall:mount`, `syscall:socket(AF_VSOCK, _, 0)`, `syscall:435 on aarch64`.
    Syscall {
        /// Through one interface only.
        arch: Option<Arch>,
        /// The name, or the number where it has none.
        call: String,
        /// The first registers; those left out are any.
        arguments: Vec<Argument>,
    },
    /// `cap:net_admin`
    Capability(Cap),
    /// `path:/etc/shadow` asks for every right; `read:`, `write:`, `execute:`, `see:` for one.
    Path {
        /// The rights asked for, each alone.
        rights: Vec<Rights>,
        /// Absolute, normalised.
        path: String,
    },
    /// `connect:10.0.0.1:443/tcp`, `accept:[::1]:80/tcp`
    Peer {
        /// Which way.
        direction: Direction,
        /// The peer.
        address: IpAddr,
        /// The peer's port for egress, its own for ingress.
        port: u16,
        /// The transport.
        protocol: Protocol,
    },
    /// Anything else that a policy decides, as `diff` prints it: `limits:open_files=65536`.
    Event(Event),
}

/// A register of a system call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// `_`: any value.
    Any,
    /// A number; negative ones are sign-extended.
    Number(u64),
    /// A constant of the headers, whose value the interface decides.
    Constant(String),
}

/// Why a subject was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// The word before the colon.
    #[error(
        "`{subject}` is no subject; ask for syscall:NAME, syscall:NAME(ARGUMENT, …), cap:NAME, path:/PATH, \
         read:/PATH, write:/PATH, execute:/PATH, connect:ADDRESS:PORT/tcp or accept:ADDRESS:PORT/tcp"
    )]
    Kind {
        /// As written.
        subject: String,
    },
    /// A name that the vocabulary does not have.
    #[error("unknown {what} `{name}`{}", DidYouMean(.nearest))]
    Name {
        /// `system call`, `capability`, `constant`, `architecture`.
        what: &'static str,
        /// As written.
        name: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// Parentheses, or more than six arguments.
    #[error("`{call}` is not a call: write NAME, or NAME(ARGUMENT, …) with up to six arguments")]
    Call {
        /// As written.
        call: String,
    },
    /// Not absolute and normalised.
    #[error(transparent)]
    Path(#[from] files::PathError),
    /// Address, port or protocol.
    #[error("`{peer}` is no peer; write ADDRESS:PORT/tcp, [ADDRESS]:PORT/udp")]
    Peer {
        /// As written.
        peer: String,
    },
}

struct DidYouMean<'a>(&'a Option<String>);

impl fmt::Display for DidYouMean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "; did you mean `{name}`?"),
            None => Ok(()),
        }
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        asked(text).or_else(|error| text.parse().map(Subject::Event).map_err(|_| error))
    }
}

/// What has an answer of more than yes or no.
fn asked(text: &str) -> Result<Subject, SubjectError> {
    let unknown = || SubjectError::Kind { subject: text.to_owned() };
    let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
    match kind {
        "syscall" => syscall(rest.trim()),
        "cap" => capability(rest.trim()).map(Subject::Capability),
        "path" => path(&Rights::EACH, rest),
        "see" => path(&[Rights::VISIBLE], rest),
        "read" => path(&[Rights::READ], rest),
        "write" => path(&[Rights::WRITE], rest),
        "execute" => path(&[Rights::EXECUTE], rest),
        "connect" => peer(Direction::Egress, rest.trim()),
        "accept" => peer(Direction::Ingress, rest.trim()),
        _ => Err(unknown()),
    }
}

fn syscall(text: &str) -> Result<Subject, SubjectError> {
    let (call, arch) = match text.rsplit_once(" on ") {
        Some((call, name)) => (call.trim(), Some(architecture(name.trim())?)),
        None => (text, None),
    };
    let malformed = || SubjectError::Call { call: call.to_owned() };
    let (name, arguments) = match call.split_once('(') {
        None => (call, Vec::new()),
        Some((name, rest)) => {
            let inside = rest.strip_suffix(')').ok_or_else(malformed)?;
            let written = inside.split(',').map(str::trim).filter(|_| !inside.trim().is_empty());
            (name.trim(), written.map(argument).collect::<Result<Vec<_>, _>>()?)
        }
    };
    // `#500` is how an event calls a number without a name.
    let name = name.strip_prefix('#').unwrap_or(name);
    if name.is_empty() || arguments.len() > 6 {
        return Err(malformed());
    }
    if !syscalls::exists(name) && name.parse::<u32>().is_err() {
        return Err(SubjectError::Name {
            what: "system call",
            name: name.to_owned(),
            nearest: nearest(name, syscalls::all_names()).map(str::to_owned),
        });
    }
    Ok(Subject::Syscall { arch, call: name.to_owned(), arguments })
}

fn architecture(name: &str) -> Result<Arch, SubjectError> {
    name.parse().map_err(|()| SubjectError::Name {
        what: "architecture",
        name: name.to_owned(),
        nearest: nearest(name, Arch::ALL.map(Arch::name)).map(str::to_owned),
    })
}

fn argument(text: &str) -> Result<Argument, SubjectError> {
    if text == "_" {
        return Ok(Argument::Any);
    }
    if constants::exists(text) {
        return Ok(Argument::Constant(text.to_owned()));
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse::<u64>().ok().or_else(|| text.parse::<i64>().ok().map(i64::cast_unsigned)),
    };
    number.map(Argument::Number).ok_or_else(|| SubjectError::Name {
        what: "constant",
        name: text.to_owned(),
        nearest: nearest(text, constants::names()).map(str::to_owned),
    })
}

fn capability(name: &str) -> Result<Cap, SubjectError> {
    name.parse().map_err(|()| SubjectError::Name {
        what: "capability",
        name: name.to_owned(),
        nearest: nearest(name, Cap::all().map(Cap::name)).map(str::to_owned),
    })
}

fn path(rights: &[Rights], path: &str) -> Result<Subject, SubjectError> {
    files::validate(path)?;
    Ok(Subject::Path { rights: rights.to_vec(), path: path.to_owned() })
}

fn peer(direction: Direction, text: &str) -> Result<Subject, SubjectError> {
    let wrong = || SubjectError::Peer { peer: text.to_owned() };
    let (socket, protocol) = text.rsplit_once('/').ok_or_else(wrong)?;
    let socket: SocketAddr = socket.parse().map_err(|_| wrong())?;
    let protocol = match protocol {
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "other" => Protocol::Other,
        _ => return Err(wrong()),
    };
    Ok(Subject::Peer { direction, address: socket.ip(), port: socket.port(), protocol })
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Syscall { arch, call, arguments } => {
                write!(f, "syscall:{call}")?;
                if !arguments.is_empty() {
                    let written: Vec<String> = arguments.iter().map(Argument::to_string).collect();
                    write!(f, "({})", written.join(", "))?;
                }
                arch.map_or(Ok(()), |arch| write!(f, " on {arch}"))
            }
            Subject::Capability(cap) => write!(f, "cap:{cap}"),
            Subject::Path { rights, path } => match rights.as_slice() {
                [one] => write!(f, "{}:{path}", super::path::right_name(*one)),
                _ => write!(f, "path:{path}"),
            },
            Subject::Peer { direction, address, port, protocol } => {
                let verb = match direction {
                    Direction::Egress => "connect",
                    Direction::Ingress => "accept",
                };
                let protocol = match protocol {
                    Protocol::Tcp => "tcp",
                    Protocol::Udp => "udp",
                    Protocol::Other => "other",
                };
                write!(f, "{verb}:{}/{protocol}", SocketAddr::new(*address, *port))
            }
            Subject::Event(event) => write!(f, "{event}"),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Argument::Any => f.write_str("_"),
            Argument::Number(number) if *number < 4096 => write!(f, "{number}"),
            Argument::Number(number) => write!(f, "{number:#x}"),
            Argument::Constant(name) => f.write_str(name),
        }
    }
}
