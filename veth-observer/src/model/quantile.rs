//! Percentiles and bounds from buckets of time.

use serde::Serialize;
use veth_observer_common::buckets;

use super::report::Distribution;

/// One bucket: what was counted above one bound, up to and including the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bin {
    pub above_ns: u64,
    /// None for the last bucket, which has no end.
    pub upto_ns: Option<u64>,
    pub count: u64,
}

impl Distribution {
    /// The time that a share (above 0, at most 1) of what was counted does not exceed (nearest rank), never outside what was
    /// seen. The least and the largest are exact where they are known. Else it is the geometric middle of a bucket, which is at most 2^(1/16),
    /// 4.5 %, from any time in it. Bucket 0 holds whole nanoseconds up to 7, and its middle is at most 4 ns off; the middle of
    /// the last lies between 64 s and the largest, and is 64 s where that is not known.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        if self.count == 0 {
            return None;
        }
        let (min, max) = (self.min_ns.unwrap_or(0), self.max_ns.unwrap_or(u64::MAX));
        // A share such as 99.9 / 100 is a hair off in binary, which must not push a whole rank to the next.
        let rank = (share * as_f64(self.count) * (1.0 - 4.0 * f64::EPSILON)).ceil().max(1.0);
        if rank <= 1.0 && self.min_ns.is_some() {
            return self.min_ns;
        }
        if rank >= as_f64(self.count) && self.max_ns.is_some() {
            return self.max_ns;
        }
        let mut reached = 0;
        let index = self.buckets.iter().position(|count| {
            reached += count;
            as_f64(reached) >= rank
        });
        let value = match index {
            Some(0) => min.midpoint(max.min(rounded_down(upper_ns(0)))),
            Some(index) if index < buckets::COUNT - 1 => rounded(upper_ns(index) * (-1.0_f64 / 16.0).exp2()),
            _ if self.max_ns.is_none() => rounded(upper_ns(buckets::COUNT - 2)),
            _ => rounded((upper_ns(buckets::COUNT - 2) * as_f64(max)).sqrt()),
        };
        Some(value.clamp(min, max))
    }

    /// With the percentiles that everybody is shown, from its buckets.
    #[must_use]
    pub fn with_percentiles(self) -> Self {
        Self {
            p50_ns: self.quantile(0.5),
            p90_ns: self.quantile(0.9),
            p99_ns: self.quantile(0.99),
            p999_ns: self.quantile(0.999),
            ..self
        }
    }

    /// The buckets from the first to the last that is not empty, `merged` of the grid in each.
    pub fn bins(&self, merged: usize) -> Vec<Bin> {
        let merged = merged.max(1);
        let filled = |count: &u64| *count > 0;
        let Some(first) = self.buckets.iter().position(filled) else { return Vec::new() };
        let last = self.buckets.iter().rposition(filled).unwrap_or(first);
        // Bucket 0 is open below and stands alone, so that merged ones begin at powers of two.
        let group = |index: usize| index.div_ceil(merged);
        (group(first)..=group(last))
            .map(|at| {
                let (from, to) = ((at * merged).saturating_sub(merged - 1), at * merged);
                let last = buckets::COUNT - 1;
                Bin {
                    above_ns: if at == 0 { 0 } else { rounded(upper_ns(from - 1)) },
                    upto_ns: (to < last).then(|| rounded(upper_ns(to))),
                    count: self.buckets[from..=to.min(last)].iter().sum(),
                }
            })
            .collect()
    }
}

/// Upper bound of a bucket in nanoseconds; the last has none.
fn upper_ns(index: usize) -> f64 {
    1e9 * (f64::from(buckets::native(index)) / f64::from(buckets::PER_OCTAVE)).exp2()
}

#[expect(clippy::cast_precision_loss, reason = "counts past 2^53 would take a century")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounds of buckets are small and positive"
)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

fn rounded_down(value: f64) -> u64 {
    rounded(value.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(times: &[u64]) -> Distribution {
        let mut counts = vec![0; buckets::COUNT];
        for &time in times {
            counts[buckets::index(time)] += 1;
        }
        Distribution {
            count: times.len() as u64,
            min_ns: times.iter().min().copied(),
            max_ns: times.iter().max().copied(),
            buckets: counts,
            ..Distribution::default()
        }
    }

    #[test]
    fn nothing_has_no_percentile_and_no_bins() {
        assert_eq!(Distribution::default().quantile(0.5), None);
        assert!(Distribution::default().bins(1).is_empty());
    }

    #[test]
    fn a_rank_is_the_same_however_its_share_was_computed() {
        for (percent, count, rank) in [(99.9, 1000, 999), (99.0, 300, 297), (57.0, 100, 57), (100.0, 7, 7)] {
            let times: Vec<u64> = (1..=count).map(|at| if at <= rank { 1000 } else { 9000 }).collect();
            assert_eq!(spread(&times).quantile(percent / 100.0).map(|ns| ns < 2000), Some(true), "{percent}");
        }
        let times: Vec<u64> = (1..=1000).map(|at| if at < 999 { 1000 } else { 9000 }).collect();
        assert!(spread(&times).quantile(99.9 / 100.0).is_some_and(|ns| ns > 8000));
    }

    #[test]
    fn without_bounds_a_percentile_is_the_middle_of_its_bucket() {
        let known = spread(&[3, 3, 1000, 1000, 70_000_000_000]);
        let unknown = Distribution { min_ns: None, max_ns: None, ..known.clone() };
        assert_eq!(unknown.quantile(0.7), known.quantile(0.7));
        assert_eq!((unknown.quantile(0.1), unknown.quantile(1.0)), (Some(3), Some(64_000_000_000)));
        assert_eq!(Distribution { count: 0, ..unknown }.quantile(0.5), None);
    }

    #[test]
    fn bins_hold_every_time_between_their_bounds_however_they_are_merged() {
        let times: Vec<u64> = (0..3000).map(|i: u64| 5 + i * i * 151).chain([70_000_000_000]).collect();
        let spread = spread(&times);
        for merged in [1, 2, 4, 8, 16] {
            let bins = spread.bins(merged);
            assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 3001);
            assert_eq!((bins[0].above_ns, bins[bins.len() - 1].upto_ns), (0, None));
            for pair in bins.windows(2) {
                assert_eq!(pair[0].upto_ns, Some(pair[1].above_ns), "{merged}");
            }
            for bin in bins {
                let holds = |time: &&u64| **time > bin.above_ns && bin.upto_ns.is_none_or(|to| **time <= to);
                let counted = times.iter().filter(holds).count() as u64;
                // A time on a bound may lie on either side of it.
                assert!(counted.abs_diff(bin.count) <= 1, "{merged} {bin:?}: {counted}");
            }
        }
        assert!(spread.bins(8).len() < 36);
    }

    #[test]
    fn bins_begin_and_end_where_something_was_counted() {
        let bins = spread(&[1000, 1000, 5000]).bins(1);
        assert_eq!((bins[0].count, bins.last().unwrap().count), (2, 1));
        assert!(bins[0].above_ns < 1000 && bins.last().unwrap().upto_ns.unwrap() >= 5000);
    }
}
