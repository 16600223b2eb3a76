//! Where a frame is on its way: the driver of the sending end has it, the stack of the receiving end has it.

use aya_ebpf::{helpers::bpf_ktime_get_ns, macros::map, maps::PerCpuArray, programs::BtfTracePointContext};
use veth_observer_common::{
    DIRECTIONS,
    drops::device,
    stages::{KINDS, Stages},
    stamp::Stamp,
};

use crate::{
    arrival::vary,
    constants::{VO_CPUS, VO_KEY},
    skb,
};

/// Written here, read by the observer. The loader makes it large enough where these programs are used.
#[map]
static VO_STAGES: PerCpuArray<Stages> = PerCpuArray::with_max_entries(1, 0);

pub enum Stage {
    Device,
    Stack,
}

#[inline(always)]
pub fn count(ctx: &BtfTracePointContext, stage: Stage) {
    let buffer: *const u8 = ctx.arg(0);
    let words = skb::words(buffer);
    // Most frames of a machine are not ours.
    if words == [0, 0] {
        return;
    }
    // SAFETY: a helper without arguments.
    let now = unsafe { bpf_ktime_get_ns() };
    let mut kind = 0;
    while kind < KINDS {
        if let Some(arrival) = Stamp::opened(words, VO_KEY.load() ^ u64::from(kind), VO_CPUS.load(), now) {
            // A seal is 16 bits, which some of the stamps of other observers fit; and a bridge or a VLAN above the end hands
            // the same buffer to the stack once more.
            let at = skb::device(buffer, kind % DIRECTIONS);
            let expected = match stage {
                Stage::Device => device::SENDING,
                Stage::Stack => device::RECEIVING,
            };
            if at != Some(expected) && at != Some(device::UNKNOWN) {
                return;
            }
            let Some(stages) = VO_STAGES.get_ptr_mut(kind) else { return };
            let frames = u64::from(skb::frames(buffer, arrival.stamp.header));
            // SAFETY: the map lives as long as the program, and this CPU's value is written by this CPU only.
            let stages = unsafe { &mut *stages };
            let spread = match stage {
                Stage::Device => &mut stages.to_device,
                Stage::Stack => &mut stages.to_stack,
            };
            vary(spread, arrival.delay_ns, frames);
            return;
        }
        kind += 1;
    }
}
