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
    drops::{Dead, End, PLACES, Place, device},
    sample::kind,
    slot,
    stamp::Stamp,
};

use crate::{
    constants::{VO_CPUS, VO_DEPARTURES, VO_EPOCH_SHIFT, VO_KEY, VO_PAIR, VO_PAIRS, VO_TELL, drop::*},
    departure, fallback,
    samples::{self, Seen},
    skb::{self, Whereabouts},
    telling,
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
    if fallback::knows_addresses()
        && let Some(words) = fallback::recall_address(buffer)
    {
        stamped(ctx, buffer, words);
    }
}

/// Counts the death of a frame with such a stamp; false when it is none of ours.
#[inline(always)]
fn stamped(ctx: &BtfTracePointContext, buffer: *const u8, words: [u32; 2]) -> bool {
    let is_alone = VO_PAIRS.load() == 1;
    if is_alone && stamp_of(words, VO_KEY.load()).is_none() {
        return false;
    }
    let (end, is_known) = match skb::whereabouts(buffer) {
        Whereabouts::At(end) => (end, true),
        // Of several pairs nobody can tell which one's it is, and no other is charged with it.
        Whereabouts::Unknown if is_alone => (End { key: VO_KEY.load(), pair: VO_PAIR.load(), end: 0 }, false),
        Whereabouts::Unknown | Whereabouts::Elsewhere => return false,
    };
    let Some((direction, stamp)) = stamp_of(words, end.key) else { return false };
    let device = match (is_known, end.end == direction) {
        (false, _) => device::UNKNOWN,
        (true, true) => device::SENDING,
        (true, false) => device::RECEIVING,
    };
    died(ctx, buffer, slot(end.pair, direction), device, &stamp);
    true
}

/// The stamp that these words are with such a secret, and its direction.
#[inline(always)]
fn stamp_of(words: [u32; 2], key: u64) -> Option<(u32, Stamp)> {
    let mut direction = 0;
    while direction < DIRECTIONS {
        if let Some(stamp) = Stamp::unsealed(words, key ^ u64::from(direction), VO_CPUS.load()) {
            return Some((direction, stamp));
        }
        direction += 1;
    }
    None
}

#[inline(always)]
fn died(ctx: &BtfTracePointContext, buffer: *const u8, slot: u32, device: u32, stamp: &Stamp) {
    if skb::read::<u8>(buffer, VO_SKB_PKT_TYPE.load()) & PKT_TYPE_MASK == PACKET_OUTGOING {
        return;
    }
    // SAFETY: reads a clock.
    let now = unsafe { bpf_ktime_get_ns() };
    let Some(arrival) = stamp.arrived(now) else { return };
    let frames = skb::frames(buffer, stamp.header);
    let place = Place {
        location: ctx.arg(1),
        slot,
        reason: if VO_DROP_REASONS.load() == 0 { 0 } else { ctx.arg(2) },
        device,
        reserved: 0,
    };
    let (departed_ns, detail, cpu) = (arrival.departed_ns, place.location, stamp.cpu);
    let seen = Seen { kind: kind::DIED, now, departed_ns, detail, len: 0, frames, slot, cpu };
    if VO_DEPARTURES.load() != 0 && stamp.sampled && !samples::write_death(&seen, place.reason, device) {
        departure::lose_death(slot);
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
    // Last, so that what was told has been counted.
    if VO_TELL.load() != 0 {
        telling::tell(buffer, seen, place.reason, device);
    }
}
