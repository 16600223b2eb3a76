//! Percentiles from buckets of time.

use veth_observer_common::{
    buckets,
    counters::{Received, Variation},
};

use crate::model::report::Distribution;

/// Upper bound of a bucket in nanoseconds; the last has none.
fn upper_ns(index: usize) -> f64 {
    let eighths = i16::try_from(index).unwrap_or(i16::MAX);
    1e9 * (-24.0 + f64::from(eighths) / 8.0).exp2()
}

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
        let at = |share: f64| Some(self.quantile(count, share));
        Distribution {
            count,
            min_ns: Some(self.min_ns),
            mean_ns: Some(self.sum_ns / count),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: Some(self.max_ns),
            buckets: self.buckets.to_vec(),
        }
    }

    /// The time that a share of what was counted does not exceed (nearest rank): the geometric middle of its bucket, which
    /// is at most 2^(1/16), 4.5 %, from any time in it; never outside what was seen.
    fn quantile(&self, count: u64, share: f64) -> u64 {
        let rank = (share * as_f64(count)).ceil().max(1.0);
        let mut reached = 0;
        let index = self.buckets.iter().position(|frames| {
            reached += frames;
            as_f64(reached) >= rank
        });
        let value = match index {
            Some(0) => self.min_ns,
            Some(index) if index < buckets::COUNT - 1 => rounded(upper_ns(index) * (-1.0_f64 / 16.0).exp2()),
            _ => self.max_ns,
        };
        value.clamp(self.min_ns, self.max_ns)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
        for (share, got) in
            [(0.5, delay.p50_ns), (0.9, delay.p90_ns), (0.99, delay.p99_ns), (0.999, delay.p999_ns)]
        {
            let rank = usize::try_from(rounded(as_f64(50_000) * share)).unwrap();
            let exact = as_f64(delays[rank - 1]);
            let error = (as_f64(got.unwrap()) - exact).abs() / exact;
            assert!(error < 0.05, "{share}: {got:?}, exactly {exact}");
        }
    }

    #[test]
    fn more_than_a_second_is_not_placed_beyond_what_was_seen() {
        let delay = delays(&received(&[5_000_000_000, 7_000_000_000]));
        assert_eq!((delay.p999_ns, delay.max_ns), (Some(7_000_000_000), Some(7_000_000_000)));
    }
}
