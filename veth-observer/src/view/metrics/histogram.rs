//! Distributions on the grids of Prometheus.

use veth_observer_common::buckets;

use crate::model::report::Distribution;

/// Buckets per doubling are 2 to the power of this.
pub(in crate::view) const SCHEMA: i32 = 3;

/// What is at most this long is in the zero bucket: 2⁻²⁷ s (7.45 ns), where the grid begins.
pub(in crate::view) const ZERO: f64 = 1.0 / (1 << -buckets::FIRST_LOG2) as f64;

/// Native buckets are numbered by their upper bound, 2^(i/8) s.
const FIRST: i32 = buckets::native(1);

/// Classic buckets end at 2⁻²² s (238 ns), then two to a doubling, or one, up to 2⁻⁸ s (3.9 ms).
const HALF_OCTAVES: usize = 28;
const FIRST_EXPONENT: i32 = -22;
const FIRST_BUCKET: usize = ((FIRST_EXPONENT - buckets::FIRST_LOG2) as u32 * buckets::PER_OCTAVE) as usize;

/// The counts of one distribution as native histograms give them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Native {
    pub(super) zero_count: u64,
    /// Runs of buckets: how far from the end of the one before, and how many.
    pub(super) spans: Vec<(i32, u32)>,
    /// Each count less the one before.
    pub(super) deltas: Vec<i64>,
}

/// What takes longer than the grid reaches, 64 s, is in the first bucket above it.
pub(super) fn native(spread: &Distribution) -> Native {
    let Some((zero, counts)) = spread.buckets.split_first() else { return Native::default() };
    let mut native = Native { zero_count: *zero, ..Native::default() };
    let (mut next, mut last) = (0, 0);
    for (index, &count) in (FIRST..).zip(counts).filter(|(_, count)| **count > 0) {
        match native.spans.last_mut() {
            Some((_, length)) if index == next => *length += 1,
            _ => native.spans.push((index - next, 1)),
        }
        native.deltas.push(count.wrapping_sub(last).cast_signed());
        (next, last) = (index + 1, count);
    }
    native
}

/// Upper bounds in seconds and what was counted up to each from the one before; the last has no end.
pub(super) fn classic(spread: &Distribution, coarse: bool) -> Vec<(f64, u64)> {
    let (mut from, mut classic) = (0, Vec::with_capacity(HALF_OCTAVES + 2));
    for half in (0..=HALF_OCTAVES).step_by(if coarse { 2 } else { 1 }) {
        let to = FIRST_BUCKET + 4 * half;
        classic.push((bound(half), counted(spread, from..=to)));
        from = to + 1;
    }
    classic.push((f64::INFINITY, counted(spread, from..=buckets::COUNT - 1)));
    classic
}

/// Powers of two are exact, and so is their product with √2 as far as a number can be.
fn bound(half: usize) -> f64 {
    let octaves = f64::from(u32::try_from(half / 2).unwrap_or(0));
    let power = (f64::from(FIRST_EXPONENT) + octaves).exp2();
    if half.is_multiple_of(2) { power } else { power * std::f64::consts::SQRT_2 }
}

fn counted(spread: &Distribution, range: std::ops::RangeInclusive<usize>) -> u64 {
    spread.buckets.get(range).map_or(0, |counts| counts.iter().sum())
}

/// The sum in seconds.
pub(in crate::view) fn sum(spread: &Distribution) -> f64 {
    seconds(spread.sum_ns.unwrap_or(0))
}

#[expect(clippy::cast_precision_loss, reason = "a number of Prometheus has 53 bits")]
pub(in crate::view) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(times: &[u64]) -> Distribution {
        let mut spread = Distribution { buckets: vec![0; buckets::COUNT], ..Distribution::default() };
        for &time in times {
            spread.buckets[buckets::index(time)] += 1;
            spread.count += 1;
            *spread.sum_ns.get_or_insert(0) += time;
        }
        spread
    }

    /// Every bucket that is not empty, by its number.
    fn unfolded(native: &Native) -> Vec<(i32, i64)> {
        let (mut at, mut count, mut deltas) = (0, 0, native.deltas.iter());
        let mut buckets = Vec::new();
        for &(gap, length) in &native.spans {
            at += gap;
            for _ in 0..length {
                count += deltas.next().unwrap();
                buckets.push((at, count));
                at += 1;
            }
        }
        assert!(deltas.next().is_none());
        buckets
    }

    #[test]
    fn a_native_bucket_holds_what_lies_below_its_bound() {
        let times: Vec<u64> = (0..2000).map(|i: u64| 61 + i * i * 97).collect();
        let native = native(&spread(&times));
        assert_eq!(native.zero_count, 0);
        let buckets = unfolded(&native);
        assert_eq!(buckets.iter().map(|(_, count)| count).sum::<i64>(), 2000);
        for (index, count) in buckets {
            let bound = |index: i32| 1e9 * (f64::from(index) / 8.0).exp2();
            let within = times.iter().filter(|time| {
                let time = f64::from(u32::try_from(**time).unwrap());
                time > bound(index - 1) && time <= bound(index)
            });
            assert!(within.count().abs_diff(usize::try_from(count).unwrap()) <= 1, "{index}");
        }
    }

    #[test]
    fn the_ends_of_the_grid_are_the_zero_bucket_and_the_one_above_64_seconds() {
        let native = native(&spread(&[0, 7, 999_999_000, 1_500_000_000, 90_000_000_000]));
        assert_eq!(native.zero_count, 2);
        assert_eq!(unfolded(&native), [(0, 1), (5, 1), (49, 1)]);
        assert_eq!(native.spans, [(0, 1), (4, 1), (43, 1)]);
    }

    #[test]
    fn spans_step_over_empty_buckets() {
        let native = native(&spread(&[61, 61, 61, 1000, 1_000_000]));
        let counts: Vec<i64> = unfolded(&native).iter().map(|(_, count)| *count).collect();
        assert_eq!((native.spans.len(), counts), (3, vec![3, 1, 1]));
        assert_eq!(native.spans[0], (-191, 1));
    }

    #[test]
    fn nothing_has_no_spans() {
        assert_eq!(native(&Distribution::default()), Native::default());
        let classic = classic(&Distribution::default(), false);
        assert!(classic.len() == 30 && classic.iter().all(|(_, count)| *count == 0));
    }

    #[test]
    fn classic_buckets_are_merged_without_a_rest() {
        let times: Vec<u64> = (0..3000).map(|i: u64| 20 + i * i * 151).chain([2_000_000_000]).collect();
        let spread = spread(&times);
        for (coarse, count) in [(false, 30), (true, 16)] {
            let classic = classic(&spread, coarse);
            assert_eq!(classic.len(), count);
            assert_eq!(classic.iter().map(|(_, count)| count).sum::<u64>(), 3001);
            let mut below = 0;
            for (bound, count) in classic {
                below += count;
                let seconds = |ns: u64| std::time::Duration::from_nanos(ns).as_secs_f64();
                let exact = times.iter().filter(|ns| seconds(**ns) <= bound).count() as u64;
                assert!(exact.abs_diff(below) <= 1, "{bound}");
            }
        }
        let bits = |bound: f64| bound.to_bits();
        assert_eq!(bits(classic(&spread, true)[0].0), bits(2.0_f64.powi(-22)));
        assert_eq!(bits(classic(&spread, false)[28].0), bits(2.0_f64.powi(-8)));
    }

    #[test]
    fn sums_are_what_was_counted() {
        assert!((sum(&spread(&[1, 2, 999_999_999])) - 1.000_000_002).abs() < 1e-15);
    }
}
