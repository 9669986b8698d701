//! Traffic of containers, as the kernel sees it.
#![no_std]
#![no_main]

use aya_ebpf::{
    helpers::generated::{bpf_skb_ancestor_cgroup_id, bpf_skb_cgroup_id},
    macros::{cgroup_skb, map},
    maps::PerCpuHashMap,
    programs::SkBuffContext,
};
use stockade_ebpf_common::{MAX_CGROUP_LEVEL, MAX_CGROUPS, Traffic};

/// What left each cgroup that user space put an entry for. Per processor, so that no packet waits for
/// another; user space adds up.
#[map]
static EGRESS: PerCpuHashMap<u64, Traffic> = PerCpuHashMap::with_max_entries(MAX_CGROUPS, 0);

/// `cgroup_skb` lets the packet pass on 1.
const PASS: i32 = 1;

/// Counts what leaves; never drops.
#[cgroup_skb(egress)]
pub(crate) fn count_egress(packet: SkBuffContext) -> i32 {
    if let Some(traffic) = accounted(&packet) {
        // SAFETY: `skb` is the context that the kernel passed in; it checks every access to it.
        let segments = unsafe { (*packet.skb.skb).gso_segs };
        // SAFETY: the kernel handed out this pointer to this processor's own value, and a program on one
        // processor is not preempted by itself.
        unsafe {
            (*traffic).bytes += u64::from(packet.len());
            (*traffic).packets += u64::from(if segments > 1 { segments } else { 1 });
        }
    }
    PASS
}

/// The entry of the sending socket's cgroup or of its nearest ancestor that has one: a container's
/// processes may live in cgroups nested below the container's.
#[inline(always)]
fn accounted(packet: &SkBuffContext) -> Option<*mut Traffic> {
    let skb = packet.skb.skb;
    // SAFETY: the helper takes the context as it came and gives 0 where there is no cgroup.
    let leaf = unsafe { bpf_skb_cgroup_id(skb) };
    if let Some(traffic) = EGRESS.get_ptr_mut(&leaf) {
        return Some(traffic);
    }
    // Deepest first; a level below the socket's own cgroup gives 0, which no cgroup has as its id.
    let mut level = MAX_CGROUP_LEVEL;
    while level > 0 {
        // SAFETY: as above.
        let id = unsafe { bpf_skb_ancestor_cgroup_id(skb, level as i32) };
        if id != 0
            && let Some(traffic) = EGRESS.get_ptr_mut(&id)
        {
            return Some(traffic);
        }
        level -= 1;
    }
    None
}

/// Never reached: the verifier refuses a program that could get here.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// Helpers marked GPL-only are open to programs under this licence alone. The text counts as dual: the
/// kernel knows "Dual MIT/GPL", and MIT is one of ours.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
