//! Runs a command in a guest.

use crate::archive::Archive;
use crate::{Guest, Kernel, program, scratch};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Links that programs of the host expect: Debian has one directory of programs since 12.
const LINKS: [(&str, &str); 4] =
    [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")];

/// Modules without which a guest has no port to answer by.
const OWN_MODULES: [&str; 2] = ["virtio_pci", "virtio_console"];

/// How a guest ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The command returned this code.
    Exited(i32),
    /// The guest was reset, or its kernel gave up, before the command returned.
    Reset,
    /// It was ended when its time was over.
    TimedOut,
}

/// What a guest said.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub ending: Ending,
    /// Standard output of the command.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// What the kernel said.
    pub console: String,
    /// From the start of the kernel to the command, as the guest's clock has it.
    pub boot: Option<Duration>,
    /// From the start of the machine to the first byte of standard output, as the host's clock has it; `None` where
    /// nothing was written.
    pub first: Option<Duration>,
}

/// Why no guest ran.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// The kernel cannot be had here.
    #[error("no kernel {name}: {why}")]
    NoKernel {
        /// Its name in `tests/vm/kernels`.
        name: String,
        /// What `scripts/kernel` said.
        why: String,
    },
    /// The kernel has no such name, or what was fetched is not one.
    #[error("no kernel {name}: {why}")]
    Kernel {
        /// Its name.
        name: String,
        /// What `scripts/kernel` said.
        why: String,
    },
    /// The kernel has no such module.
    #[error("the kernel has no module {0}")]
    NoModule(String),
    /// A program that the guest needs is not on this host.
    #[error("there is no program {0}")]
    NoProgram(String),
    /// A program could not be started.
    #[error("cannot start {program}: {source}")]
    Program {
        /// Its name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program}: {status}: {why}")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        why: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the guest's parts stand on the host while it runs.
struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read(self.path(name)).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
    }
}

/// A machine that runs; ended with this value.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Guest {
    /// Boots it, runs the command as root and ends it.
    ///
    /// # Errors
    ///
    /// Where the guest could not be made or started. What the command does is in the answer.
    pub fn run(&self, command: &[&str]) -> Result<Ended, GuestError> {
        let kernel = Kernel::fetch(&self.kernel)?;
        let place = Place(
            scratch::directory().map_err(|source| GuestError::File { path: std::env::temp_dir(), source })?,
        );
        let archive = place.path("initramfs");
        let fault = |source| GuestError::File { path: archive.clone(), source };
        let to = BufWriter::new(File::create(&archive).map_err(fault)?);
        self.write_archive(&kernel, &place, command, to)?;

        let fault = |source| GuestError::Program { program: QEMU.to_owned(), source };
        let said = File::create(place.path("qemu"))
            .map_err(|source| GuestError::File { path: place.path("qemu"), source })?;
        let mut machine = Machine(self.machine(&kernel, &place)?.stderr(said).spawn().map_err(fault)?);
        let start = Instant::now();
        let mut first = None;
        let status = loop {
            let status = machine.0.try_wait().map_err(fault)?;
            if first.is_none() && fs::metadata(place.path("stdout")).is_ok_and(|file| file.len() > 0) {
                first = Some(start.elapsed());
            }
            if status.is_some() || start.elapsed() > self.patience {
                break status;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        drop(machine);
        // A guest that is reset, or gives up, ends QEMU without a fault.
        if let Some(status) = status.filter(|status| !status.success()) {
            let why = place.text("qemu").trim().to_owned();
            return Err(GuestError::Failed { program: QEMU.to_owned(), status, why });
        }
        let ending = match place.text("status").trim().parse() {
            Ok(code) => Ending::Exited(code),
            Err(_) if status.is_none() => Ending::TimedOut,
            Err(_) => Ending::Reset,
        };
        let console = place.text("console");
        let up = console.lines().find_map(|line| line.split_once("guest: up ")?.1.trim().parse().ok());
        Ok(Ended {
            ending,
            stdout: place.text("stdout"),
            stderr: place.text("stderr"),
            boot: up.map(Duration::from_secs_f64),
            first,
            console,
        })
    }

    fn write_archive(
        &self,
        kernel: &Kernel,
        place: &Place,
        command: &[&str],
        to: BufWriter<File>,
    ) -> Result<(), GuestError> {
        let mut archive = Archive::new(to);
        let file = |path: &Path| {
            let path = path.to_owned();
            move |source| GuestError::File { path, source }
        };
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/init");
        archive.file(&here, "init", 0o755).map_err(file(&here))?;
        for (name, to) in LINKS {
            archive.link(name, to).map_err(file(Path::new(name)))?;
        }
        let busybox = needed("busybox")?;
        archive.file(&busybox, "usr/bin/busybox", 0o755).map_err(file(&busybox))?;

        let own = OWN_MODULES.iter().map(|name| (*name).to_owned());
        let disk = (!self.disks.is_empty()).then(|| "virtio_blk".to_owned());
        let wanted: Vec<String> = own.chain(disk).chain(self.modules.iter().cloned()).collect();
        let order = kernel.load_order(&wanted)?;
        let mut list = String::new();
        for (name, path) in &order {
            archive.file(path, &format!("modules/{name}.ko"), 0o644).map_err(file(path))?;
            list.push_str(name);
            list.push('\n');
        }
        archive.text("modules/list", 0o644, list.as_bytes()).map_err(file(Path::new("modules/list")))?;

        for wanted in &self.programs {
            for path in program::files(wanted)? {
                archive.file(&path, &below_usr(&path), 0o755).map_err(file(&path))?;
            }
        }
        for (at, (of_host, in_guest)) in self.built.iter().enumerate() {
            let copy = place.path(&format!("program-{at}"));
            program::strip(of_host, &copy)?;
            archive.file(&copy, &below_usr(in_guest), 0o755).map_err(file(of_host))?;
            for library in program::files(of_host)?.split_off(1) {
                archive.file(&library, &below_usr(&library), 0o755).map_err(file(&library))?;
            }
        }
        for (of_host, in_guest) in &self.files {
            let name = below_usr(in_guest);
            archive.file(of_host, &name, 0o755).map_err(file(of_host))?;
        }
        let line = self.command_line(command);
        archive.text("command", 0o755, line.as_bytes()).map_err(file(Path::new("command")))?;
        archive.finish().map_err(file(Path::new("initramfs")))
    }

    /// The script that the guest runs.
    fn command_line(&self, command: &[&str]) -> String {
        let variables =
            self.environment.iter().map(|(name, value)| format!("export {name}={}\n", quoted(value)));
        let words: Vec<String> = command.iter().map(|word| quoted(word)).collect();
        format!(
            "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root\n\
             {}/bin/busybox --install -s /usr/bin 2>/dev/null\ncd /root\nexec {}\n",
            variables.collect::<String>(),
            words.join(" "),
        )
    }

    fn machine(&self, kernel: &Kernel, place: &Place) -> Result<Command, GuestError> {
        // No guest outlives its test: setpriv(1) has the kernel end it with the thread that waits for it.
        let mut command = Command::new(needed("setpriv")?);
        command.args(["--pdeathsig", "KILL"]).arg(needed(QEMU)?);
        command.args(["-machine", "pc", "-cpu", "max", "-accel", "tcg", "-nodefaults", "-no-user-config"]);
        command.args(["-display", "none", "-no-reboot", "-m", &self.memory.to_string()]);
        command.arg("-kernel").arg(&kernel.image).arg("-initrd").arg(place.path("initramfs"));
        let parameters =
            ["console=ttyS0", "quiet", "panic=-1", "no_timer_check", "tsc=reliable", "mitigations=off"];
        let parameters = parameters.into_iter().chain(self.parameters.iter().map(String::as_str));
        command.arg("-append").arg(parameters.collect::<Vec<_>>().join(" "));
        let file = |id: &str| format!("file,id={id},path={}", place.path(id).display());
        command.args([
            "-chardev",
            &file("console"),
            "-serial",
            "chardev:console",
            "-device",
            "virtio-serial",
        ]);
        for (at, port) in ["stdout", "stderr", "status"].into_iter().enumerate() {
            let device = format!("virtserialport,chardev={port},nr={}", at + 1);
            command.args(["-chardev", &file(port), "-device", &device]);
        }
        for disk in &self.disks {
            let drive = format!("file={},if=virtio,format=raw,discard=unmap", disk.path().display());
            command.args(["-drive", &drive]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Ok(command)
    }
}

/// The emulator.
const QEMU: &str = "qemu-system-x86_64";

/// The path of a program of the host.
fn needed(program: &str) -> Result<PathBuf, GuestError> {
    program::find(Path::new(program)).ok_or_else(|| GuestError::NoProgram(program.to_owned()))
}

/// A path in the guest, whose directories of programs and libraries stand below /usr.
fn below_usr(path: &Path) -> String {
    let path = path.to_string_lossy();
    let path = path.trim_start_matches('/');
    let moved =
        LINKS.iter().any(|(name, _)| path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')));
    if moved { format!("usr/{path}") } else { path.to_owned() }
}

/// A word as the shell takes it. sh(1), "Single Quotes".
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
