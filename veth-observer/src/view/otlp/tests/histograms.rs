//! Buckets, held against the grid of the kernel and the definition of OpenTelemetry.

use veth_observer_common::buckets;

use super::{found, histograms, metrics};
use crate::view::metrics::tests::{pair, snapshot, spread};

#[test]
#[expect(clippy::cast_possible_truncation, reason = "the grid has 266 buckets")]
fn exponential_buckets_hold_the_delays_that_were_counted() {
    let delays =
        [0, 7, 8, 8, 1_000, 999_999_000, 1_000_001_000, 63_000_000_000, 70_000_000_000, u64::MAX >> 8];
    let mut web = pair("web");
    web.directions[0].delay = spread(&delays);
    web.directions[0].delay.min_ns = Some(0);
    web.directions[1].delay = spread(&[]);
    let metrics = metrics(snapshot(vec![(1, web)]));
    let [point, empty] = histograms(found(&metrics, "veth.one_way_delay")) else { panic!("two directions") };
    assert_eq!((point.scale, point.count, point.zero_count), (3, 10, 2));
    assert_eq!((point.min, point.max), (Some(0.0), None));
    assert!((point.zero_threshold - 2.0_f64.powi(-27)).abs() < f64::EPSILON * 1e-9);
    assert!(
        (point.sum.unwrap() - std::time::Duration::from_nanos(delays.iter().sum()).as_secs_f64()).abs()
            < 1e-3
    );
    let positive = point.positive.as_ref().unwrap();
    let counted: Vec<(i32, u64)> = (positive.offset..)
        .zip(positive.bucket_counts.iter().copied())
        .filter(|(_, count)| *count > 0)
        .collect();
    // Index i is (2^(i/8), 2^((i+1)/8)] s; what is beyond the grid, 64 s, is in the first bucket above it.
    let bucket = |seconds: f64| (seconds.log2() * 8.0).ceil() as i32 - 1;
    let want = [(bucket(8e-9), 2), (bucket(1e-6), 1), (-1, 1), (0, 1), (bucket(63.0), 1), (48, 2)];
    assert_eq!(counted, want);
    assert_eq!(positive.bucket_counts.iter().sum::<u64>() + point.zero_count, point.count);
    assert_eq!(
        positive.bucket_counts.len(),
        usize::try_from(49 - bucket(8e-9)).unwrap(),
        "no more than is needed"
    );
    assert_eq!((empty.count, empty.zero_count, &empty.positive, empty.sum), (0, 0, &None, Some(0.0)));
}

#[test]
fn each_bucket_of_the_kernel_is_one_of_opentelemetry() {
    for index in 1..buckets::COUNT {
        let mut web = pair("web");
        web.directions[0].delay.buckets = vec![0; buckets::COUNT];
        web.directions[0].delay.buckets[index] = 5;
        let metrics = metrics(snapshot(vec![(1, web)]));
        let positive = histograms(found(&metrics, "veth.one_way_delay"))[0].positive.clone().unwrap();
        // Numbered by the lower bound here, and by the upper one there.
        assert_eq!((positive.offset, &*positive.bucket_counts), (buckets::native(index) - 1, &[5][..]));
    }
}
