//! What a guest is given.

use crate::Disk;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a guest may take, if nothing else is said. Emulation is slow, and so is a machine that does other things;
/// only a hang takes as long.
const PATIENCE: Duration = Duration::from_secs(600);

/// A guest before it runs.
#[derive(Clone, Debug)]
pub struct Guest {
    pub(crate) kernel: String,
    pub(crate) disks: Vec<Disk>,
    pub(crate) modules: Vec<String>,
    /// Files of the host, and where they stand in the guest.
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    pub(crate) programs: Vec<PathBuf>,
    /// Programs that were built here, and where they stand in the guest.
    pub(crate) built: Vec<(PathBuf, PathBuf)>,
    pub(crate) parameters: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) memory: u32,
    pub(crate) patience: Duration,
}

impl Guest {
    /// A guest with a kernel of `tests/vm/kernels`, busybox and 512 MiB of memory.
    pub fn new(kernel: &str) -> Guest {
        Guest {
            kernel: kernel.to_owned(),
            disks: Vec::new(),
            modules: Vec::new(),
            files: Vec::new(),
            programs: Vec::new(),
            built: Vec::new(),
            parameters: Vec::new(),
            environment: Vec::new(),
            memory: 512,
            patience: PATIENCE,
        }
    }

    /// With a disk: `/dev/vda` is the first.
    #[must_use]
    pub fn disk(mut self, disk: Disk) -> Guest {
        self.disks.push(disk);
        self
    }

    /// With a module of the kernel, and all that it needs, loaded before the command.
    #[must_use]
    pub fn module(mut self, name: &str) -> Guest {
        self.modules.push(name.to_owned());
        self
    }

    /// With a program of the host and its libraries, at the same paths. A name is looked for on PATH.
    #[must_use]
    pub fn program(mut self, program: impl AsRef<Path>) -> Guest {
        self.programs.push(program.as_ref().to_owned());
        self
    }

    /// With a program that was built here and its libraries, without what only a debugger reads, which is most of it.
    #[must_use]
    pub fn built(mut self, program: impl AsRef<Path>, in_guest: impl AsRef<Path>) -> Guest {
        self.built.push((program.as_ref().to_owned(), in_guest.as_ref().to_owned()));
        self
    }

    /// With a file of the host.
    #[must_use]
    pub fn file(mut self, of_host: impl AsRef<Path>, in_guest: impl AsRef<Path>) -> Guest {
        self.files.push((of_host.as_ref().to_owned(), in_guest.as_ref().to_owned()));
        self
    }

    /// With a variable of the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Guest {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a parameter of the kernel, such as `lsm=landlock,bpf`.
    #[must_use]
    pub fn parameter(mut self, parameter: &str) -> Guest {
        self.parameters.push(parameter.to_owned());
        self
    }

    /// With other memory, MiB. The root is in memory.
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Guest {
        self.memory = mib;
        self
    }

    /// With another limit of time, after which it is ended.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Guest {
        self.patience = patience;
        self
    }
}
