//! The request, held against the table of metrics, the conventions and the kernel's grid.

mod histograms;

use std::{collections::BTreeSet, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value},
    metrics::v1::{ExponentialHistogramDataPoint, Metric, NumberDataPoint, metric::Data, number_data_point},
};
use prost::Message;

use number_data_point::Value::{AsDouble, AsInt};

use super::{
    names::{LEFT_OUT, NAMES, Origin, Values},
    request,
    starts::Starts,
};
use crate::{
    model::{
        drop::Stage,
        link::Owner,
        report::Dropped,
        snapshot::{ProcessState, PushState, Snapshot},
    },
    view::metrics::{
        Detail,
        table::{self, Kind},
        tests::{pair, scrape, snapshot},
    },
};

/// When the snapshots were taken, and by how much the clock on the wall is ahead of the other.
const TAKEN: u64 = 9_000;
const WALL: u64 = 1_700_000_000_000_000_000;

fn moment(mut snapshot: Snapshot) -> Snapshot {
    (snapshot.agent.taken_ns, snapshot.agent.taken_unix_ns) = (TAKEN, TAKEN + WALL);
    for (pair, state) in snapshot.report.pairs.iter_mut().zip(&snapshot.agent.observed) {
        pair.started_ns = 1_000 * state.id;
    }
    snapshot
}

fn process() -> ProcessState {
    ProcessState {
        cpu_seconds: 3.0,
        system_seconds: 1.0,
        start_unix_seconds: 1_600_000_000.25,
        threads: 7,
        ..ProcessState::default()
    }
}

fn requested(snapshot: Snapshot, starts: &mut Starts) -> ExportMetricsServiceRequest {
    let snapshot = moment(snapshot);
    starts.follow(&snapshot, &process());
    let mut scrape = scrape(snapshot, Detail::default());
    Arc::get_mut(&mut scrape).unwrap().process = process();
    request(&scrape, starts, &[("service.name".into(), "a".into())])
}

fn metrics(snapshot: Snapshot) -> Vec<Metric> {
    requested(snapshot, &mut Starts::default()).resource_metrics.remove(0).scope_metrics.remove(0).metrics
}

fn found<'a>(metrics: &'a [Metric], name: &str) -> &'a Metric {
    metrics.iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn numbers(metric: &Metric) -> &[NumberDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => &sum.data_points,
        Data::Gauge(gauge) => &gauge.data_points,
        _ => &[],
    }
}

fn histograms(metric: &Metric) -> &[ExponentialHistogramDataPoint] {
    match metric.data.as_ref().unwrap() {
        Data::ExponentialHistogram(histogram) => &histogram.data_points,
        _ => &[],
    }
}

/// `key=value`, sorted.
fn text(attributes: &[KeyValue]) -> String {
    let one = |it: &KeyValue| match it.value.as_ref().unwrap().value.as_ref().unwrap() {
        any_value::Value::StringValue(value) => format!("{}={value}", it.key),
        other => panic!("{other:?}"),
    };
    let mut all: Vec<String> = attributes.iter().map(one).collect();
    all.sort();
    all.join(" ")
}

/// What Prometheus calls it: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
fn translated(name: &str, unit: &str, kind: Kind) -> String {
    let unit = match (unit, kind) {
        ("s", _) => "_seconds",
        ("By", _) => "_bytes",
        ("1", Kind::Gauge) => "_ratio",
        (unit, _) if unit.is_empty() || unit.starts_with('{') => "",
        (unit, _) => panic!("{unit}"),
    };
    let total = if kind == Kind::Counter { "_total" } else { "" };
    format!("{}{unit}{total}", name.replace('.', "_"))
}

#[test]
fn every_metric_has_one_name_and_prometheus_would_call_ours_as_we_do() {
    let mut sent: Vec<&str> = vec!["process_cpu_seconds_total"];
    for name in NAMES {
        if let Values::Metric(of) = name.values {
            let row = table::metrics().find(|row| row.name == of).unwrap_or_else(|| panic!("no row {of}"));
            if name.origin == Origin::Ours {
                assert_eq!(translated(name.name, name.unit, row.kind), of);
            }
            sent.push(of);
        }
    }
    sent.extend(LEFT_OUT);
    sent.sort_unstable();
    let mut rows: Vec<&str> = table::metrics().map(|row| row.name).collect();
    rows.sort_unstable();
    assert_eq!(sent, rows, "each row once, sent or left out");
    let names: BTreeSet<&str> = NAMES.iter().map(|name| name.name).collect();
    assert_eq!(names.len(), NAMES.len());
    for name in &names {
        let below = format!("{name}.");
        assert!(!names.iter().any(|other| other.starts_with(&below)), "{name} is a namespace too");
    }
}

#[test]
fn the_page_has_every_name() {
    let page = include_str!("../../../../docs/otlp.md");
    for name in NAMES {
        let of = match (name.values, name.origin) {
            (Values::Metric(of), Origin::Ours) => format!("`{of}`"),
            (_, Origin::Convention(page)) => page.to_owned(),
            _ => panic!("{name:?}"),
        };
        let row = format!("| `{}` | {} | {of} |", name.name, name.unit);
        assert!(page.lines().any(|line| line.starts_with(&row)), "docs/otlp.md has no row `{row}`");
    }
    let rows = page.lines().filter(|line| line.starts_with("| `veth") || line.contains("-metrics.md |"));
    assert_eq!(rows.count(), NAMES.len());
}

#[test]
fn what_is_encoded_is_what_is_decoded() {
    let request = requested(snapshot(vec![(1, pair("web")), (2, pair("db"))]), &mut Starts::default());
    let decoded = ExportMetricsServiceRequest::decode(&*request.encode_to_vec()).unwrap();
    assert_eq!(decoded, request);
    let [resource] = &*request.resource_metrics else { panic!("one resource") };
    assert_eq!(text(&resource.resource.as_ref().unwrap().attributes), "service.name=a");
    assert_eq!(resource.scope_metrics[0].scope.as_ref().unwrap().name, "veth-observer");
}

#[test]
fn every_point_has_its_time_its_beginning_and_attributes_of_its_own() {
    let metrics = metrics(snapshot(vec![(1, pair("web")), (2, pair("db"))]));
    let names: Vec<&str> = metrics.iter().map(|metric| &*metric.name).collect();
    // Without XDP, probes and pushing there is nothing to say of them.
    for name in NAMES.iter().map(|name| name.name) {
        let may_be_silent = ["veth.driver.", "veth.probe.", "veth_observer.otlp."];
        let is_silent = may_be_silent.iter().any(|prefix| name.starts_with(prefix));
        assert_eq!(names.contains(&name), !is_silent, "{name}");
    }
    for metric in &metrics {
        let name = &metric.name;
        let is_sum = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => sum.aggregation_temporality == 2,
            Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality == 2,
            Data::Gauge(_) => false,
            other => panic!("{other:?}"),
        };
        let points: Vec<(&[KeyValue], u64, u64)> = numbers(metric)
            .iter()
            .map(|point| (&*point.attributes, point.start_time_unix_nano, point.time_unix_nano))
            .chain(
                histograms(metric)
                    .iter()
                    .map(|point| (&*point.attributes, point.start_time_unix_nano, point.time_unix_nano)),
            )
            .collect();
        let mut seen = BTreeSet::new();
        for (attributes, start, time) in points {
            let attributes = text(attributes);
            assert_eq!(time, WALL + TAKEN, "{name}");
            let began = match (is_sum, &*attributes) {
                (false, _) => 0,
                (true, text) if text.contains("pair=web") => WALL + 1_000,
                (true, text) if text.contains("pair=db") => WALL + 2_000,
                (true, _) => 1_600_000_000_250_000_000,
            };
            assert_eq!(start, began, "{name} {attributes}");
            assert!(seen.insert(attributes.clone()), "{name} {attributes} twice");
        }
        assert!(!seen.is_empty(), "{name}");
    }
}

#[test]
fn a_beginning_stays_when_the_clock_is_set_and_is_never_after_the_point() {
    let mut starts = Starts::default();
    let of = |snapshot: &Snapshot, starts: &mut Starts, process: &ProcessState| {
        starts.follow(snapshot, process);
        (starts.of(Some(1)), starts.of(None))
    };
    let mut snapshot = moment(snapshot(vec![(1, pair("web"))]));
    let first = of(&snapshot, &mut starts, &process());
    assert_eq!(first, (WALL + 1_000, 1_600_000_000_250_000_000));
    snapshot.agent.taken_ns += 60;
    snapshot.agent.taken_unix_ns -= 3600;
    let later = ProcessState { start_unix_seconds: 5.0, ..process() };
    assert_eq!(of(&snapshot, &mut starts, &later), first);
    snapshot.agent.observed[0].id = 2;
    starts.follow(&snapshot, &later);
    assert_eq!(starts.of(Some(2)), WALL + 1_000 - 3660, "of another observation");
    assert_eq!(starts.of(Some(1)), 0, "forgotten");
    let mut back = self::snapshot(vec![(2, pair("web"))]);
    (back.agent.taken_ns, back.agent.taken_unix_ns) = (1, 7);
    let request = request(&scrape(back, Detail::default()), &starts, &[]);
    let metric = found(&request.resource_metrics[0].scope_metrics[0].metrics, "veth.sent").clone();
    assert!(numbers(&metric).iter().all(|point| point.start_time_unix_nano == 7));
}

#[test]
fn an_end_sends_one_direction_and_receives_the_other() {
    let mut web = pair("web");
    let death = |stage, frames| Dropped { stage, reason: None, location: "f".into(), frames };
    let [out, back] = &mut web.directions;
    out.dropped = vec![
        death(Stage::Qdisc, 1),
        death(Stage::Veth, 2),
        death(Stage::Other, 4),
        death(Stage::EgressProgram, 8),
        death(Stage::Ring, 16),
        death(Stage::Backlog, 32),
        death(Stage::Xdp, 64),
        death(Stage::IngressProgram, 128),
    ];
    back.dropped.clear();
    web.ends[1].owner = Some(Owner {
        name: Some("a\nb".into()),
        id: Some("f00".into()),
        pod: Some("podman".into()),
        ..Owner::default()
    });
    let metrics = metrics(snapshot(vec![(1, web)]));
    let said = |name: &str| -> Vec<(String, number_data_point::Value)> {
        numbers(found(&metrics, name))
            .iter()
            .map(|point| (text(&point.attributes), point.value.unwrap()))
            .collect()
    };
    let near =
        |word: &str| format!("end=near network.interface.name=veth0 network.io.direction={word} pair=web");
    let peer = |word: &str| {
        let owner = "container.id=f00 container.name=a\\nb";
        format!("{owner} end=peer network.interface.name=eth0 network.io.direction={word} pair=web")
    };
    assert_eq!(
        said("system.network.io"),
        [
            (near("transmit"), AsInt(104)),
            (peer("receive"), AsInt(107)),
            (peer("transmit"), AsInt(204)),
            (near("receive"), AsInt(207)),
        ]
    );
    assert_eq!(
        said("system.network.packet.dropped"),
        [
            (near("transmit"), AsInt(15)),
            (peer("receive"), AsInt(240)),
            (peer("transmit"), AsInt(0)),
            (near("receive"), AsInt(0)),
        ]
    );
}

#[test]
fn values_are_whole_where_they_can_be_and_say_who_lives_there() {
    let mut web = pair("web");
    web.ends[1].owner = Some(Owner {
        pod: Some("db-0".into()),
        namespace: Some("shop".into()),
        id: Some("f00".into()),
        ..Owner::default()
    });
    web.directions[0].sent.frames = u64::MAX;
    let mut snapshot = snapshot(vec![(1, web)]);
    snapshot.agent.push = Some(PushState { delivered: 2, failed: 3, rejected_points: 4 });
    let metrics = metrics(snapshot);
    let values = |name: &str| -> Vec<number_data_point::Value> {
        numbers(found(&metrics, name)).iter().map(|point| point.value.unwrap()).collect()
    };
    let who = "container.id=f00 direction=to_peer k8s.namespace.name=shop k8s.pod.name=db-0 pair=web";
    assert_eq!(text(&numbers(found(&metrics, "veth.frames.sent"))[0].attributes), who);
    assert_eq!(values("veth.frames.sent"), [AsInt(i64::MAX), AsInt(203)]);
    assert_eq!(values("veth.frames.unexplained"), [AsDouble(-10.0); 2]);
    assert_eq!(values("veth_observer.otlp.exports"), [AsInt(2), AsInt(3)]);
    assert_eq!(values("veth_observer.otlp.points_rejected"), [AsInt(4)]);
    assert_eq!(values("process.cpu.time"), [AsDouble(2.0), AsDouble(1.0)]);
    assert_eq!(values("process.thread.count"), [AsDouble(7.0)]);
    let kind = |name: &str| match found(&metrics, name).data.as_ref().unwrap() {
        Data::Sum(sum) => {
            if sum.is_monotonic {
                "counter"
            } else {
                "up-down counter"
            }
        }
        Data::Gauge(_) => "gauge",
        _ => "histogram",
    };
    assert_eq!(
        ["veth.sent", "process.thread.count", "veth.pair.up", "process.cpu.time"].map(kind),
        ["counter", "up-down counter", "gauge", "counter"]
    );
}

#[test]
fn the_web_server_is_not_spoken_of() {
    let text = format!("{:?}", metrics(snapshot(vec![(1, pair("web"))])));
    assert!(!text.contains("http"), "its counts are not known here");
}
