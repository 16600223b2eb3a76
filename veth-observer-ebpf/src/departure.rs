//! Egress of the sending end: count the frame and stamp it.

use aya_ebpf::{
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns},
    macros::map,
    maps::PerCpuArray,
    programs::TcContext,
};
use veth_observer_common::{
    counters::{Sent, epoch},
    gso,
    matching::{ADDRESS, AFTER, BEFORE, DIGEST, METHOD},
    sample::kind,
    stamp::{OUTSIDE_KEY, Stamp},
};

use crate::{
    constants::{VO_DEPARTURES, VO_EPOCH_SHIFT, VO_LANE, VO_ONE_END, key, slot},
    fallback, frame, journal,
    samples::{self, Seen},
};

/// Written here, read by the observer. The loader makes it large enough, so no slot is ever missing.
#[map]
static VO_SENT: PerCpuArray<Sent> = PerCpuArray::with_max_entries(2, 0);

#[inline(always)]
pub fn count(ctx: &TcContext, direction: u32) {
    let slot = slot(direction);
    let Some(sent) = VO_SENT.get_ptr_mut(slot) else { return };
    // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only; a program that
    // interrupts another on the same CPU at most loses an increment, and softirq programs do not nest.
    let sent = unsafe { &mut *sent };
    let tag = frame::vlan_len(ctx);
    let wire_len = frame::wire_len(ctx);
    let len = frame::len(ctx);
    let segments = gso::at_egress(len, wire_len, || frame::gso(ctx));
    let frames = u64::from(segments.frames);
    let header = if segments.frames > 1 { segments.header + tag } else { 0 };

    let state = fallback::state(direction);
    if VO_ONE_END.load() != 0 {
        // Nobody would take a stamp off again.
        if state & (BEFORE | AFTER) == 0 {
            sent.skbs += 1;
            sent.frames += frames;
            sent.bytes += u64::from(wire_len) + u64::from(tag) * frames;
        }
        return;
    }
    // SAFETY: helpers without arguments.
    let (cpu, now) = unsafe { (bpf_get_smp_processor_id(), bpf_ktime_get_ns()) };
    let method = state & METHOD;
    if state & (BEFORE | AFTER) != 0 {
        sent.outside += frames;
        let words = Stamp::new(now, false, header, cpu).sealed(key(direction) ^ OUTSIDE_KEY);
        frame::set_words(ctx, VO_LANE.load(), words);
        if method == ADDRESS {
            fallback::remember_address(ctx, &words);
        }
        return;
    }
    if sent.skbs == 0 {
        journal::first_departure(ctx.skb.skb, direction, wire_len);
    }
    let digest = if method == DIGEST { fallback::digest_of(ctx, direction) } else { None };
    let sampled = samples::choose(ctx, &mut sent.sampling, digest);
    sent.skbs += 1;
    sent.frames += frames;
    sent.bytes += u64::from(wire_len) + u64::from(tag) * frames;
    sent.epochs[epoch(now, VO_EPOCH_SHIFT.load())] += frames;
    let words = Stamp::new(now, sampled, header, cpu).sealed(key(direction));
    frame::set_words(ctx, VO_LANE.load(), words);
    if method == ADDRESS && !fallback::remember_address(ctx, &words) {
        sent.forgotten += 1;
    }
    if let Some(digest) = digest {
        fallback::remember_digest(digest, direction, now);
    }
    if VO_DEPARTURES.load() != 0 {
        let (kind, departed_ns, detail) = (kind::SENT, now, sent.skbs);
        let seen = Seen { kind, now, departed_ns, detail, len, frames: segments.frames, slot, cpu };
        samples::take(ctx, &mut sent.sampling, sampled, seen);
    }
}

/// Counts a death that the ring had no room for.
#[inline(always)]
pub fn lose_death(slot: u32) {
    if let Some(sent) = VO_SENT.get_ptr_mut(slot) {
        // SAFETY: the map lives as long as the program, and this field is written where frames die only.
        unsafe { (*sent).deaths_lost += 1 };
    }
}
