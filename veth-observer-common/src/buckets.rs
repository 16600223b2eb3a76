//! Delay buckets on the grid of Prometheus native histograms, schema 3: 8 buckets per doubling.
//!
//! Bucket `i` in `1..=192` holds delays in `(2^(-24 + (i-1)/8), 2^(-24 + i/8)]` seconds; bucket 0 holds what is at most
//! 2⁻²⁴ s (60 ns) and bucket 193 what is longer than 1 s.

/// Ticks are 2⁻³² s, so that powers of two of seconds are powers of two of ticks.
const TICKS_PER_SECOND_LOG2: u32 = 32;
const OCTAVES: u32 = 24;
const PER_OCTAVE: u32 = 8;
const FIRST_OCTAVE: u32 = TICKS_PER_SECOND_LOG2 - OCTAVES;

/// Number of buckets, the two open ones included.
pub const COUNT: usize = (OCTAVES * PER_OCTAVE) as usize + 2;

/// 2³²/10⁹ ticks per nanosecond, times 2²⁰.
const TICKS_PER_NS: u64 = 4_503_600;

/// Longer delays all fall into the last bucket, and their ticks would overflow.
const LONGEST_NS: u64 = 1 << 40;

/// 2^(j/8) for j in 1..=7, times 2³¹, rounded down.
const EIGHTHS: [u64; 7] =
    [2_341_847_524, 2_553_802_833, 2_784_941_737, 3_037_000_499, 3_311_872_529, 3_611_622_602, 3_938_502_375];

/// Bucket of a delay in nanoseconds. Rounding to ticks may move a delay that lies on a bound into the next bucket.
#[inline(always)]
pub fn index(ns: u64) -> usize {
    if ns >= LONGEST_NS {
        return COUNT - 1;
    }
    let ticks = (ns * TICKS_PER_NS) >> 20;
    if ticks <= 1 << FIRST_OCTAVE {
        return 0;
    }
    if ticks > 1 << TICKS_PER_SECOND_LOG2 {
        return COUNT - 1;
    }
    // floor(log2) of ticks - 1, so that a power of two closes its octave instead of opening the next.
    let octave = log2(ticks - 1);
    let mantissa = ((ticks - 1) << 31) >> octave;
    ((octave - FIRST_OCTAVE) * PER_OCTAVE + eighth(mantissa) + 1) as usize
}

/// How many of the inner bounds of its octave a mantissa in `[2^31, 2^32)` has reached: a binary search in three steps,
/// since BPF programs pay for each comparison.
#[inline(always)]
fn eighth(mantissa: u64) -> u32 {
    if mantissa >= EIGHTHS[3] {
        if mantissa >= EIGHTHS[5] {
            if mantissa >= EIGHTHS[6] { 7 } else { 6 }
        } else if mantissa >= EIGHTHS[4] {
            5
        } else {
            4
        }
    } else if mantissa >= EIGHTHS[1] {
        if mantissa >= EIGHTHS[2] { 3 } else { 2 }
    } else if mantissa >= EIGHTHS[0] {
        1
    } else {
        0
    }
}

/// floor(log2(x)) for x in `1..2^33`; BPF has no count-leading-zeros instruction.
#[inline(always)]
fn log2(x: u64) -> u32 {
    let (mut x, mut log) = (x, 0);
    if x >> 32 != 0 {
        return 32;
    }
    if x >> 16 != 0 {
        (x, log) = (x >> 16, log + 16);
    }
    if x >> 8 != 0 {
        (x, log) = (x >> 8, log + 8);
    }
    if x >> 4 != 0 {
        (x, log) = (x >> 4, log + 4);
    }
    if x >> 2 != 0 {
        (x, log) = (x >> 2, log + 2);
    }
    if x >> 1 != 0 {
        log += 1;
    }
    log
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    /// The grid by its definition, in floating point.
    fn exact(ns: u64) -> usize {
        let octaves = (ns as f64 / 1e9).log2() + 24.0;
        (octaves * 8.0).ceil().clamp(0.0, 193.0) as usize
    }

    #[test]
    fn every_delay_falls_where_the_definition_says_or_on_the_bound_beside_it() {
        let mut off = 0;
        let mut ns = 1_u64;
        let mut total = 0;
        while ns < 5_000_000_000 {
            let (got, want) = (index(ns), exact(ns));
            assert!(got.abs_diff(want) <= 1, "{ns} ns: {got}, not {want}");
            off += u64::from(got != want);
            total += 1;
            ns += 1 + ns / 997;
        }
        assert!(off * 50 < total, "{off} of {total} lie on a bound");
    }

    #[test]
    fn the_index_never_falls_and_never_leaves_the_array() {
        let mut last = 0;
        let mut ns = 0_u64;
        while ns < u64::MAX / 2 {
            let index = index(ns);
            assert!(index >= last && index < COUNT);
            last = index;
            ns += ns / 64 + 1;
        }
        assert_eq!(last, COUNT - 1);
    }

    #[test]
    fn the_ends_of_the_grid() {
        assert_eq!(index(0), 0);
        assert_eq!(index(59), 0);
        assert_eq!(index(61), 1);
        assert_eq!(index(999_999_000), 192);
        assert_eq!(index(1_000_001_000), 193);
        assert_eq!(index(u64::MAX), 193);
    }
}
