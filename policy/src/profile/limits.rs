//! `resources`, `disk` and `process.limits`: how much of everything.

use crate::origin::At;
use crate::parse::record::record;
use crate::parse::scalar::Limit;
use crate::units::{ByteRate, Bytes, Count, EventRate, Processors, Seconds};

record! {
    /// Limits on each process. getrlimit(2).
    ProcessLimits as "`limits`" {
        /// Processor time of a process. RLIMIT_CPU.
        cpu: At<Limit<Seconds>>,
        /// Size of a file it writes. RLIMIT_FSIZE.
        file_size: At<Limit<Bytes>>,
        /// Data segment. RLIMIT_DATA.
        data: At<Limit<Bytes>>,
        /// Stack. RLIMIT_STACK.
        stack: At<Limit<Bytes>>,
        /// Core dump. RLIMIT_CORE.
        core: At<Limit<Bytes>>,
        /// Processes of the user in its user namespace. RLIMIT_NPROC.
        processes: At<Limit<Count>>,
        /// Open descriptors. RLIMIT_NOFILE.
        open_files: At<Limit<Count>>,
        /// Locked memory. RLIMIT_MEMLOCK.
        locked_memory: At<Limit<Bytes>>,
        /// Address space. RLIMIT_AS.
        address_space: At<Limit<Bytes>>,
        /// Pending signals. RLIMIT_SIGPENDING.
        pending_signals: At<Limit<Count>>,
        /// POSIX message queues. RLIMIT_MSGQUEUE.
        message_queues: At<Limit<Bytes>>,
    }
}

record! {
    /// Limits on what all its processes consume together. cgroups(7).
    Resources as "`resources`" {
        /// Memory.
        memory: At<Limit<Bytes>>,
        /// Swap, beyond memory.
        swap: At<Limit<Bytes>>,
        /// Processors.
        cpu: At<Limit<Processors>>,
        /// Processes and threads.
        processes: At<Limit<Count>>,
        /// Traffic with every block device.
        io: Io,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}

record! {
    /// Traffic with every block device.
    Io as "`io`" {
        /// Bytes read a second.
        read: At<Limit<ByteRate>>,
        /// Bytes written a second.
        write: At<Limit<ByteRate>>,
        /// Read operations a second.
        read_operations: At<Limit<EventRate>>,
        /// Write operations a second.
        write_operations: At<Limit<EventRate>>,
    }
}

record! {
    /// Disk quota of everything it can write.
    Disk as "`disk`" {
        /// Size of all files.
        size: At<Limit<Bytes>>,
        /// Number of files.
        files: At<Limit<Count>>,
        /// Whether a host may lack the layer.
        optional: At<bool>,
    }
}
