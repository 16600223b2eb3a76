//! Times as a report gives them, from what the programs counted.

use veth_observer_common::{
    buckets,
    counters::{Received, Variation},
};

use crate::model::report::Distribution;

/// The delays of one direction, in frames.
pub(super) fn delays(received: &Received) -> Distribution {
    Histogram {
        buckets: &received.delays,
        sum_ns: received.delay_sum_ns,
        min_ns: received.delay_min_ns,
        max_ns: received.delay_max_ns,
    }
    .summary()
}

/// How the delays of one direction vary, in pairs of departures.
pub(super) fn variation(variation: &Variation) -> Distribution {
    Histogram {
        buckets: &variation.buckets,
        sum_ns: variation.sum_ns,
        min_ns: !variation.min_complement_ns,
        max_ns: variation.max_ns,
    }
    .summary()
}

/// Delays that are taken one by one.
#[derive(Debug, Clone)]
pub struct Delays {
    buckets: [u64; buckets::COUNT],
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
}

impl Default for Delays {
    fn default() -> Self {
        Self { buckets: [0; buckets::COUNT], sum_ns: 0, min_ns: u64::MAX, max_ns: 0 }
    }
}

impl Delays {
    pub fn add(&mut self, ns: u64) {
        self.buckets[buckets::index(ns)] += 1;
        self.sum_ns += ns;
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
    }

    pub fn summary(&self) -> Distribution {
        let Self { buckets, sum_ns, min_ns, max_ns } = self;
        Histogram { buckets, sum_ns: *sum_ns, min_ns: *min_ns, max_ns: *max_ns }.summary()
    }
}

struct Histogram<'a> {
    buckets: &'a [u64; buckets::COUNT],
    sum_ns: u64,
    min_ns: u64,
    max_ns: u64,
}

impl Histogram<'_> {
    fn summary(&self) -> Distribution {
        let count: u64 = self.buckets.iter().sum();
        if count == 0 {
            return Distribution::default();
        }
        Distribution {
            count,
            min_ns: Some(self.min_ns),
            mean_ns: Some(self.sum_ns / count),
            sum_ns: Some(self.sum_ns),
            max_ns: Some(self.max_ns),
            buckets: self.buckets.to_vec(),
            ..Distribution::default()
        }
        .with_percentiles()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
    fn as_f64(count: u64) -> f64 {
        count as f64
    }

    fn received(delays: &[u64]) -> Received {
        let mut received = Received::ZERO;
        for &delay in delays {
            let mut one = Received::ZERO;
            one.frames = 1;
            one.delay_sum_ns = delay;
            (one.delay_min_ns, one.delay_max_ns) = (delay, delay);
            one.delays[buckets::index(delay)] = 1;
            received.merge(&one);
        }
        received
    }

    #[test]
    fn delays_taken_one_by_one_are_the_delays_that_the_programs_count() {
        let some = [3, 900, 1_000, 77_000, 5_000_000];
        let mut one_by_one = Delays::default();
        assert_eq!(one_by_one.summary(), Distribution::default());
        for ns in some {
            one_by_one.add(ns);
        }
        assert_eq!(one_by_one.summary(), delays(&received(&some)));
    }

    #[test]
    fn nothing_arrived_nothing_is_said() {
        assert_eq!(delays(&Received::ZERO), Distribution::default());
    }

    #[test]
    fn a_variation_of_nothing_counts() {
        let mut steady = Variation::ZERO;
        steady.buckets[buckets::index(0)] = 3;
        steady.min_complement_ns = !0;
        let spread = variation(&steady);
        assert_eq!(
            (spread.count, spread.min_ns, spread.p99_ns, spread.max_ns),
            (3, Some(0), Some(0), Some(0))
        );
        assert_eq!(variation(&Variation::ZERO), Distribution::default());
    }

    #[test]
    fn one_frame_is_every_percentile() {
        let delay = delays(&received(&[1234]));
        assert_eq!(
            (delay.count, delay.min_ns, delay.max_ns, delay.mean_ns),
            (1, Some(1234), Some(1234), Some(1234))
        );
        assert_eq!((delay.p50_ns, delay.p999_ns), (Some(1234), Some(1234)));
    }

    #[test]
    fn a_percentile_is_within_its_bound_wherever_in_the_bucket_all_delays_lie() {
        for delay in (100..200_000).step_by(331) {
            let spread = delays(&received(&[delay, delay, delay, delay * 4]));
            let error = (as_f64(spread.p50_ns.unwrap()) / as_f64(delay)).log2().abs();
            assert!(error < 1.0 / 16.0 + 0.001, "{delay}: {spread:?}");
        }
    }

    #[test]
    fn percentiles_are_within_five_percent_of_exact_ones() {
        let mut x = 88_172_645_463_325_252_u64;
        let mut delays: Vec<u64> = (0..50_000)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                700 + (1 << (x % 17)) + x % 1500
            })
            .collect();
        let delay = super::delays(&received(&delays));
        delays.sort_unstable();
        for (rank, got) in
            [(25_000, delay.p50_ns), (45_000, delay.p90_ns), (49_500, delay.p99_ns), (49_950, delay.p999_ns)]
        {
            let exact = as_f64(delays[rank - 1]);
            let error = (as_f64(got.unwrap()) - exact).abs() / exact;
            assert!(error < 0.05, "{rank}: {got:?}, exactly {exact}");
        }
    }

    #[test]
    fn of_seconds_the_middle_is_the_middle_and_not_the_largest() {
        let seconds = [0, 0, 1, 2, 3, 4, 5, 6].map(|second| 1_000_000_000 * second + 1000);
        let delay = delays(&received(&seconds));
        let p50 = as_f64(delay.p50_ns.unwrap());
        assert!((p50 / 2e9).log2().abs() < 1.0 / 16.0 + 0.001, "{p50}");
        assert_eq!((delay.p999_ns, delay.max_ns), (Some(6_000_001_000), Some(6_000_001_000)));
    }

    #[test]
    fn more_than_the_grid_holds_is_not_placed_beyond_what_was_seen() {
        let delay = delays(&received(&[65_000_000_000, 70_000_000_000]));
        assert_eq!((delay.p999_ns, delay.max_ns), (Some(70_000_000_000), Some(70_000_000_000)));
    }
}
