//! The clock of the programs, and how it relates to the clock on the wall.

use std::{fs, sync::OnceLock};

use rustix::time::{ClockId, Timespec, clock_gettime};

/// CLOCK_MONOTONIC in nanoseconds, as `bpf_ktime_get_ns` reads it: the machine's, whatever time namespace we are in.
pub fn monotonic_ns() -> u64 {
    // No thread of ours can leave its time namespace, nor can its offset change once somebody is inside.
    static SHIFT_NS: OnceLock<i64> = OnceLock::new();
    nanoseconds(clock_gettime(ClockId::Monotonic)).wrapping_sub_signed(*SHIFT_NS.get_or_init(shift_ns))
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

/// What our time namespace adds to the machine's CLOCK_MONOTONIC; time_namespaces(7), Linux 5.6.
fn shift_ns() -> i64 {
    // The offsets are those of the namespace of children: ours too, unless whoever started us had just left theirs.
    let [own, of_children] =
        ["time", "time_for_children"].map(|name| fs::read_link(format!("/proc/self/ns/{name}")).ok());
    if own != of_children {
        return 0;
    }
    parse(&fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default()).unwrap_or_default()
}

fn parse(offsets: &str) -> Option<i64> {
    let mut of_monotonic =
        offsets.lines().find_map(|line| line.strip_prefix("monotonic"))?.split_whitespace();
    let mut number = || of_monotonic.next()?.parse::<i64>().ok();
    number()?.checked_mul(1_000_000_000)?.checked_add(number()?)
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_offset_is_seconds_and_nanoseconds() {
        let of = |seconds: &str| super::parse(&format!("monotonic  {seconds}  500000000\nboottime  7  0\n"));
        assert_eq!(of("86400"), Some(86_400_500_000_000));
        assert_eq!(of("-2"), Some(-1_500_000_000));
        assert_eq!(of("9223372036854775807"), None);
        assert_eq!(super::parse(""), None);
    }
}
