//! A socket buffer is freed as dropped, anywhere in the kernel: if it carries a stamp of ours, a frame died on the way.
//!
//! It has the stamp still, so it never reached our ingress hook.

use aya_ebpf::{
    helpers::bpf_ktime_get_ns,
    macros::map,
    maps::{PerCpuArray, PerCpuHashMap},
    programs::BtfTracePointContext,
};
use veth_observer_common::{
    DIRECTIONS,
    counters::epoch,
    drops::{Dead, PLACES, Place},
    matching::ADDRESS,
    sample::kind,
    stamp::Stamp,
};

use crate::{
    constants::{VO_CPUS, VO_DEPARTURES, VO_EPOCH_SHIFT, drop::*, key, slot},
    departure, fallback,
    samples::{self, Seen},
    skb,
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
    let buffer: *const u8 = ctx.arg(0);
    let words = skb::words(buffer);
    // Most of what dies in a kernel was never ours, and its control block is empty.
    if words != [0, 0] && stamped(ctx, buffer, words) {
        return;
    }
    if (fallback::method(0) == ADDRESS || fallback::method(1) == ADDRESS)
        && let Some(words) = fallback::recall_address(buffer)
    {
        stamped(ctx, buffer, words);
    }
}

/// Counts the death of a frame with such a stamp; false when it is none of ours.
#[inline(always)]
fn stamped(ctx: &BtfTracePointContext, buffer: *const u8, words: [u32; 2]) -> bool {
    let mut direction = 0;
    while direction < DIRECTIONS {
        if let Some(stamp) = Stamp::unsealed(words, key(direction), VO_CPUS.load()) {
            died(ctx, buffer, direction, &stamp);
            return true;
        }
        direction += 1;
    }
    false
}

#[inline(always)]
fn died(ctx: &BtfTracePointContext, buffer: *const u8, direction: u32, stamp: &Stamp) {
    if skb::read::<u8>(buffer, VO_SKB_PKT_TYPE.load()) & PKT_TYPE_MASK == PACKET_OUTGOING {
        return;
    }
    // A seal is 16 bits: of what dies elsewhere some would fit.
    let Some(device) = skb::device(buffer, direction) else { return };
    // SAFETY: reads a clock.
    let now = unsafe { bpf_ktime_get_ns() };
    let Some(arrival) = stamp.arrived(now) else { return };
    let frames = skb::frames(buffer, stamp.header);
    let slot = slot(direction);
    let place = Place {
        location: ctx.arg(1),
        slot,
        reason: if VO_DROP_REASONS.load() == 0 { 0 } else { ctx.arg(2) },
        device,
        reserved: 0,
    };
    if VO_DEPARTURES.load() != 0 && stamp.sampled {
        let (departed_ns, detail, cpu) = (arrival.departed_ns, place.location, stamp.cpu);
        let seen = Seen { kind: kind::DIED, now, departed_ns, detail, len: 0, frames, slot, cpu };
        if !samples::write_death(&seen, place.reason, device) {
            departure::lose_death(slot);
        }
    }
    let mut dead = VO_PLACES.get_ptr_mut(place);
    if dead.is_none() {
        // It fails when there is no room, or when another CPU has just made the entry.
        let _ = VO_PLACES.insert(place, Dead::NONE, BPF_NOEXIST);
        dead = VO_PLACES.get_ptr_mut(place);
    }
    let Some(dead) = dead.or_else(|| VO_UNPLACED.get_ptr_mut(slot)) else { return };
    // SAFETY: the maps live as long as the program; a tracepoint does not interrupt itself on one CPU.
    unsafe { (*dead).epochs[epoch(stamp.time, VO_EPOCH_SHIFT.load())] += u64::from(frames) };
}
