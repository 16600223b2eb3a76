//! Percentiles from buckets against exact ones, from the delay of every single frame.

use std::time::Duration;

use veth_observer::observe::{Sampling, Settings};

use super::{frame, quantile};
use crate::support::wire::{Wire, X};

const COUNT: u64 = 50_000;

#[test]
fn they_are_within_five_percent_of_what_all_samples_say() {
    let wire = Wire::new();
    wire.over_both(|| {
        let sampling = Some(Sampling { rate: 1, snaplen: 14, ring_bytes: 1 << 23, ..Sampling::default() });
        let mut observation = wire.observe(Settings { sampling, ..wire.settings() });
        wire.lab.send_frames(0, X, &frame(0x88b5), COUNT);
        let mut exact: Vec<i64> = observation
            .samples(2 * usize::try_from(COUNT).unwrap())
            .unwrap()
            .iter()
            .map(|sample| sample.delay_ns().expect("it was seen sent").cast_signed())
            .collect();
        let [out, _] = wire.finish(observation).pairs.remove(0).directions;
        assert_eq!((exact.len() as u64, out.delay.count, out.collection_loss), (COUNT, COUNT, 0));
        exact.sort_unstable();
        let delay = out.delay;
        let value = |ns: Option<u64>| ns.unwrap().cast_signed();
        assert_eq!((value(delay.min_ns), value(delay.max_ns)), (exact[0], *exact.last().unwrap()));
        assert_eq!(value(delay.mean_ns), exact.iter().sum::<i64>() / COUNT.cast_signed());
        for (permille, ns) in
            [(500, delay.p50_ns), (900, delay.p90_ns), (990, delay.p99_ns), (999, delay.p999_ns)]
        {
            let (got, exact) = (value(ns), quantile(&exact, permille));
            assert!((got - exact).abs() * 100 <= 5 * exact, "p{permille}: {got}, exactly {exact}");
        }
    });
}

#[test]
fn of_seconds_too() {
    let wire = Wire::new();
    let sampling = Some(Sampling { rate: 1, snaplen: 14, ring_bytes: 1 << 20, ..Sampling::default() });
    let loss_timeout = Duration::from_secs(30);
    let mut observation = wire.observe(Settings { sampling, loss_timeout, ..wire.settings() });
    // Two frames pass at once, and then one in a second.
    let queue = ["tbf", "rate", "8kbit", "burst", "2000", "limit", "1mb"];
    wire.lab.exec(0, &[&["tc", "qdisc", "add", "dev", X, "root"][..], &queue].concat());
    let mut frame = frame(0x88b5);
    frame.resize(958, 0);
    wire.lab.send_frames(0, X, &frame, 6);
    let [out, _] = wire.close(&mut observation).pairs.remove(0).directions;
    let samples = observation.samples(6).unwrap();
    let mut exact: Vec<u64> = samples.iter().map(|sample| sample.delay_ns().unwrap()).collect();
    exact.sort_unstable();
    assert_eq!((exact.len(), exact[5] / 1_000_000_000), (6, 3));
    for (rank, share) in [(4, 0.6), (5, 0.8), (6, 1.0)] {
        let (got, exact) = (out.delay.quantile(share).unwrap(), exact[rank - 1]);
        assert!(got.abs_diff(exact) * 100 <= 5 * exact, "{share}: {got}, exactly {exact}");
    }
}
