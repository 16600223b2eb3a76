//! Probe frames of this run: counted apart from traffic, and taken off where they arrive. The only frames we ever drop.
//!
//! They are known by their bytes and timed by their sequence number, whatever becomes of the control block on the way.

use aya_ebpf::{
    helpers::{bpf_get_smp_processor_id, bpf_ktime_get_ns, generated::bpf_skb_load_bytes},
    macros::map,
    maps::{Array, PerCpuArray},
    programs::TcContext,
};
use veth_observer_common::{
    DIRECTIONS,
    order::{Order, Place},
    probes::{Departure, ETHER_TYPE, HEADER, MAGIC, PAYLOAD, Payload, Probes, departure},
    stages::PROBE_KEY,
    stamp::Stamp,
};

use crate::{
    arrival::{now, vary},
    constants::{VO_LANE, VO_PROBE, VO_STAGED, key, slot},
    frame,
};

/// Written at both ends, read by the observer. With probes the loader makes these three large enough.
#[map]
static VO_PROBES: PerCpuArray<Probes> = PerCpuArray::with_max_entries(1, 0);

/// Written at egress, read at ingress.
#[map]
static VO_PROBES_LEFT: Array<Departure> = Array::with_max_entries(1, 0);

/// Written at ingress. One sender makes one sequence, whichever CPU it runs on.
#[map]
static VO_PROBE_ORDERS: Array<Order> = Array::with_max_entries(1, 0);

/// Whether a frame is a probe, and whose.
pub enum Probe {
    None,
    /// The sequence number.
    Ours(u64),
    /// Of another run, which takes it off itself.
    Foreign,
}

#[inline(always)]
pub fn of(ctx: &TcContext) -> Probe {
    if VO_PROBE.load() == 0 || frame::protocol(ctx) != ETHER_TYPE {
        return Probe::None;
    }
    let mut payload = Payload { magic: 0, secret: 0, sequence: 0 };
    let into = (&raw mut payload).cast();
    // SAFETY: the helper writes all of the payload or fails.
    let failed = unsafe { bpf_skb_load_bytes(ctx.skb.skb.cast(), HEADER as u32, into, PAYLOAD as u32) } != 0;
    if failed || payload.magic != MAGIC {
        Probe::None
    } else if payload.secret == VO_PROBE.load() {
        Probe::Ours(payload.sequence)
    } else {
        Probe::Foreign
    }
}

#[inline(always)]
pub fn depart(ctx: &TcContext, direction: u32, sequence: u64) {
    let Some(probes) = VO_PROBES.get_ptr_mut(slot(direction)) else { return };
    // SAFETY: helpers without arguments.
    let (cpu, now) = unsafe { (bpf_get_smp_processor_id(), bpf_ktime_get_ns()) };
    // SAFETY: the maps live as long as the program; this CPU's counters are written by this CPU only, and the departure
    // is read by whom the frame reaches after this.
    unsafe {
        (*probes).sent += 1;
        if let Some(left) = VO_PROBES_LEFT.get_ptr_mut(departure(direction, sequence)) {
            *left = Departure { sequence, at_ns: now };
        }
    }
    if VO_STAGED.load() != 0 {
        let words = Stamp::new(now, false, 0, cpu).sealed(key(direction) ^ PROBE_KEY);
        frame::set_words(ctx, VO_LANE.load(), words);
    }
}

#[inline(always)]
pub fn arrive(direction: u32, sequence: u64) {
    let slot = slot(direction);
    let now = now(slot);
    let Some(probes) = VO_PROBES.get_ptr_mut(slot) else { return };
    let Some(order) = VO_PROBE_ORDERS.get_ptr_mut(direction % DIRECTIONS) else { return };
    // SAFETY: the maps live as long as the program. Where two probes arrive on two CPUs at the same moment, which of them
    // was first is whichever comes last here.
    let (probes, order) = unsafe { (&mut *probes, &mut *order) };
    let delay = delay(direction, sequence, now);
    match order.place(sequence, delay.unwrap_or(order.delay_ns), true) {
        Place::InOrder { variation_ns } if delay.is_some() => vary(&mut probes.variation, variation_ns, 1),
        Place::First | Place::InOrder { .. } | Place::Piece => {}
        Place::Reordered => probes.reordered += 1,
        Place::Duplicate => {
            probes.duplicated += 1;
            return;
        }
    }
    probes.received += 1;
    match delay {
        Some(delay) => vary(&mut probes.delay, delay, 1),
        None => probes.untimed += 1,
    }
}

/// None when the departure is no longer remembered.
#[inline(always)]
fn delay(direction: u32, sequence: u64, now: u64) -> Option<u64> {
    let left = VO_PROBES_LEFT.get(departure(direction, sequence))?;
    (left.sequence == sequence).then(|| now.saturating_sub(left.at_ns))
}
