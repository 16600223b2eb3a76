//! Ingress of the receiving end: recognise the frame, count it and its delay, and hand over a sample.

use aya_ebpf::{
    helpers::bpf_ktime_get_ns,
    macros::map,
    maps::{Array, PerCpuArray},
    programs::TcContext,
};
use aya_log_ebpf::debug;
use veth_observer_common::{
    buckets,
    counters::{Received, Variation, epoch},
    gso,
    order::{Order, Place},
    sample::NO_DELAY,
    stamp::{Arrival, Stamp},
};

use crate::{
    constants::{VO_CPUS, VO_EPOCH_SHIFT, VO_LANE, VO_ORDER, key, slot},
    frame,
    samples::{self, Seen},
};

/// Written here, read by the observer. The loader makes it large enough, so no slot is ever missing.
#[map]
static VO_RECEIVED: PerCpuArray<Received> = PerCpuArray::with_max_entries(2, 0);

/// Written here, by whichever CPU a frame arrives on; the loader makes it large enough for every CPU to send.
#[map]
static VO_ORDERS: Array<Order> = Array::with_max_entries(2, 0);

#[inline(always)]
pub fn count(ctx: &TcContext, direction: u32) {
    let slot = slot(direction);
    let Some(received) = VO_RECEIVED.get_ptr_mut(slot) else { return };
    // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only, in softirq.
    let received = unsafe { &mut *received };
    let len = frame::len(ctx);
    let lane = VO_LANE.load();
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };

    let Some(arrival) = Stamp::opened(frame::words(ctx, lane), key(direction), VO_CPUS.load(), now) else {
        let frames = gso::at_ingress(len, 0, frame::gso(ctx));
        let sampled = samples::chosen(received.unmatched);
        received.unmatched += u64::from(frames);
        samples::take(ctx, received, sampled, Seen { now, delay_ns: NO_DELAY, len, frames, slot });
        return;
    };
    // Only a buffer that left as several frames says which header they share.
    let header = arrival.stamp.header;
    let frames = if header == 0 { 1 } else { gso::at_ingress(len, header, frame::gso(ctx)) };
    // A frame that is bridged on still carries its control block: nobody must read this stamp again.
    frame::set_words(ctx, lane, [0, 0]);
    if arrival.clamped {
        debug!(ctx, "direction {}: arrival read before departure, delay taken as 0", direction);
    }
    if received.skbs == 0 {
        debug!(ctx, "direction {}: first arrival on this CPU, {} bytes", direction, len);
    }
    if VO_ORDER.load() == 0 || first_time(received, slot, &arrival, frames) {
        add(received, &arrival, frames, len + frame::vlan_len(ctx));
    }
    let seen = Seen { now, delay_ns: arrival.delay_ns, len, frames, slot };
    samples::take(ctx, received, arrival.stamp.sampled, seen);
}

/// Judges the order of an arrival; false when the same frame has arrived before.
#[inline(always)]
fn first_time(received: &mut Received, slot: u32, arrival: &Arrival, frames: u32) -> bool {
    let index = slot * VO_CPUS.load() + arrival.stamp.cpu;
    let Some(order) = VO_ORDERS.get_ptr_mut(index) else { return true };
    // SAFETY: the map lives as long as the program. Where frames of one sending CPU arrive on several at the same moment,
    // their order is whichever of them comes last here.
    let place = unsafe { &mut *order }.place(arrival.departed_ns, arrival.delay_ns, arrival.stamp.header == 0);
    match place {
        Place::First | Place::Piece => {}
        Place::InOrder { variation_ns } => vary(&mut received.variation, variation_ns),
        Place::Reordered => received.reordered += u64::from(frames),
        Place::Duplicate => {
            received.duplicated += u64::from(frames);
            return false;
        }
    }
    true
}

#[inline(always)]
fn vary(variation: &mut Variation, ns: u64) {
    // Kept as its complement, so that the zero of a fresh map is no minimum.
    if !ns > variation.min_complement_ns {
        variation.min_complement_ns = !ns;
    }
    if ns > variation.max_ns {
        variation.max_ns = ns;
    }
    variation.sum_ns += ns;
    let bucket = buckets::index(ns);
    if bucket < buckets::COUNT {
        variation.buckets[bucket] += 1;
    }
}

#[inline(always)]
fn add(received: &mut Received, arrival: &Arrival, frames: u32, len: u32) {
    let frames = u64::from(frames);
    let delay = arrival.delay_ns;
    if received.frames == 0 || delay < received.delay_min_ns {
        received.delay_min_ns = delay;
    }
    if delay > received.delay_max_ns {
        received.delay_max_ns = delay;
    }
    received.skbs += 1;
    received.frames += frames;
    received.bytes += u64::from(len) + (frames - 1) * u64::from(arrival.stamp.header);
    received.delay_sum_ns += delay * frames;
    if arrival.clamped {
        received.clamped += frames;
    }
    received.epochs[epoch(arrival.stamp.time, VO_EPOCH_SHIFT.load())] += frames;
    let bucket = buckets::index(delay);
    if bucket < buckets::COUNT {
        received.delays[bucket] += frames;
    }
}
