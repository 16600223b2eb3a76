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

/// The first nanosecond that is more than 2^8 ticks, and the first that is more than a second.
const FIRST_NS: u64 = first_above(1 << FIRST_OCTAVE);
const BEYOND_NS: u64 = first_above(1 << TICKS_PER_SECOND_LOG2);

/// 2^(j/8) - 1 for j in 1..=7, times 2³¹, rounded down.
const EIGHTHS: [u64; 7] =
    [194_363_876, 406_319_185, 637_458_089, 889_516_851, 1_164_388_881, 1_464_138_954, 1_791_018_727];

const fn first_above(ticks: u64) -> u64 {
    ((ticks + 1) << 20).div_ceil(TICKS_PER_NS)
}

/// Bucket of a delay in nanoseconds. Rounding to ticks may move a delay that lies on a bound into the next bucket.
///
/// Sums of comparisons in place of decisions, since the verifier walks both ways of each and the CPU mispredicts them.
#[inline(always)]
pub fn index(ns: u64) -> usize {
    if ns < FIRST_NS {
        return 0;
    }
    if ns >= BEYOND_NS {
        return COUNT - 1;
    }
    let ticks = (ns * TICKS_PER_NS) >> 20;
    // One less, so that a power of two closes its octave instead of opening the next.
    let (octave, fraction) = logarithm(ticks - 1);
    let eighth = 7 - EIGHTHS.iter().map(|&bound| less(fraction, bound)).sum::<u64>();
    ((octave - u64::from(FIRST_OCTAVE)) * u64::from(PER_OCTAVE) + eighth + 1) as usize
}

/// floor(log2(x)) for x in `1..2^32`, and (x / 2^that - 1) times 2³¹: x is moved up until its highest bit is bit 31.
#[inline(always)]
fn logarithm(x: u64) -> (u64, u64) {
    let (mut x, mut octave) = (x, 31);
    for step in [16, 8, 4, 2, 1] {
        let up = less(x, 1 << (32 - step)) * step;
        x <<= up;
        octave -= up;
    }
    (octave, x - (1 << 31))
}

/// 1 if `a < b`, else 0, for numbers below 2⁶³. BPF has jumps on comparisons and nothing else.
#[inline(always)]
fn less(a: u64, b: u64) -> u64 {
    a.wrapping_sub(b) >> 63
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

    /// The same grid by decisions: what `index` was made from.
    fn decided(ns: u64) -> usize {
        let ticks = ((u128::from(ns) * u128::from(TICKS_PER_NS)) >> 20) as u64;
        if ticks <= 1 << FIRST_OCTAVE {
            return 0;
        }
        if ticks > 1 << TICKS_PER_SECOND_LOG2 {
            return COUNT - 1;
        }
        let octave = (ticks - 1).ilog2();
        let fraction = ((ticks - 1) << (31 - octave)) - (1 << 31);
        let eighth = EIGHTHS.iter().filter(|&&bound| fraction >= bound).count();
        ((octave - FIRST_OCTAVE) * PER_OCTAVE) as usize + eighth + 1
    }

    #[test]
    fn sums_of_comparisons_and_decisions_come_to_the_same() {
        let around = |ns: u64| ns.saturating_sub(300)..ns.saturating_add(300);
        for ns in (0..64).flat_map(|bit| around(1 << bit)).chain(around(1_000_000_000)) {
            assert_eq!(index(ns), decided(ns), "{ns} ns");
        }
        for ns in (0..1_100_000_000).step_by(331).chain(0..200_000) {
            assert_eq!(index(ns), decided(ns), "{ns} ns");
        }
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
