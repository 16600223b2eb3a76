//! The first bytes of frames that died, so many at a time that a flood of deaths costs little.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use veth_observer_common::drops::{TELLING_SHIFT, Told};

use crate::{
    constants::VO_TELL,
    samples::{self, Seen},
    skb,
};

/// Written here, read by the observer. The loader makes it large enough, so no slot is ever missing.
#[map]
static VO_TOLD: PerCpuArray<Told> = PerCpuArray::with_max_entries(2, 0);

/// Tells of a dead buffer, unless as many were told of late as may be.
#[inline(always)]
pub fn tell(buffer: *const u8, seen: Seen, reason: u32, device: u32) {
    let Some(told) = VO_TOLD.get_ptr_mut(seen.slot) else { return };
    // SAFETY: the map lives as long as the program; a tracepoint does not interrupt itself on one CPU.
    let told = unsafe { &mut *told };
    let window = seen.now >> TELLING_SHIFT;
    if told.window != window {
        (told.window, told.in_window) = (window, 0);
    }
    let frames = u64::from(seen.frames);
    if told.in_window >= u64::from(VO_TELL.load()) {
        told.held_back += frames;
        return;
    }
    told.in_window += 1;
    if samples::write_dead(seen, reason, device, &skb::frame(buffer)) {
        told.frames += frames;
    } else {
        told.lost += frames;
    }
}
