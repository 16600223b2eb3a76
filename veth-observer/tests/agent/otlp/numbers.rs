//! The same snapshots on `/metrics` and in an export.

use std::{collections::BTreeMap, time::Duration};

use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data};
use veth_observer::model::link::Owner;

use super::{
    super::{client::curled, fake},
    pushing,
    received::{Received, attributes, histograms, numbers, value},
    receiver::Receiver,
    serving,
};

/// Series of `/metrics` by name and labels, sorted.
type Series = BTreeMap<(String, Vec<String>), f64>;

/// What the text of `/metrics` says, but for what is not pushed.
fn scraped(text: &str) -> Series {
    let is_left_out = |name: &str| {
        !name.starts_with("veth_")
            || name.starts_with("veth_observer_http_")
            || name == "veth_observer_scrape_duration_seconds"
            || name == "veth_observer_collection_duration_seconds"
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap();
            let mut labels: Vec<String> =
                labels.split("\",").map(|label| label.trim_end_matches('"').to_owned()).collect();
            labels.retain(|label| !label.is_empty() && !label.ends_with('='));
            for label in &mut labels {
                // Two libraries may write one number in two ways.
                let bound = label.strip_prefix("le=\"").and_then(|le| le.parse::<f64>().ok());
                if let Some(bound) = bound.filter(|bound| bound.is_finite()) {
                    *label = format!("le=\"{bound}");
                }
            }
            labels.sort();
            (!is_left_out(name)).then(|| ((name.to_owned(), labels), value.parse().unwrap()))
        })
        .collect()
}

/// What Prometheus would make of an export (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility"), with
/// the classic buckets that follow from the exponential ones.
#[expect(clippy::cast_precision_loss, reason = "the numbers of these tests are small")]
fn translated(export: &Received) -> Series {
    let ours = |metric: &&Metric| metric.name.starts_with("veth");
    let mut series = Series::new();
    for metric in
        export.metrics().iter().filter(ours).filter(|it| it.name != "veth_observer.collection.duration")
    {
        let unit = match (&*metric.unit, metric.data.as_ref().unwrap()) {
            ("s", _) => "_seconds",
            ("By", _) => "_bytes",
            ("1", Data::Gauge(_)) => "_ratio",
            _ => "",
        };
        let is_counter = matches!(metric.data, Some(Data::Sum(ref sum)) if sum.is_monotonic);
        let total = if is_counter { "_total" } else { "" };
        let name = format!("{}{unit}{total}", metric.name.replace('.', "_"));
        let mut add = |suffix: &str, labels: Vec<String>, value: f64| {
            assert!(series.insert((format!("{name}{suffix}"), labels), value).is_none(), "{name} twice");
        };
        for point in numbers(metric) {
            add("", labels(attributes(&point.attributes), None), value(point));
        }
        for point in histograms(metric) {
            let attributes = attributes(&point.attributes);
            let positive = point.positive.clone().unwrap_or_default();
            let upto = |end: i32| -> u64 {
                let inside =
                    (positive.offset..).zip(&positive.bucket_counts).filter(|(index, _)| *index < end);
                point.zero_count + inside.map(|(_, count)| count).sum::<u64>()
            };
            // Two to a doubling from 2⁻²² s: each is four of these.
            for half in 0..=28 {
                let power = (f64::from(half / 2) - 22.0).exp2();
                let bound = if half % 2 == 0 { power } else { power * std::f64::consts::SQRT_2 };
                add("_bucket", labels(attributes.clone(), Some(bound)), upto(4 * half - 8 * 22) as f64);
            }
            add("_bucket", labels(attributes.clone(), Some(f64::INFINITY)), upto(i32::MAX) as f64);
            add("_count", labels(attributes.clone(), None), point.count as f64);
            add("_sum", labels(attributes, None), point.sum.unwrap());
        }
    }
    series
}

/// As `/metrics` writes them, without those of the conventions.
fn labels(attributes: BTreeMap<String, String>, bound: Option<f64>) -> Vec<String> {
    let bound = bound.map(|bound| {
        let text = if bound.is_infinite() { "+Inf".to_owned() } else { bound.to_string() };
        ("le".to_owned(), text)
    });
    let mut labels: Vec<String> = attributes
        .into_iter()
        .filter(|(key, value)| !key.contains('.') && !value.is_empty())
        .chain(bound)
        .map(|(key, value)| format!("{key}=\"{value}"))
        .collect();
    labels.sort();
    labels
}

#[test]
fn an_export_says_what_the_metrics_say_number_by_number() {
    let receiver = Receiver::start();
    let (agent, source) = serving(|taken| {
        let mut snapshot = fake::many(taken, 3);
        snapshot.agent.attach_errors.insert("gone".into(), 7);
        snapshot.report.pairs[1].ends[1].owner = Some(Owner {
            runtime: Some("docker".into()),
            name: Some("web".into()),
            id: Some("f00d".into()),
            ..Owner::default()
        });
        snapshot
    });
    let pushing = pushing(source, &receiver.url(), Duration::from_millis(100));
    let [export] = &receiver.first(1)[..] else { panic!("one") };
    let text = curled(&[&agent.url("/metrics")]).body;
    let (scraped, translated) = (scraped(&text), translated(export));
    let missing: Vec<_> = scraped.keys().filter(|series| !translated.contains_key(*series)).collect();
    let added: Vec<_> = translated.keys().filter(|series| !scraped.contains_key(*series)).collect();
    assert!(missing.is_empty() && added.is_empty(), "not pushed: {missing:#?}\nonly pushed: {added:#?}");
    for (series, value) in &scraped {
        assert_eq!(
            value.to_bits(),
            translated[series].to_bits(),
            "{series:?}: {value}, {}",
            translated[series]
        );
    }
    assert!(scraped.len() > 3 * 172, "{}", scraped.len());
    drop(pushing);
}

#[test]
fn a_request_is_what_the_protocol_asks_for() {
    let receiver = Receiver::start();
    let (_agent, source) = serving(fake::one);
    let before = super::unix_ns();
    let _pushing =
        pushing(source, &format!("{}/otel/v1/metrics", receiver.url()), Duration::from_millis(150));
    let exports = receiver.first(3);
    let after = super::unix_ns();
    for export in &exports {
        assert!(export.head.starts_with("POST /otel/v1/metrics HTTP/1.1\r\n"), "{}", export.head);
        assert_eq!(export.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(export.header("host"), Some(&*receiver.address().to_string()));
        assert!(export.header("user-agent").is_some_and(|agent| agent.starts_with("veth-observer/")));
        assert!((before..=after).contains(&export.time()));
    }
    let id = |export: &Received| export.resource()["service.instance.id"].clone();
    assert!(exports.iter().all(|export| id(export) == id(&exports[0])), "one process, one id");
    assert_eq!(exports[0].resource()["service.name"], "veth-observer");
    assert!(exports.is_sorted_by_key(Received::time) && exports[0].time() < exports[2].time());
    let start = |export: &Received| {
        export.point("veth.sent", &[("direction", "to_peer")]).unwrap().start_time_unix_nano
    };
    assert!(exports.iter().all(|export| start(export) == start(&exports[0])), "of one observation");
    assert!((before - 3_000_000_000..after).contains(&start(&exports[0])));
}
