//! Constants that the loader sets; their names and units are in `veth_observer_common::settings`.

use aya_ebpf::Global;

#[unsafe(no_mangle)]
pub static VO_PAIR: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_KEY: Global<u64> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_LANE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_EPOCH_SHIFT: Global<u32> = Global::new(29);
#[unsafe(no_mangle)]
pub static VO_SAMPLE: Global<u32> = Global::new(0);
#[unsafe(no_mangle)]
pub static VO_SNAPLEN: Global<u32> = Global::new(96);

/// The slot of a direction of our pair in every map.
#[inline(always)]
pub fn slot(direction: u32) -> u32 {
    veth_observer_common::slot(VO_PAIR.load(), direction)
}

/// The secret of one direction: a frame that comes back the other way must not pass for one of that way.
#[inline(always)]
pub fn key(direction: u32) -> u64 {
    VO_KEY.load() ^ u64::from(direction)
}
