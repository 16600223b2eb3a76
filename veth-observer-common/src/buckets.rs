//! Delay buckets on the grid of Prometheus native histograms, schema 3: 8 buckets per doubling.
//!
//! Bucket `i` in `1..=264` holds delays in `(2^(-27 + (i-1)/8), 2^(-27 + i/8)]` seconds; bucket 0 holds what is at most
//! 2⁻²⁷ s (7.45 ns) and bucket 265 what is longer than 2⁶ s (64 s), which is more than the longest loss timeout.

/// The grid begins at two to this power, in seconds.
pub const FIRST_LOG2: i32 = -27;
/// And ends at two to this.
pub const LAST_LOG2: i32 = 6;

pub const PER_OCTAVE: u32 = 8;
const OCTAVES: u32 = LAST_LOG2.abs_diff(FIRST_LOG2);

/// Number of buckets, the two open ones included.
pub const COUNT: usize = (OCTAVES * PER_OCTAVE) as usize + 2;

/// Ticks are 2⁻⁵² s, so that powers of two of seconds are powers of two of ticks, and the delays of the grid lie below 2⁶³.
const TICKS_PER_SECOND_LOG2: i32 = 52;
const FIRST_OCTAVE: u32 = (TICKS_PER_SECOND_LOG2 + FIRST_LOG2).unsigned_abs();

/// 2⁵²/10⁹.
const TICKS_PER_NS: u64 = 4_503_600;

/// The first nanosecond that is behind the beginning of the grid, and the first that is behind its end.
const FIRST_NS: u64 = first_above(1 << FIRST_OCTAVE);
const BEYOND_NS: u64 = first_above(1 << (FIRST_OCTAVE + OCTAVES));

/// 2^(j/8) - 1 for j in 1..=7, times 2³¹, rounded down.
const EIGHTHS: [u64; 7] =
    [194_363_876, 406_319_185, 637_458_089, 889_516_851, 1_164_388_881, 1_464_138_954, 1_791_018_727];

const fn first_above(ticks: u64) -> u64 {
    (ticks + 1).div_ceil(TICKS_PER_NS)
}

/// Index of a bucket's upper bound in the numbering of native histograms: the bound is 2^(that / 8) s. Bucket 0 ends at
/// `native(0)`; the last has no bound.
pub const fn native(index: usize) -> i32 {
    FIRST_LOG2 * PER_OCTAVE as i32 + index as i32
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
    // One less, so that a power of two closes its octave instead of opening the next.
    let (octave, fraction) = logarithm(ns * TICKS_PER_NS - 1);
    let eighth = 7 - EIGHTHS.iter().map(|&bound| less(fraction, bound)).sum::<u64>();
    ((octave - u64::from(FIRST_OCTAVE)) * u64::from(PER_OCTAVE) + eighth + 1) as usize
}

/// floor(log2(x)) for x in `1..2^63`, and (x / 2^that - 1) times 2³¹: x is moved up until its highest bit is bit 62.
#[inline(always)]
fn logarithm(x: u64) -> (u64, u64) {
    let (mut x, mut octave) = (x, 62);
    for step in [32, 16, 8, 4, 2, 1] {
        let up = less(x, 1 << (63 - step)) * step;
        x <<= up;
        octave -= up;
    }
    (octave, (x - (1 << 62)) >> 31)
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
        let octaves = (ns as f64 / 1e9).log2() - f64::from(FIRST_LOG2);
        (octaves * 8.0).ceil().clamp(0.0, (COUNT - 1) as f64) as usize
    }

    #[test]
    fn every_delay_falls_where_the_definition_says_or_on_the_bound_beside_it() {
        let mut off = 0;
        let mut ns = 1_u64;
        let mut total = 0;
        while ns < 100_000_000_000 {
            let (got, want) = (index(ns), exact(ns));
            assert!(got.abs_diff(want) <= 1, "{ns} ns: {got}, not {want}");
            off += u64::from(got != want);
            total += 1;
            ns += 1 + ns / 997;
        }
        assert!(off * 1000 < total, "{off} of {total} lie on a bound");
    }

    #[test]
    fn the_shortest_delays_fall_exactly_where_the_definition_says() {
        for ns in 0..100_000 {
            assert_eq!(index(ns), exact(ns), "{ns} ns");
        }
    }

    /// The same grid by decisions: what `index` was made from.
    fn decided(ns: u64) -> usize {
        let ticks = u128::from(ns) * u128::from(TICKS_PER_NS);
        if ticks <= 1 << FIRST_OCTAVE {
            return 0;
        }
        if ticks > 1 << (FIRST_OCTAVE + OCTAVES) {
            return COUNT - 1;
        }
        let ticks = ticks as u64 - 1;
        let octave = ticks.ilog2();
        let fraction = ((ticks << (62 - octave)) - (1 << 62)) >> 31;
        let eighth = EIGHTHS.iter().filter(|&&bound| fraction >= bound).count();
        ((octave - FIRST_OCTAVE) * PER_OCTAVE) as usize + eighth + 1
    }

    #[test]
    fn sums_of_comparisons_and_decisions_come_to_the_same() {
        let around = |ns: u64| ns.saturating_sub(300)..ns.saturating_add(300);
        let bounds = [1_000_000_000, BEYOND_NS].into_iter().flat_map(around);
        for ns in (0..64).flat_map(|bit| around(1 << bit)).chain(bounds) {
            assert_eq!(index(ns), decided(ns), "{ns} ns");
        }
        let steps = (0..1_100_000_000).step_by(331).chain((0..70_000_000_000).step_by(99_991));
        for ns in steps.chain(0..200_000) {
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
        assert_eq!(index(7), 0);
        assert_eq!(index(8), 1);
        assert_eq!(index(999_999_000), 216);
        assert_eq!(index(1_000_001_000), 217);
        assert_eq!(index(63_999_990_000), 264);
        assert_eq!(index(64_000_010_000), 265);
        assert_eq!(index(u64::MAX), 265);
    }

    #[test]
    fn bounds_are_those_of_native_histograms() {
        for ns in (8..2000).chain((2000..60_000_000_000).step_by(7_777_777)) {
            let upper = native(index(ns));
            let bound = |native: i32| (f64::from(native) / 8.0).exp2() * 1e9 * (1.0 + 1e-6);
            assert!(
                ns as f64 <= bound(upper) && ns as f64 > bound(upper - 1) * (1.0 - 2e-6),
                "{ns}: {upper}"
            );
        }
        assert_eq!((native(0), native(COUNT - 2)), (8 * FIRST_LOG2, 8 * LAST_LOG2));
    }
}
