// What the launcher tells the init: one block, laid out here for both sides. It stands in the init's own
// sealed file, at an address of its own once mapped, so that the init need not open, read or map anything.

/// Bytes that are mapped; a block is at most that long.
pub const CAPACITY: usize = 0x1_0000;

/// The head of the block. Offsets are bytes from its beginning.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Block {
    /// Signals that the target blocks: the caller's own mask.
    pub mask: u64,
    /// The control socket.
    pub control: i32,
    /// Whether standard input becomes the target's controlling terminal.
    pub terminal: u32,
    /// Whether memory that was writable never becomes executable.
    pub write_xor_execute: u32,
    /// Whether the target sets its capabilities after the filter, to those below.
    pub late_capabilities: u32,
    /// `struct __user_cap_data_struct[2]`: effective, permitted, inheritable, low words first.
    pub capabilities: [u32; 6],
    /// `SECCOMP_FILTER_FLAG_*`
    pub filter_flags: u32,
    /// Where the filter's instructions are.
    pub filter_offset: u32,
    /// How many; 0: no filter.
    pub filter_length: u32,
    /// Where the paths to try are, one after the other, each ended by NUL.
    pub candidates_offset: u32,
    /// How many.
    pub candidates: u32,
}

/// What the init, or the child before it, tells the launcher. A message is two words, and for
/// `FAILED` the name of the object after them.
pub mod message {
    /// A step before the init failed: errno, number of the step in the high half.
    pub const FAILED: u32 = 1;
    /// The target could not be executed: errno.
    pub const EXEC: u32 = 2;
    /// The target could not take on its filter: errno.
    pub const FILTER: u32 = 3;
    /// The target could not lay down its capabilities: errno.
    pub const CAPABILITIES: u32 = 4;
    /// The target could not lead a session of its own: errno.
    pub const SESSION: u32 = 5;
    /// The init could not forbid itself, and all that it starts, executable memory: errno.
    pub const WRITE_XOR_EXECUTE: u32 = 10;
    /// The target could not be forked: errno.
    pub const FORK: u32 = 6;
    /// The init could not confine itself: errno.
    pub const CONFINE: u32 = 7;
    /// The target has been executed; a descriptor of it comes along.
    pub const STARTED: u32 = 8;
    /// The target has ended: wait status.
    pub const ENDED: u32 = 9;
}
