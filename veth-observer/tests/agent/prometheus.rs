//! Prometheus itself scrapes a server, and gives back what it has stored.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    Agent,
    client::{curled, sample},
    fake,
};
use crate::support::{netns::eventually, prometheus::Prometheus};

#[track_caller]
fn assert_near(what: &str, got: Option<f64>, exact: f64, ratio: f64) {
    let got = got.unwrap_or_else(|| panic!("{what}: nothing"));
    assert!((got - exact).abs() <= exact.abs() * ratio, "{what}: {got}, exactly {exact}");
}

#[expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// As its percentiles from the native histogram are within half a bucket of the exact ones: 2^(1/16) - 1, and a hair for
/// what fell on a bound, and within a bucket where Prometheus places it inside: 2^(1/8) is two of these.
const HALF_A_BUCKET: f64 = 0.0451;

#[test]
fn it_stores_native_histograms_and_gives_back_what_was_counted() {
    let agent = Agent::start(fake::one);
    let prometheus = Prometheus::scraping(agent.address(), true);
    let way = r#"{pair="web",direction="to_peer"}"#;
    let value = |name: &str| prometheus.value(&format!("{name}{way}"));
    for (name, exact) in [
        ("veth_frames_sent_total", 697.0),
        ("veth_frames_received_total", 690.0),
        ("veth_sent_bytes_total", 9_007_199_254_740_000.0),
        ("veth_skbs_sent_total", 27.0),
        ("veth_frames_lost_total", 1.0),
        ("veth_frames_unexplained", -1.0),
        ("veth_frames_in_flight", 1.0),
    ] {
        assert_eq!(value(name), Some(exact), "{name}");
    }
    let mut delays = fake::delays();
    delays.sort_unstable();
    let histogram = format!("veth_one_way_delay_seconds{way}");
    let count = delays.len() as u64;
    assert_near(
        "count",
        prometheus.value(&format!("histogram_count({histogram})")),
        seconds(count) * 1e9,
        0.0,
    );
    let sum = seconds(delays.iter().sum());
    assert_near("sum", prometheus.value(&format!("histogram_sum({histogram})")), sum, 1e-15);
    let buckets = fake::distribution(&delays);
    for (share, permille) in [(0.5, 500), (0.9, 900), (0.99, 990), (0.999, 999)] {
        let exact = seconds(delays[delays.len() * permille / 1000]);
        let got = prometheus.value(&format!("histogram_quantile({share}, {histogram})"));
        assert_near(&format!("p{permille}"), got, exact, 2.0 * HALF_A_BUCKET);
        // Ours is the middle of the bucket; Prometheus lies somewhere in the same.
        let ours = seconds(buckets.quantile(share).unwrap());
        assert_near(&format!("p{permille} and ours"), got, ours, HALF_A_BUCKET);
    }
    let info = prometheus.query("veth_pair_info * on (instance, pair) group_left () veth_pair_up");
    assert_eq!(
        (info.len(), &info[0].0["device"], &info[0].0["peer_device"]),
        (1, &"veth1a2b".into(), &"eth0".into())
    );
    assert!(
        prometheus.query("veth_one_way_delay_seconds_bucket").is_empty(),
        "native ones take the place of classic ones"
    );
}

#[test]
fn without_native_histograms_it_stores_the_classic_ones() {
    let agent = Agent::start(fake::one);
    let prometheus = Prometheus::scraping(agent.address(), false);
    let delays = fake::delays();
    let text = curled(&[&agent.url("/metrics")]).body;
    let buckets = prometheus.query(r#"veth_one_way_delay_seconds_bucket{pair="web",direction="to_peer"}"#);
    assert_eq!(buckets.len(), 30);
    for (labels, got) in buckets {
        let le = labels["le"].as_str().unwrap();
        let bound = if le == "+Inf" { f64::INFINITY } else { le.parse().unwrap() };
        let upto = |bound: f64| delays.iter().filter(|ns| seconds(**ns) <= bound).count();
        // A delay within a nanosecond of a bound may lie on either side of it.
        let possible = upto(bound - 1e-9)..=upto(bound + 1e-9);
        assert!(possible.contains(&got.to_string().parse().unwrap()), "{le}: {got}, exactly {}", upto(bound));
        let series =
            format!(r#"veth_one_way_delay_seconds_bucket{{le="{le}",pair="web",direction="to_peer"}}"#);
        assert!((sample(&text, &series) - got).abs() < 0.5, "{le}");
    }
    let series = "count({__name__=~\"veth_.*\"})";
    assert!(prometheus.value(series).is_some_and(|count| count > 150.0));
}

#[test]
fn a_gone_pair_leaves_its_last_numbers_and_then_no_series() {
    static GONE: AtomicBool = AtomicBool::new(false);
    let agent = Agent::start(|taken| {
        let mut web = fake::pair("web");
        if GONE.load(Ordering::Relaxed) {
            web.ended = Some("veth1a2b was deleted".into());
            web.directions[0].sent.frames += 1;
        }
        fake::snapshot(taken, vec![(1, web), (2, fake::pair("db"))])
    });
    let prometheus = Prometheus::scraping(agent.address(), true);
    let series = r#"veth_frames_sent_total{pair="web",direction="to_peer"}"#;
    assert_eq!(prometheus.value(series), Some(697.0));
    GONE.store(true, Ordering::Relaxed);
    eventually("the series ended", || prometheus.value(series).is_none());
    let last = prometheus.value(&format!("last_over_time({series}[1m])"));
    assert_eq!(last, Some(698.0), "what it counted to its end is stored");
    assert!(prometheus.value(r#"veth_pair_up{pair="db"}"#).is_some_and(|up| up > 0.5));
}
