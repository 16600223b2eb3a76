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
    matching::{ADDRESS, DIGEST},
    order::{Order, Place},
    sample::NO_DELAY,
    settings::hook::{XDP_GENERIC, XDP_NATIVE},
    stamp::{Arrival, Stamp},
};

use crate::{
    arrival_xdp,
    constants::{VO_CPUS, VO_EPOCH_SHIFT, VO_HOOK, VO_LANE, VO_ORDER, key, slot},
    fallback, filter, frame, journal,
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
    let now = now(slot);

    let Some(arrival) = recognise(ctx, received, direction, lane, now) else {
        unrecognised(ctx, received, direction, len, now);
        return;
    };
    // Only a buffer that left as several frames says which header they share.
    let header = arrival.stamp.header;
    let frames = if header == 0 { 1 } else { gso::at_ingress(len, header, frame::gso(ctx)) };
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
    let seen = Seen { now, delay_ns: arrival.delay_ns, len, frames, slot };
    samples::take(ctx, received, arrival.stamp.sampled, seen);
}

/// A frame that was counted at XDP must not count as dropped further on, nor for another pair.
#[inline(always)]
fn take_stamp_off(ctx: &TcContext, direction: u32, lane: u32) {
    if Stamp::unsealed(frame::words(ctx, lane), key(direction), VO_CPUS.load()).is_some() {
        frame::set_words(ctx, lane, [0, 0]);
    }
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

/// By its stamp, wherever that was kept.
#[inline(always)]
fn recognise(
    ctx: &TcContext,
    received: &mut Received,
    direction: u32,
    lane: u32,
    now: u64,
) -> Option<Arrival> {
    let mut words = frame::words(ctx, lane);
    // What is remembered is taken out in any case.
    if fallback::method(direction) == ADDRESS
        && let Some(kept) = fallback::recall_address(ctx.skb.skb.cast())
        && !frame::was_polled(ctx)
        && Stamp::unsealed(words, key(direction), VO_CPUS.load()).is_none()
    {
        words = kept;
        received.by_address += 1;
    }
    Stamp::opened(words, key(direction), VO_CPUS.load(), now)
}

/// Counts a frame that nothing tells the departure of, or nothing but its bytes.
#[inline(always)]
fn unrecognised(ctx: &TcContext, received: &mut Received, direction: u32, len: u32, now: u64) {
    let frames = gso::at_ingress(len, 0, frame::gso(ctx));
    let sampled = filter::choose(ctx, received.unmatched_skbs, &mut received.filtered);
    received.unmatched += u64::from(frames);
    received.unmatched_skbs += 1;
    received.unmatched_bytes += u64::from(len) + u64::from(frame::vlan_len(ctx)) * u64::from(frames);
    let mut delay_ns = NO_DELAY;
    if fallback::method(direction) == DIGEST
        && let Some(digest) = fallback::digest_of(ctx, direction)
        && let Some(departed) = fallback::recall_digest(digest, direction, now)
    {
        delay_ns = now.saturating_sub(departed);
        time(received, delay_ns, u64::from(frames));
        received.by_digest += u64::from(frames);
    }
    let slot = slot(direction);
    if let Some(sampled) = sampled {
        samples::take(ctx, received, sampled, Seen { now, delay_ns, len, frames, slot });
    }
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
