//! A socket buffer is freed as dropped, anywhere in the kernel: if it carries a stamp of ours, a frame died on the way.
//!
//! It has the stamp still, so it never reached our ingress hook.

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, bpf_probe_read_kernel},
    macros::map,
    maps::{PerCpuArray, PerCpuHashMap},
    programs::BtfTracePointContext,
};
use veth_observer_common::{
    DIRECTIONS,
    counters::epoch,
    drops::{Dead, PLACES, Place, device},
    gso::{self, Gso},
    matching::ADDRESS,
    settings::LANES,
    stamp::Stamp,
};

use crate::{
    constants::{VO_CPUS, VO_EPOCH_SHIFT, VO_LANE, drop::*, key, slot},
    fallback,
};

/// Written here, read by the observer.
#[map]
static VO_PLACES: PerCpuHashMap<Place, Dead> = PerCpuHashMap::with_max_entries(PLACES, 0);

/// Written here, read by the observer: what finds no room there.
#[map]
static VO_UNPLACED: PerCpuArray<Dead> = PerCpuArray::with_max_entries(2, 0);

const BPF_NOEXIST: u64 = aya_ebpf::bindings::BPF_NOEXIST as u64;

/// include/uapi/linux/if_packet.h: what taps are given is a copy, whose end is nobody's loss (`dev_queue_xmit_nit`).
const PACKET_OUTGOING: u8 = 4;
const PKT_TYPE_MASK: u8 = 7;

#[inline(always)]
pub fn count(ctx: &BtfTracePointContext) {
    let skb: *const u8 = ctx.arg(0);
    let words = words(skb);
    // Most of what dies in a kernel was never ours, and its control block is empty.
    if words != [0, 0] && stamped(ctx, skb, words) {
        return;
    }
    if (fallback::method(0) == ADDRESS || fallback::method(1) == ADDRESS)
        && let Some(words) = fallback::recall_address(skb)
    {
        stamped(ctx, skb, words);
    }
}

/// Counts the death of a frame with such a stamp; false when it is none of ours.
#[inline(always)]
fn stamped(ctx: &BtfTracePointContext, skb: *const u8, words: [u32; 2]) -> bool {
    let mut direction = 0;
    while direction < DIRECTIONS {
        if let Some(stamp) = Stamp::unsealed(words, key(direction), VO_CPUS.load()) {
            died(ctx, skb, direction, &stamp);
            return true;
        }
        direction += 1;
    }
    false
}

#[inline(always)]
fn died(ctx: &BtfTracePointContext, skb: *const u8, direction: u32, stamp: &Stamp) {
    if read::<u8>(skb, VO_SKB_PKT_TYPE.load()) & PKT_TYPE_MASK == PACKET_OUTGOING {
        return;
    }
    // A seal is 16 bits: of what dies elsewhere some would fit.
    let Some(device) = device(skb, direction) else { return };
    // SAFETY: reads a clock.
    if stamp.arrived(unsafe { bpf_ktime_get_ns() }).is_none() {
        return;
    }
    let frames = u64::from(frames(skb, stamp.header));
    let slot = slot(direction);
    let place = Place {
        location: ctx.arg(1),
        slot,
        reason: if VO_DROP_REASONS.load() == 0 { 0 } else { ctx.arg(2) },
        device,
        reserved: 0,
    };
    let mut dead = VO_PLACES.get_ptr_mut(place);
    if dead.is_none() {
        // It fails when there is no room, or when another CPU has just made the entry.
        let _ = VO_PLACES.insert(place, Dead::NONE, BPF_NOEXIST);
        dead = VO_PLACES.get_ptr_mut(place);
    }
    let Some(dead) = dead.or_else(|| VO_UNPLACED.get_ptr_mut(slot)) else { return };
    // SAFETY: the maps live as long as the program; a tracepoint does not interrupt itself on one CPU.
    unsafe { (*dead).epochs[epoch(stamp.time, VO_EPOCH_SHIFT.load())] += frames };
}

#[inline(always)]
pub fn words(skb: *const u8) -> [u32; 2] {
    let lane = if VO_LANE.load() == 0 { LANES[0] } else { LANES[1] };
    let at = VO_SKB_CB.load() + VO_CB_DATA.load() + 4 * lane as u32;
    // SAFETY: the tracepoint's buffer is a pointer that the verifier knows the type of, and the offset is a constant to it.
    unsafe {
        let words = skb.add(at as usize).cast::<u32>();
        [words.read_volatile(), words.add(1).read_volatile()]
    }
}

/// Frames that the buffer stood for; see [`gso`].
#[inline(always)]
pub fn frames(skb: *const u8, header: u32) -> u32 {
    if header == 0 {
        return 1;
    }
    let head: *const u8 = read(skb, VO_SKB_HEAD.load());
    let end: u32 = read(skb, VO_SKB_END.load());
    let shared = head.wrapping_add(end as usize);
    let gso = Gso {
        segs: u32::from(read::<u16>(shared, VO_SHINFO_GSO_SEGS.load())),
        size: u32::from(read::<u16>(shared, VO_SHINFO_GSO_SIZE.load())),
    };
    gso::at_ingress(read(skb, VO_SKB_LEN.load()), header, gso)
}

/// Which end the buffer was on, if that can be told; none when it was on another device.
#[inline(always)]
fn device(skb: *const u8, direction: u32) -> Option<u32> {
    let dev: *const u8 = read(skb, VO_SKB_DEV.load());
    let ifindex: u32 = read(dev, VO_DEV_IFINDEX.load());
    let net: *const u8 = read(dev, VO_DEV_NET.load());
    let cookie: u64 = read(net, VO_NET_COOKIE.load());
    let end = if ifindex == VO_IFINDEX_A.load() && cookie == VO_COOKIE_A.load() {
        0
    } else if ifindex == VO_IFINDEX_B.load() && cookie == VO_COOKIE_B.load() {
        1
    } else if is_device(ifindex, cookie) && VO_COOKIE_A.load() != 0 && VO_COOKIE_B.load() != 0 {
        return None;
    } else {
        return Some(device::UNKNOWN);
    };
    // Direction 0 is sent by end a.
    Some(if end == direction { device::SENDING } else { device::RECEIVING })
}

/// Whether these were read from a device, and not from what some queues keep in place of one (`sk_buff.rbnode`). Cookies
/// count the namespaces since the machine came up.
#[inline(always)]
fn is_device(ifindex: u32, cookie: u64) -> bool {
    ifindex != 0 && ifindex >> 31 == 0 && cookie != 0 && cookie >> 40 == 0
}

/// A field of a kernel structure that may not be there: zero when it cannot be read.
#[inline(always)]
fn read<T: Default>(base: *const u8, offset: u32) -> T {
    // SAFETY: the helper refuses addresses that cannot be read.
    unsafe { bpf_probe_read_kernel(base.wrapping_add(offset as usize).cast::<T>()).unwrap_or_default() }
}
