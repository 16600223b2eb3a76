//! XDP at the receiving end, where nothing can be seen of a frame but its bytes.
//!
//! In the driver, frames are counted here and known by their digest. Generic XDP runs on the buffer that goes on to tc
//! ingress, on the same CPU and with nothing between: it leaves the time for the program there, which sees the stamp.

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, generated::bpf_xdp_get_buff_len},
    macros::map,
    maps::{Array, PerCpuArray},
    programs::XdpContext,
};
use veth_observer_common::{counters::Received, sample::NO_DELAY, settings::hook::XDP_GENERIC};

use crate::{
    arrival::{self, VO_RECEIVED},
    constants::{VO_HOOK, slot},
    fallback, filter,
    samples::{self, Seen},
};

/// Written here and read by nobody else.
#[map]
static VO_BEGUN: Array<u32> = Array::with_max_entries(2, 0);

/// Written here, taken out at tc ingress.
#[map]
static VO_XDP_TIMES: PerCpuArray<u64> = PerCpuArray::with_max_entries(2, 0);

#[inline(always)]
pub fn count(ctx: &XdpContext, direction: u32) {
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    if VO_HOOK.load() == XDP_GENERIC {
        leave_time(slot(direction), now);
    } else {
        count_in_driver(ctx, direction, now);
    }
}

#[inline(always)]
fn leave_time(slot: u32, now: u64) {
    if let Some(time) = VO_XDP_TIMES.get_ptr_mut(slot) {
        // SAFETY: the map lives as long as the program, and this CPU's value is touched by this CPU only, in softirq.
        unsafe { *time = now };
    }
}

/// When the frame at hand was at generic XDP; none when it did not come by there.
#[inline(always)]
pub fn take_time(slot: u32) -> Option<u64> {
    let time = VO_XDP_TIMES.get_ptr_mut(slot)?;
    // SAFETY: as for leaving it.
    let now = unsafe { core::mem::take(&mut *time) };
    if now == 0 { None } else { Some(now) }
}

#[inline(always)]
fn count_in_driver(ctx: &XdpContext, direction: u32, now: u64) {
    let slot = slot(direction);
    let Some(received) = VO_RECEIVED.get_ptr_mut(slot) else { return };
    // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only, in softirq.
    let received: &mut Received = unsafe { &mut *received };
    // SAFETY: the context is the kernel's.
    let len = unsafe { bpf_xdp_get_buff_len(ctx.ctx) } as u32;
    let digest = fallback::digest_of_xdp(ctx, len, direction);
    let before = received.early + received.unmatched_skbs;
    let sampled = filter::choose(ctx, before, &mut received.filtered);
    if !has_begun(slot, digest, direction) {
        received.early += 1;
        received.early_bytes += u64::from(len);
        if let Some(sampled) = sampled {
            samples::take(ctx, received, sampled, Seen { now, delay_ns: NO_DELAY, len, frames: 1, slot });
        }
        return;
    }
    received.unmatched += 1;
    received.unmatched_skbs += 1;
    received.unmatched_bytes += u64::from(len);
    let mut delay_ns = NO_DELAY;
    if let Some(digest) = digest
        && let Some(departed) = fallback::recall_digest(digest, direction, now)
    {
        delay_ns = now.saturating_sub(departed);
        arrival::time(received, delay_ns, 1);
        received.by_digest += 1;
    }
    if let Some(sampled) = sampled {
        samples::take(ctx, received, sampled, Seen { now, delay_ns, len, frames: 1, slot });
    }
}

/// Whether frames that left under observation arrive by now: what is under way when we come was not counted as sent, and the
/// first that was tells the end of it, because a queue keeps its order.
#[inline(always)]
fn has_begun(slot: u32, digest: Option<u64>, direction: u32) -> bool {
    let Some(begun) = VO_BEGUN.get_ptr_mut(slot) else { return false };
    // SAFETY: the map lives as long as the program, and the value only ever becomes 1.
    unsafe {
        if begun.read_volatile() == 0 {
            if !digest.is_some_and(|digest| fallback::has_left(digest, direction)) {
                return false;
            }
            begun.write_volatile(1);
        }
    }
    true
}
