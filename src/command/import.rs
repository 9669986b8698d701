//! `stockade import FILE`

use super::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{self, HostArch};
use crate::render::{self, Format};
use crate::running;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use stockade_policy::import::{self, Container, Imported, Kind, kernel};
use stockade_policy::lookup::Source;
use stockade_policy::parse;
use stockade_policy::resolve::{self, Mode};
use stockade_policy::seccomp::bpf;
use stockade_policy::vocab::{Arch, Cap};

/// Turn another tool's filter or container into a profile
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What `docker inspect` prints, an OCI runtime's config.json, Docker's seccomp JSON or an OCI runtime's, or a
    /// filter as the kernel takes it (an array of `struct sock_filter`)
    #[arg(required_unless_present = "pid", conflicts_with = "pid")]
    file: Option<PathBuf>,
    /// Import the filters that a running process is under
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// What the file is, where its content does not say
    #[arg(long, value_enum, conflicts_with = "pid")]
    from: Option<From>,
    /// Which container of `docker inspect`'s, by name or id
    #[arg(long, value_name = "NAME", conflicts_with = "pid")]
    container: Option<String>,
    /// The name of the profile; the file's or the container's where none is given
    #[arg(long)]
    name: Option<String>,
    /// A capability of the container, for rules that ask for it; may be given several times; Docker's 14 where
    /// none is given
    #[arg(long, value_name = "NAME")]
    cap: Vec<String>,
    /// The kernel of the host, for rules that ask for it; this host's where none is given
    #[arg(long, value_name = "X.Y")]
    kernel: Option<String>,
    /// The architecture of the host; this host's where none is given
    #[arg(long, value_enum)]
    arch: Option<HostArch>,
    #[command(flatten)]
    output: Output,
}

/// Kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// Docker's seccomp JSON or an OCI runtime's; of a whole config.json its filter alone
    SeccompJson,
    /// An OCI runtime's whole config.json
    Oci,
    /// What `docker inspect` prints
    DockerInspect,
    /// A filter as the kernel takes it
    Bpf,
}

/// Longest file that is read, bytes; the readers refuse one by its size.
const LONGEST: u64 = 1 << 20;

/// Longest name that is given to a profile, characters.
const LONGEST_NAME: usize = 256;

pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    if let Some(name) = &args.name
        && (name.trim().is_empty() || name.chars().count() > LONGEST_NAME)
    {
        return Err(Failure::Argument {
            what: "--name",
            value: name.clone(),
            why: format!("a name has 1 to {LONGEST_NAME} characters"),
        });
    }
    let context = Context::new(Path::new("/"))?;
    let imported = match (args.pid, &args.file) {
        (Some(pid), _) => process(args, pid)?,
        (None, Some(path)) => file(args, path)?,
        // The command line takes neither none nor both.
        (None, None) => return Ok(Exit::BAD_INPUT),
    };
    read_again(&context, &imported)?;
    if args.output.format == Format::Text {
        render::diagnostics(&imported.warnings);
        imported.notes.iter().for_each(|note| render::note("note", &render::one_line(note)));
        imported.holes.iter().for_each(|hole| render::note("hole", &hole.to_string()));
    }
    render::result(args.output.format, "import", &imported, || imported.profile.clone())?;
    Ok(Exit::FINE)
}

fn file(args: &Args, path: &Path) -> Result<Imported, Failure> {
    let fault = |source| Failure::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(LONGEST + 1).read_to_end(&mut bytes).map_err(fault)?;
    let shown = path.to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = args.name.as_deref().unwrap_or(if stem.is_empty() { "imported" } else { &stem });
    let from = args.from.unwrap_or_else(|| recognised(&bytes));
    if let (Some(container), true) = (&args.container, from != From::DockerInspect) {
        return Err(Failure::Argument {
            what: "--container",
            value: container.clone(),
            why: format!("{shown} is nothing that `docker inspect` prints"),
        });
    }
    let source = |bytes| Source { file: shown.as_ref().into(), text: bytes };
    match from {
        From::SeccompJson => {
            import::seccomp_json(&source(bytes), name, &container(args)?).map_err(Failure::Diagnostics)
        }
        From::Oci => {
            import::oci_config(&source(bytes), name, &container(args)?).map_err(Failure::Diagnostics)
        }
        From::DockerInspect => import::docker_inspect(
            &source(bytes),
            args.name.as_deref(),
            args.container.as_deref(),
            &container(args)?,
        )
        .map_err(Failure::Diagnostics),
        From::Bpf => {
            let refused = |source: Box<dyn std::error::Error + Send + Sync>| Failure::Filter {
                what: format!("the filter {shown}"),
                to: "imported",
                source,
            };
            let program = bpf::from_bytes(&bytes).map_err(|error| refused(error.into()))?;
            import::filters(&[program], arch(args)?, name, &shown).map_err(|error| refused(error.into()))
        }
    }
}

fn process(args: &Args, pid: u32) -> Result<Imported, Failure> {
    let stacks = running::filters(pid)?;
    let (main, others): (Vec<_>, Vec<_>) = stacks.into_iter().partition(|stack| stack.threads.contains(&pid));
    let programs: Vec<_> = main.into_iter().flat_map(|stack| stack.programs).collect();
    if programs.is_empty() {
        return Err(Failure::Argument {
            what: "--pid",
            value: pid.to_string(),
            why: format!("process {pid} runs under no filter"),
        });
    }
    let from = format!("process {pid}");
    let name = args.name.clone().unwrap_or_else(|| format!("process-{pid}"));
    let mut imported = import::filters(&programs, arch(args)?, &name, &from).map_err(|error| {
        Failure::Filter { what: format!("what {from} runs under"), to: "imported", source: error.into() }
    })?;
    let threads: usize = others.iter().map(|stack| stack.threads.len()).sum();
    if threads > 0 {
        imported
            .notes
            .push(format!("{threads} threads have other filters than the main thread, whose these are"));
    }
    Ok(imported)
}

/// JSON begins with a bracket, after white space; no filter does: its first operation would be none.
fn recognised(bytes: &[u8]) -> From {
    match bytes.trim_ascii_start().first() {
        Some(b'{' | b'[') => match import::recognise(bytes) {
            Kind::Seccomp => From::SeccompJson,
            Kind::Oci => From::Oci,
            Kind::DockerInspect => From::DockerInspect,
        },
        _ if bytes.contains(&0) => From::Bpf,
        _ => From::SeccompJson,
    }
}

/// The architecture of the host that the filter is for.
fn arch(args: &Args) -> Result<Arch, Failure> {
    Ok(match args.arch {
        Some(arch) => arch.into(),
        None => host::here()?.arch,
    })
}

fn container(args: &Args) -> Result<Container, Failure> {
    let version = match &args.kernel {
        Some(written) => kernel(written).ok_or_else(|| Failure::Argument {
            what: "--kernel",
            value: written.clone(),
            why: "a kernel is written `6.18`".to_owned(),
        })?,
        None => running()?,
    };
    let mut container = Container::docker(arch(args)?, version);
    if !args.cap.is_empty() {
        let known = |name: &String| {
            name.parse::<Cap>().map_err(|()| Failure::Argument {
                what: "--cap",
                value: name.clone(),
                why: "there is no such capability; capabilities(7) lists them".to_owned(),
            })
        };
        container.capabilities = args.cap.iter().map(known).collect::<Result<_, Failure>>()?;
    }
    Ok(container)
}

/// The version of this kernel. proc_sys_kernel(5).
fn running() -> Result<(u32, u32), Failure> {
    const RELEASE: &str = "/proc/sys/kernel/osrelease";
    let fault = |source| Failure::Read { path: RELEASE.into(), source };
    let release = std::fs::read_to_string(RELEASE).map_err(fault)?;
    // `6.18.5-amd64`: the distribution's own part says nothing here.
    let numbers: String = release.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    kernel(numbers.trim_end_matches('.')).ok_or_else(|| fault(std::io::ErrorKind::InvalidData.into()))
}

/// The text must mean what was imported: else it is not given out.
fn read_again(context: &Context, imported: &Imported) -> Result<(), Failure> {
    let source = Source { file: "the imported profile".into(), text: imported.profile.clone().into_bytes() };
    let profile = parse::parse(&source).map_err(Failure::Misread)?;
    let policy = resolve::resolve(&profile, context, Mode::Profile).map_err(Failure::Misread)?;
    let same = imported
        .calls
        .as_ref()
        .is_none_or(|(syscalls, filter)| policy.syscalls == *syscalls && policy.filter == *filter);
    if same { Ok(()) } else { Err(Failure::Misread(Vec::new())) }
}
