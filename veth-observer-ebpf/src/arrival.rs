//! Ingress of the receiving end: recognise the frame, count it and its delay, and hand over a sample.

use aya_ebpf::{
    helpers::bpf_ktime_get_ns,
    macros::map,
    maps::{Array, PerCpuArray},
    programs::TcContext,
};
use veth_observer_common::{
    buckets,
    counters::{Received, Variation, epoch},
    gso,
    matching::{ADDRESS, AFTER, BEFORE, DIGEST, METHOD},
    order::{Order, Place},
    sample::{ANY_CPU, NEVER, kind},
    settings::hook::{XDP_GENERIC, XDP_NATIVE},
    stamp::{Arrival, OUTSIDE_KEY, Stamp},
};

use crate::{
    arrival_xdp,
    constants::{VO_CPUS, VO_EPOCH_SHIFT, VO_HOOK, VO_LANE, VO_ONE_END, VO_ORDER, key, slot},
    fallback, frame, journal,
    samples::{self, Seen},
};

/// Written here, read by the observer. The loader makes it large enough, so no slot is ever missing.
#[map]
pub static VO_RECEIVED: PerCpuArray<Received> = PerCpuArray::with_max_entries(2, 0);

/// Written here, by whichever CPU a frame arrives on; the loader makes it large enough for every CPU to send.
#[map]
static VO_ORDERS: Array<Order> = Array::with_max_entries(2, 0);

#[inline(always)]
pub fn count(ctx: &TcContext, direction: u32) {
    let slot = slot(direction);
    let lane = VO_LANE.load();
    if VO_HOOK.load() == XDP_NATIVE {
        take_stamp_off(ctx, direction, lane);
        return;
    }
    let Some(received) = VO_RECEIVED.get_ptr_mut(slot) else { return };
    // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only, in softirq.
    let received = unsafe { &mut *received };
    let len = frame::len(ctx);
    if VO_ONE_END.load() != 0 {
        count_unstamped(ctx, received, direction, len);
        return;
    }
    let now = now(slot);

    let words = words(ctx, received, direction, lane);
    let Some(arrival) = Stamp::opened(words, key(direction), VO_CPUS.load(), now) else {
        match Stamp::opened(words, key(direction) ^ OUTSIDE_KEY, VO_CPUS.load(), now) {
            Some(outside) => leave_outside(ctx, received, &outside, len, lane),
            None => unrecognised(ctx, received, direction, len, now),
        }
        return;
    };
    let frames = frames(ctx, &arrival, len);
    // A frame that is bridged on still carries its control block: nobody must read this stamp again.
    frame::set_words(ctx, lane, [0, 0]);
    if arrival.clamped {
        journal::clamped(ctx.skb.skb, direction);
    }
    if received.skbs == 0 {
        journal::first_arrival(ctx.skb.skb, direction, len);
    }
    if VO_ORDER.load() == 0 || first_time(received, slot, &arrival, frames) {
        add(received, &arrival, frames, len + frame::vlan_len(ctx));
    }
    let (departed_ns, cpu) = (arrival.departed_ns, arrival.stamp.cpu);
    let seen = Seen { kind: kind::RECEIVED, now, departed_ns, detail: 0, len, frames, slot, cpu };
    samples::take(ctx, &mut received.sampling, arrival.stamp.sampled, seen);
}

/// A frame that was counted at XDP must not count as dropped further on, nor for another pair.
#[inline(always)]
fn take_stamp_off(ctx: &TcContext, direction: u32, lane: u32) {
    if is_ours(frame::words(ctx, lane), direction) {
        frame::set_words(ctx, lane, [0, 0]);
    }
}

/// Whether these are a stamp of this direction, under observation or not.
#[inline(always)]
fn is_ours(words: [u32; 2], direction: u32) -> bool {
    Stamp::unsealed(words, key(direction), VO_CPUS.load()).is_some()
        || Stamp::unsealed(words, key(direction) ^ OUTSIDE_KEY, VO_CPUS.load()).is_some()
}

/// Counts a frame that left before the observation began or after it had ended.
#[inline(always)]
fn leave_outside(ctx: &TcContext, received: &mut Received, arrival: &Arrival, len: u32, lane: u32) {
    received.outside += u64::from(frames(ctx, arrival, len));
    frame::set_words(ctx, lane, [0, 0]);
}

/// Frames that the buffer holds. Only one that left as several says which header they share.
#[inline(always)]
fn frames(ctx: &TcContext, arrival: &Arrival, len: u32) -> u32 {
    let header = arrival.stamp.header;
    if header == 0 { 1 } else { gso::at_ingress(len, header, frame::gso(ctx)) }
}

/// When the frame at hand arrived at the hook that was asked for.
#[inline(always)]
pub fn now(slot: u32) -> u64 {
    if VO_HOOK.load() == XDP_GENERIC
        && let Some(now) = arrival_xdp::take_time(slot)
    {
        return now;
    }
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// The words that may be its stamp, wherever that was kept.
#[inline(always)]
fn words(ctx: &TcContext, received: &mut Received, direction: u32, lane: u32) -> [u32; 2] {
    let mut words = frame::words(ctx, lane);
    // What is remembered is taken out in any case.
    if fallback::method(direction) == ADDRESS
        && let Some(kept) = fallback::recall_address(ctx.skb.skb.cast())
        && !frame::was_polled(ctx)
        && !is_ours(words, direction)
    {
        words = kept;
        received.by_address += 1;
    }
    words
}

/// Counts a frame that left where nobody stamps.
#[inline(always)]
fn count_unstamped(ctx: &TcContext, received: &mut Received, direction: u32, len: u32) {
    if !frame::is_looped_back(ctx) && fallback::state(direction) & (BEFORE | AFTER) == 0 {
        add_unmatched(ctx, received, len, gso::at_ingress(len, 0, frame::gso(ctx)));
    }
}

#[inline(always)]
fn add_unmatched(ctx: &TcContext, received: &mut Received, len: u32, frames: u32) {
    received.unmatched += u64::from(frames);
    received.unmatched_skbs += 1;
    received.unmatched_bytes += bytes(ctx, len, frames);
}

/// What is known of the bytes of so many frames: the header that they share is in it once.
#[inline(always)]
fn bytes(ctx: &TcContext, len: u32, frames: u32) -> u64 {
    u64::from(len) + u64::from(frame::vlan_len(ctx)) * u64::from(frames)
}

/// Counts a frame that nothing tells the departure of, or nothing but its bytes.
#[inline(always)]
fn unrecognised(ctx: &TcContext, received: &mut Received, direction: u32, len: u32, now: u64) {
    if frame::is_looped_back(ctx) {
        return;
    }
    let frames = gso::at_ingress(len, 0, frame::gso(ctx));
    let state = fallback::state(direction);
    if state & BEFORE != 0 {
        received.strange += u64::from(frames);
        return;
    }
    let by_bytes = state & METHOD == DIGEST;
    // What left under observation has its stamp, but where nothing survives.
    if state & AFTER != 0 && !by_bytes {
        return;
    }
    let slot = slot(direction);
    let digest = if by_bytes { fallback::digest_of(ctx, direction) } else { None };
    if by_bytes && !fallback::has_begun(slot, digest, direction) {
        received.early += u64::from(frames);
        received.early_bytes += bytes(ctx, len, frames);
        return;
    }
    add_unmatched(ctx, received, len, frames);
    let mut departed_ns = NEVER;
    if let Some(digest) = digest
        && let Some(departed) = fallback::recall_digest(digest, direction, now)
    {
        departed_ns = departed;
        time(received, now.saturating_sub(departed), u64::from(frames));
        received.by_digest += u64::from(frames);
    }
    let sampled = samples::choose(ctx, &mut received.sampling, digest);
    let (kind, cpu) = (kind::RECEIVED, ANY_CPU);
    let seen = Seen { kind, now, departed_ns, detail: 0, len, frames, slot, cpu };
    samples::take(ctx, &mut received.sampling, sampled, seen);
}

/// Judges the order of an arrival; false when the same frame has arrived before.
#[inline(always)]
fn first_time(received: &mut Received, slot: u32, arrival: &Arrival, frames: u32) -> bool {
    let index = slot * VO_CPUS.load() + arrival.stamp.cpu;
    let Some(order) = VO_ORDERS.get_ptr_mut(index) else { return true };
    // SAFETY: the map lives as long as the program. Where frames of one sending CPU arrive on several at the same moment,
    // their order is whichever of them comes last here.
    let order = unsafe { &mut *order };
    // What a buffer of several frames is cut into on its way down to the ring is single frames.
    let whole = arrival.stamp.header == 0 || frames > 1;
    let place = order.place(arrival.departed_ns, arrival.delay_ns, whole);
    match place {
        Place::First | Place::Piece => {}
        Place::InOrder { variation_ns } => vary(&mut received.variation, variation_ns, 1),
        Place::Reordered => received.reordered += u64::from(frames),
        Place::Duplicate => {
            received.duplicated += u64::from(frames);
            return false;
        }
    }
    true
}

/// Enters one time, as often as `weight` says.
#[inline(always)]
pub fn vary(variation: &mut Variation, ns: u64, weight: u64) {
    // Kept as its complement, so that the zero of a fresh map is no minimum.
    if !ns > variation.min_complement_ns {
        variation.min_complement_ns = !ns;
    }
    if ns > variation.max_ns {
        variation.max_ns = ns;
    }
    variation.sum_ns += ns * weight;
    let bucket = buckets::index(ns);
    if bucket < buckets::COUNT {
        variation.buckets[bucket] += weight;
    }
}

#[inline(always)]
fn add(received: &mut Received, arrival: &Arrival, frames: u32, len: u32) {
    let frames = u64::from(frames);
    time(received, arrival.delay_ns, frames);
    received.skbs += 1;
    received.frames += frames;
    received.bytes += u64::from(len) + (frames - 1) * u64::from(arrival.stamp.header);
    if arrival.clamped {
        received.clamped += frames;
    }
    received.epochs[epoch(arrival.stamp.time, VO_EPOCH_SHIFT.load())] += frames;
}

/// Enters the delay of frames that are not counted yet.
#[inline(always)]
pub fn time(received: &mut Received, delay: u64, frames: u64) {
    if received.timed() == 0 || delay < received.delay_min_ns {
        received.delay_min_ns = delay;
    }
    if delay > received.delay_max_ns {
        received.delay_max_ns = delay;
    }
    received.delay_sum_ns += delay * frames;
    let bucket = buckets::index(delay);
    if bucket < buckets::COUNT {
        received.delays[bucket] += frames;
    }
}
