//! Plain data shared by the kernel side and the user side: keys and values of maps, copied byte for byte
//! across the border.
//!
//! A type here has no padding, so that equal values are equal bytes and nothing uninitialised crosses.
#![no_std]
#![forbid(unsafe_code)]

/// Defines plain data and asserts that the compiler put no padding into it.
macro_rules! plain {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })*) => { $(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name { $($(#[$field_meta])* pub $field: $type),* }
        const _: () = assert!(
            core::mem::size_of::<$name>() == 0 $(+ core::mem::size_of::<$type>())*,
            concat!(stringify!($name), " has padding"),
        );
    )* };
}

/// How deep below the root of the unified hierarchy a cgroup that is accounted may lie. The kernel side
/// walks the ancestors of the sending socket's cgroup up to this level; the verifier wants a bound.
pub const MAX_CGROUP_LEVEL: u32 = 16;

/// How many cgroups can be accounted at once.
pub const MAX_CGROUPS: u32 = 4096;

plain! {
    /// What left one cgroup through one processor: the value of the map `EGRESS`, whose key is the
    /// cgroup's id (its inode in the unified hierarchy) as `u64`.
    Traffic {
        /// Bytes from the network header on, as the socket layer hands them down: a segmentation-offload
        /// packet counts its own headers once.
        bytes: u64,
        /// Packets on the wire: a segmentation-offload packet counts each of its segments.
        packets: u64,
    }
}

// The layout is an interface: pinned maps outlive the binary that made them.
const _: () = assert!(core::mem::size_of::<Traffic>() == 16);
const _: () = assert!(core::mem::offset_of!(Traffic, packets) == 8);
