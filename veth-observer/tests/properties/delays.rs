//! Percentiles against exact ones, and counters that were kept by several CPUs.

use proptest::prelude::*;
use veth_observer::{
    delivery::Ledger,
    model::{reading::Reading, report::Distribution},
};
use veth_observer_common::{buckets, counters::Received};

use super::{delay, number};

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

/// 2^(1/16): half a bucket.
const BOUND: f64 = 1.0443;

/// Within half a bucket, and half a nanosecond for the rounding to whole ones.
fn is_close(got: u64, exact: u64) -> bool {
    let (got, exact) = (number(got), number(exact));
    got < exact * BOUND + 0.51 && got > exact / BOUND - 0.51
}

/// Log-normal, uniform and bimodal, with the middle at `scale`, from the exact inverse of each.
fn known(shape: usize, scale: f64) -> Vec<u64> {
    let at = |share: f64| match shape {
        0 => scale * 2_f64.powf((share / (1.0 - share)).ln() / 2.0),
        1 => scale * (0.5 + share),
        _ => scale * if share < 0.7 { 1.0 + share / 100.0 } else { 2.0 + share },
    };
    let rounded = |ns: f64| ns.round().clamp(8.0, 60e9).to_string().parse().unwrap();
    (1..2000_u32).map(|rank| rounded(at(f64::from(rank) / 2000.0))).collect()
}

#[test]
fn percentiles_of_known_distributions_are_right_from_8_ns_to_a_minute() {
    for shape in 0..3 {
        for octave in 3..36 {
            for scale in [1.0, 1.3, 1.7] {
                let times = known(shape, scale * f64::from(octave).exp2());
                let got = summary(&sum(&times.iter().map(|&time| one(time)).collect::<Vec<_>>()));
                for percent in [1, 5, 10, 25, 50, 75, 90, 95, 99, 100] {
                    let exact = times[(times.len() * percent).div_ceil(100) - 1];
                    let share = f64::from(u8::try_from(percent).unwrap()) / 100.0;
                    let got = got.quantile(share).unwrap();
                    assert!(is_close(got, exact), "{shape}, 2^{octave}, p{percent}: {got}, exactly {exact}");
                }
            }
        }
    }
}

#[test]
fn beyond_the_grid_a_percentile_lies_between_its_end_and_what_was_seen() {
    let quantiles = |times: &[u64]| {
        let got = summary(&sum(&times.iter().map(|&time| one(time)).collect::<Vec<_>>()));
        [0.01, 0.5, 1.0].map(|share| got.quantile(share).unwrap())
    };
    assert_eq!(quantiles(&[0, 0, 0, 5, 7, 100]), [0, 3, 100]);
    assert_eq!(quantiles(&[2, 2, 2, 2]), [2, 2, 2]);
    let second = 1_000_000_000;
    let [least, middle, largest] = quantiles(&[65, 70, 80, 90, 100].map(|time| time * second));
    assert_eq!((least, largest), (65 * second, 100 * second));
    assert_eq!(middle / second, 80, "the geometric middle of 64 s and 100 s");
}

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
            prop_assert!(is_close(got.unwrap(), exact), "{permille}: {got:?}, exactly {exact}");
        }
    }

    #[test]
    fn it_does_not_matter_which_cpu_counted_what(
        delays in prop::collection::vec((delay(), 0..4_usize), 0..100),
    ) {
        let mut cpus = vec![Received::ZERO; 4];
        for &(delay, cpu) in &delays {
            cpus[cpu].merge(&one(delay));
        }
        let all: Vec<Received> = delays.iter().map(|&(delay, _)| one(delay)).collect();
        prop_assert_eq!(sum(&cpus), sum(&all));
        prop_assert_eq!(sum(cpus.iter().rev()), sum(&all));
    }
}
