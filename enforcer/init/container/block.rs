// What the host tells the init of an engine's container: one block, laid out here for both sides. It stands behind
// the program in the same file, at an address of its own once mapped, so that the init need not open, read or map
// anything.

/// Bytes that are mapped; a block is at most that long.
pub const CAPACITY: usize = 0x10_0000;

/// The head of the block. Offsets are bytes from its beginning.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct Block {
    /// `handled_access_fs`
    pub handled_fs: u64,
    /// `scoped`
    pub scoped: u64,
    /// Bytes of `struct landlock_ruleset_attr` that the kernel knows; 0: no Landlock.
    pub ruleset_size: u32,
    /// Where the rules are: two 64-bit words each, `allowed_access` and the offset of the path, which NUL ends.
    pub rules_offset: u32,
    /// How many.
    pub rules: u32,
    /// Whether memory that was writable never becomes executable.
    pub write_xor_execute: u32,
    /// Permission bits that new files do not get, whatever whoever starts it has set.
    pub umask: u32,
    /// `SECCOMP_FILTER_FLAG_*`
    pub filter_flags: u32,
    /// Where the filter's instructions are.
    pub filter_offset: u32,
    /// How many; 0: no filter.
    pub filter_length: u32,
}
