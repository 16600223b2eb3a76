//! Percentiles against exact ones, and counters that were kept by several CPUs.

use proptest::prelude::*;
use veth_observer::{
    delivery::Ledger,
    model::{reading::Reading, report::Distribution},
};
use veth_observer_common::{buckets, counters::Received};

use super::delay;

fn one(delay: u64) -> Received {
    let mut one = Received::ZERO;
    (one.skbs, one.frames, one.bytes) = (1, 1, delay % 1500);
    (one.delay_sum_ns, one.delay_min_ns, one.delay_max_ns) = (delay, delay, delay);
    one.epochs[(delay % 16) as usize] = 1;
    one.delays[buckets::index(delay)] = 1;
    one
}

fn sum<'a>(parts: impl IntoIterator<Item = &'a Received>) -> Received {
    let mut sum = Received::ZERO;
    parts.into_iter().for_each(|part| sum.merge(part));
    sum
}

fn summary(received: &Received) -> Distribution {
    let reading = Reading { received: *received, ..Reading::ZERO };
    Ledger::new(1_000_000_000, 28, true).report(&reading, "a", "b").delay
}

fn number(ns: u64) -> f64 {
    f64::from(u32::try_from(ns).unwrap())
}

/// 2^(1/16): half a bucket.
const BOUND: f64 = 1.0443;

proptest! {
    #[test]
    fn every_percentile_is_within_half_a_bucket_of_the_exact_one(mut delays in prop::collection::vec(delay(), 1..400)) {
        let all: Vec<Received> = delays.iter().map(|&delay| one(delay)).collect();
        let got = summary(&sum(&all));
        delays.sort_unstable();
        let count = delays.len();
        prop_assert_eq!(got.count, count as u64);
        prop_assert_eq!(got.min_ns, delays.first().copied());
        prop_assert_eq!(got.max_ns, delays.last().copied());
        prop_assert_eq!(got.mean_ns, Some(delays.iter().sum::<u64>() / count as u64));
        for (permille, got) in [(500, got.p50_ns), (900, got.p90_ns), (990, got.p99_ns), (999, got.p999_ns)] {
            let exact = delays[(count * permille).div_ceil(1000) - 1];
            let (got, exact) = (number(got.unwrap()), number(exact));
            let error = got / exact;
            // Below 100 ns a nanosecond is a percent.
            let bound = BOUND * (1.0 + 1.0 / exact);
            prop_assert!(error < bound && error > 1.0 / bound, "{permille}: {got}, exactly {exact}");
        }
    }

    #[test]
    fn it_does_not_matter_which_cpu_counted_what(
        delays in prop::collection::vec((delay(), 0..4_usize), 0..100),
    ) {
        let mut cpus = [Received::ZERO; 4];
        for &(delay, cpu) in &delays {
            cpus[cpu].merge(&one(delay));
        }
        let all: Vec<Received> = delays.iter().map(|&(delay, _)| one(delay)).collect();
        prop_assert_eq!(sum(&cpus), sum(&all));
        prop_assert_eq!(sum(cpus.iter().rev()), sum(&all));
    }
}
