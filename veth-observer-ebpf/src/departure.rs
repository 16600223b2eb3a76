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
    stamp::Stamp,
};

use crate::{
    constants::{VO_EPOCH_SHIFT, VO_LANE, key, slot},
    fallback, filter, frame, journal,
};

/// Written here, read by the observer. The loader makes it large enough, so no slot is ever missing.
#[map]
static VO_SENT: PerCpuArray<Sent> = PerCpuArray::with_max_entries(2, 0);

#[inline(always)]
pub fn count(ctx: &TcContext, direction: u32) {
    let Some(sent) = VO_SENT.get_ptr_mut(slot(direction)) else { return };
    // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only; a program that
    // interrupts another on the same CPU at most loses an increment, and softirq programs do not nest.
    let sent = unsafe { &mut *sent };
    let tag = frame::vlan_len(ctx);
    let wire_len = frame::wire_len(ctx);
    let segments = gso::at_egress(frame::len(ctx), wire_len, || frame::gso(ctx));
    let frames = u64::from(segments.frames);
    let header = if segments.frames > 1 { segments.header + tag } else { 0 };

    // SAFETY: helpers without arguments.
    let (cpu, now) = unsafe { (bpf_get_smp_processor_id(), bpf_ktime_get_ns()) };
    if sent.skbs == 0 {
        journal::first_departure(ctx.skb.skb, direction, wire_len);
    }
    let sampled = filter::choose(ctx, sent.skbs, &mut sent.filtered).unwrap_or(false);
    sent.skbs += 1;
    sent.frames += frames;
    sent.bytes += u64::from(wire_len) + u64::from(tag) * frames;
    sent.epochs[epoch(now, VO_EPOCH_SHIFT.load())] += frames;
    let words = Stamp::new(now, sampled, header, cpu).sealed(key(direction));
    frame::set_words(ctx, VO_LANE.load(), words);
    if !fallback::remember(ctx, direction, words, now) {
        sent.forgotten += 1;
    }
}
