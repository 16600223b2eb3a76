//! The clock of the programs, and how it relates to the clock on the wall.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// CLOCK_MONOTONIC in nanoseconds, as `bpf_ktime_get_ns` reads it.
pub fn monotonic_ns() -> u64 {
    nanoseconds(clock_gettime(ClockId::Monotonic))
}

/// What to add to CLOCK_MONOTONIC to get nanoseconds since the Unix epoch, now.
pub fn wall_offset_ns() -> u64 {
    let before = monotonic_ns();
    let wall = nanoseconds(clock_gettime(ClockId::Realtime));
    let after = monotonic_ns();
    wall.wrapping_sub(before + (after - before) / 2)
}

fn nanoseconds(time: Timespec) -> u64 {
    // Neither clock is ever negative on a running machine.
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}
